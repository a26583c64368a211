"""The ordered window of one test: which trial comes next, and what the folded prefix says.

Pure and single-owner: it starts no call and knows no clock. Trials are folded in index order whatever the order
in which they complete, because deciding in completion order lets slow failures slip through.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.groups import groups_in, trials_for
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.reply import NO_USAGE
from pytest_llmgate.core.trial import Trial, TrialKeys
from pytest_llmgate.engine.evidence import Evidence
from pytest_llmgate.engine.gate import Fold
from pytest_llmgate.engine.groups import GroupFold

_CUT = ("budget", "interrupted", "error")  # ends that nothing is drawn after, not even for a baseline
HOPELESS = 10  # so many failures to answer in a row at the very start end the test


class TestStream:
    """Folds the trials of one test and says which to run next.

    gates: one a gate of the plan, in its order. Subjects whose identical requests give identical replies (declared; or
    presumed, and then looked at twice) are decided by a census. sampled: trials to draw whatever the gates say, as a
    baseline that is to be proposed rests on them; those past the decision are recorded, and count for nothing.
    """

    __test__ = False

    def __init__(self, plan: TestPlan, gates: Sequence[Fold], sampled: int = 0) -> None:
        self.plan = plan
        self.gates = tuple(gates)
        self.evidence = Evidence(plan)
        self.folded = 0
        self.done = False
        self.ended = ""  # why the test stopped from outside, if it did
        self._cases = len(plan.cases)
        self._groups = GroupFold(plan) if any(gate.repeats > 1 for gate in plan.gates) else None
        self._cover = max((self._covering(gate) for gate in self.gates), default=0)
        self._source = TrialKeys(plan.seed, plan.id, tuple(case.id for case in plan.cases)).trials()
        self._sent = 0
        self._waiting: dict[int, TrialRecord] = {}
        self._beyond = 0  # trials that completed past the decision
        self._twice = _Twice(self._cases) if plan.presumed_equal and 2 * self._cases <= plan.trials else None
        if plan.equal_replies:
            for gate in self.gates:
                gate.census(self._cases)
        self._ceiling = min(plan.trials, self._cases) if plan.equal_replies else plan.trials
        self._sampled = min(sampled, self._cases) if plan.equal_replies else sampled
        self._decided = self._seen_decided = 0
        self._horizon = self._reach()
        self.done = self._horizon == 0  # nothing can be decided, and nothing is to be seen

    def _covering(self, gate: Fold) -> int:
        """Trials before which a gate has no say: until then it has not seen every case."""
        return min(self._cases * gate.repeats, self.plan.trials) if self.plan.cover == "each" else 0

    # ---- asking

    def next(self) -> Trial | None:
        """The next trial to run, or None: all that can matter so far is under way, or the test is done."""
        if self.done:
            if self._sent >= self._sampled or self.ended in _CUT:
                return None
        elif self._sent >= self._horizon and not self._further():
            return None
        self._sent += 1
        return next(self._source)

    def _further(self) -> bool:
        """Whether what was folded since the last look lets further trials matter."""
        self._horizon = self._reach()
        return self._sent < self._horizon

    @property
    def outstanding(self) -> int:
        """Trials handed out and not folded yet."""
        return self._sent - self.folded - self._beyond - (self._twice.held if self._twice else 0)

    def extend(self, sampled: int) -> None:
        """Draw more trials than were asked for at first, whatever the gates say."""
        self._sampled = max(self._sampled, sampled)

    @property
    def over(self) -> bool:
        """Whether no trial is wanted any more, and none that is wanted is under way."""
        return self.done and (self.ended in _CUT or self.folded + self._beyond >= self._sampled)

    def known(self, trial: Trial) -> TrialRecord | None:
        """The record of a trial whose reply is already certain, so that it is not asked again."""
        earlier = self._twice.certain.get(trial.case) if self._twice else None
        if earlier is None:
            return None
        again = earlier._replace(trial=trial, usage=NO_USAGE, latency_ms=None, queued_ms=None)
        return again if self._groups is None else self._groups.certain(again)

    def _reach(self) -> int:
        """First index that cannot matter if all outstanding trials are good; never past the ceiling."""
        undecided = [gate for gate in self.gates if gate.decision is None]
        if self._twice and self._twice.open and undecided and self.folded >= self._cases:
            return 2 * self._cases
        reach = min(max(self._cover, *map(self._decided_by, undecided), self.folded), self._ceiling)
        # What is presumed equal waits for the second look before a third is asked.
        return min(reach, 2 * self._cases) if self._twice and self._twice.open else reach

    def _decided_by(self, gate: Fold) -> int:
        """Trials after which a gate is decided if all outstanding ones are good."""
        need = gate.need()
        if gate.repeats == 1:
            return self.folded + need
        groups = groups_in(self.folded, self._cases, gate.repeats) + need
        return trials_for(groups, self._cases, gate.repeats)

    # ---- folding

    def put(self, record: TrialRecord) -> None:
        """Take in one completed trial, in any order; folds as far as the prefix is whole."""
        if self.done:
            self._beyond += 1
            return
        if record.trial.index != self.folded + (self._twice.held if self._twice else 0):
            self._waiting[record.trial.index] = record
            return
        self._advance(record)
        while self._waiting and not self.done:
            following = self._waiting.pop(self.folded + (self._twice.held if self._twice else 0), None)
            if following is None:
                break
            self._advance(following)
        if self.done:
            self._beyond += len(self._waiting)
            self._waiting.clear()
        elif self._decided != self._seen_decided:
            # Bad trials only move the horizon outwards, which the next look finds; a decision may draw it in.
            self._seen_decided = self._decided
            self._horizon = self._reach()

    def _advance(self, record: TrialRecord) -> None:
        twice = self._twice
        if twice is None or not twice.open:
            self._fold(record)
        elif record.trial.repeat == 0:
            twice.first(record)
            self._fold(record)
        else:
            self._hold(twice, record)

    def _hold(self, twice: _Twice, record: TrialRecord) -> None:
        """Second look at what should be deterministic: judged as a whole when the round is complete."""
        twice.second(record)
        if twice.held < self._cases:
            return
        held = twice.close()
        if twice.all_certain:
            self._decide_by_census(held)
            return
        for record_held in held:
            if self.done:
                self._beyond += 1
            else:
                self._fold(record_held)

    def _decide_by_census(self, held: Sequence[TrialRecord]) -> None:
        for gate in self.gates:
            if gate.decision is None and gate.repeats > 1:
                gate.stop(Outcome.INCONCLUSIVE, "identical")
            elif gate.decision is None:
                gate.census(self._cases)
        for record in held:
            self.folded += 1
            self.evidence.add(record)
        self.done = True

    def _fold(self, record: TrialRecord) -> None:
        self.folded += 1
        if self._groups is not None:
            record = self._groups.settled(record)
        self.evidence.add(record)
        verdicts = record.verdicts
        decided = 0
        failed = False
        for gate in self.gates:
            gate.take(record)
            decision = gate.decision
            if decision is not None:
                decided += 1
                if decision.outcome is Outcome.FAIL and gate.plan.blocks:
                    failed = True
        self._decided = decided
        if record.fatal or (None in verdicts.values() and self._hopeless()):
            self._end("error")
        elif failed and self.plan.stop == "first-fail":
            self._end("first-fail")
        elif decided == len(self.gates) and self.folded >= self._cover:
            self.done = True
        elif self.folded >= self._ceiling:
            self._end("ceiling")

    def _hopeless(self) -> bool:
        """Whether more trials are pointless: some gate has too many without a score, whatever the rest says."""
        return any(
            gate.tally.holes > self.plan.max_errors * groups_in(self._ceiling, self._cases, gate.repeats)
            or gate.tally.holes == gate.tally.n == HOPELESS
            for gate in self.gates
            if gate.decision is None and gate.plan.blocks
        )

    def cut(self, reason: str) -> None:
        """Stop from outside (`budget`, `interrupted`): what is undecided stays undecided.

        What waits for earlier trials, or was held for a second look that is not complete, does not count.
        """
        if not self.done:
            self._waiting.clear()
            self._end(reason)

    def _end(self, reason: str) -> None:
        """Close the test; gates without a decision, or with a pass that not all cases saw, are inconclusive."""
        self.ended = reason
        for gate in self.gates:
            decision = gate.decision
            covered = self.folded >= self._covering(gate)
            if decision is None or (decision.outcome is Outcome.PASS and not covered):
                gate.stop(Outcome.ERROR if reason == "error" else Outcome.INCONCLUSIVE, reason)
        self.done = True


class _Twice:
    """Looks twice at requests that should have identical replies."""

    def __init__(self, cases: int) -> None:
        self._cases = cases
        self._first: dict[int, TrialRecord] = {}
        self._held: list[TrialRecord] = []
        self.certain: dict[int, TrialRecord] = {}
        self.open = True

    @property
    def held(self) -> int:
        return len(self._held)

    @property
    def all_certain(self) -> bool:
        return len(self.certain) == self._cases

    def first(self, record: TrialRecord) -> None:
        self._first[record.trial.case] = record

    def second(self, record: TrialRecord) -> None:
        earlier = self._first[record.trial.case]
        self._held.append(record)
        if record.reply is not None and record.reply == earlier.reply and record.error is None:
            self.certain[record.trial.case] = record

    def close(self) -> list[TrialRecord]:
        """End the second look and give back what was held."""
        held, self._held = self._held, []
        self._first.clear()
        self.open = False
        return held
