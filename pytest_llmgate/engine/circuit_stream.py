"""The ordered window of one circuit test: chunks of shots, round after round over its arms.

Pure and single-owner, as `TestStream`. A round has one chunk of every arm whose gates could not be decided without it,
so that no shot is drawn that cannot matter. It begins when the one before is folded: whatever the order in which chunks
come back, the same ones are asked for, so that a recorded run can be folded again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from pytest_llmgate.core.circuit import SWITCHED, Arm, arm_labels
from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.core.plan import GatePlan, TestPlan
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.reply import Usage, UsageSum
from pytest_llmgate.core.trial import Trial, TrialKeys
from pytest_llmgate.engine.shots import ShotFold


@dataclass(slots=True)
class ShotEvidence:
    """What a test took and what went wrong, beside its gates."""

    usage_sum: UsageSum = field(default_factory=UsageSum)
    shots: int = 0
    replayed: int = 0
    errors: int = 0
    problems: list[str] = field(default_factory=list)
    methods: set[str] = field(default_factory=set)
    arms: set[int] = field(default_factory=set)
    on_fallback: bool = False

    @property
    def usage(self) -> Usage:
        return self.usage_sum.total

    def latencies(self, gate: str) -> Sequence[float]:
        """None: nobody asks how long a shot took."""
        return ()


class ArmsGate:
    """One assertion over all of its arms: fails where one of them fails, passes where all of them pass."""

    def __init__(self, plan: GatePlan, folds: Sequence[ShotFold]) -> None:
        self.plan = plan
        self.name = plan.name
        self.folds = list(folds)

    @property
    def decision(self) -> Decision | None:
        """The worst arm's decision, the first of them; None while an arm is undecided."""
        decisions = [fold.decision for fold in self.folds]
        if any(decision is None for decision in decisions):
            return None
        return self.worst.decision

    @property
    def worst(self) -> ShotFold:
        """The arm that gave the gate its verdict; before that, the first one that is undecided."""

        def badness(fold: ShotFold) -> int:
            return Outcome.INCONCLUSIVE.rank if fold.decision is None else fold.decision.outcome.rank

        return max(self.folds, key=badness)  # the first of equals


class _ArmState:
    """How far one arm has come."""

    __slots__ = ("arm", "ordinal", "place")

    def __init__(self, arm: Arm, place: int) -> None:
        self.arm = arm
        self.place = place
        self.ordinal = 0


class CircuitStream:
    """Folds the chunks of one circuit test and says which to draw next.

    arms: the test's streams of shots. gates: one an assertion, in plan order. wanted: shots that every arm must reach
    whatever its gates say (for a baseline proposal), 0 for none.
    """

    def __init__(self, plan: TestPlan, arms: Sequence[Arm], gates: Sequence[ArmsGate], wanted: int = 0) -> None:
        self.plan = plan
        self.arms = tuple(arms)
        self.gates = tuple(gates)
        self.evidence = ShotEvidence()
        self.folded = 0
        self.done = False
        self.ended = ""
        self._wanted = wanted
        self._states = [_ArmState(arm, place) for place, arm in enumerate(arms)]
        self._source = TrialKeys(plan.seed, plan.id, tuple(arm.id for arm in arms)).trials()
        self._round: deque[Trial] = deque()
        self._sent = 0
        self._drawn: list[dict[str, int]] = [{} for _ in arms]
        self._chunks: list[list[Mapping[str, int]]] = [[] for _ in arms]
        self._waiting: dict[int, TrialRecord] = {}
        # With levels of noise, the level at which an assertion first fails is what is asked for.
        self._go_on = plan.stop == "all" or len({arm.scale for arm in arms}) > 1
        self._check_done()

    # ---- asking

    @property
    def outstanding(self) -> int:
        """Chunks handed out and not folded yet."""
        return self._sent - self.folded

    @property
    def over(self) -> bool:
        """Whether no chunk is wanted any more."""
        return self.done

    def next(self) -> Trial | None:
        """The next chunk to draw, or None: all that can matter is under way, or the test is done."""
        while not self.done:
            if self._round:
                self._sent += 1
                return self._round.popleft()._replace(index=self._sent - 1)
            if self.outstanding:
                return None
            self._round.extend(trial for trial in islice(self._source, len(self.arms)) if self._wants(trial))
        return None

    def _wants(self, trial: Trial) -> bool:
        return not self._finished(self._states[trial.case])

    def shots(self, trial: Trial) -> int:
        """Shots of a chunk that was handed out."""
        state = self._states[trial.case]
        return state.arm.shots(state.ordinal)

    def known(self, trial: Trial) -> TrialRecord | None:
        """Nothing is known before it is drawn."""
        return None

    def _finished(self, state: _ArmState) -> bool:
        """Whether an arm needs no further chunk."""
        if state.ordinal >= len(state.arm.totals):
            return True
        drawn = state.arm.totals[state.ordinal - 1] if state.ordinal else 0
        return drawn >= self._wanted and all(fold.decision is not None for fold in self._folds(state.place))

    def _folds(self, arm: int) -> list[ShotFold]:
        return [fold for gate in self.gates for fold in gate.folds if fold.arm == arm]

    # ---- folding

    def put(self, record: TrialRecord) -> None:
        """Take in one completed chunk, in any order; folds as far as the prefix is whole."""
        if self.done:
            return
        self._waiting[record.trial.index] = record
        while not self.done and (following := self._waiting.pop(self.folded, None)) is not None:
            self._fold(following)
        if self.done:
            self._waiting.clear()

    def _fold(self, record: TrialRecord) -> None:
        self.folded += 1
        state = self._states[record.trial.case]
        kind = str(record.error).partition(":")[0] if record.error is not None else ""
        if kind == SWITCHED:
            self._switch(record)
            return
        if kind == "budget":
            self.evidence.problems.append(self._told(record))
            self._end(kind)
            return
        if record.error is not None:
            self.evidence.errors += 1
            self.evidence.problems.append(self._told(record))
            self._end("error")
            return
        if self.evidence.on_fallback and not _of_stand_in(record, state):
            return
        self._count(record, state)
        self._check_done()

    def _told(self, record: TrialRecord) -> str:
        """What went wrong with a chunk, and on which arm where there are several."""
        label = arm_labels(self.arms)[record.trial.case]
        return f"{label}: {record.error}" if label else str(record.error)

    def _count(self, record: TrialRecord, state: _ArmState) -> None:
        counts: Mapping[str, int] = record.outcome["counts"]
        evidence = self.evidence
        evidence.usage_sum.add(record.usage)
        evidence.shots += sum(counts.values())
        evidence.replayed += record.replayed
        evidence.methods.add(str(record.outcome.get("method", "")))
        evidence.arms.add(record.trial.case)
        evidence.on_fallback = evidence.on_fallback or bool(record.outcome.get("fallback"))  # of given counts
        drawn = self._drawn[record.trial.case]
        for outcome, number in counts.items():
            drawn[outcome] = drawn.get(outcome, 0) + number
        if record.outcome.get("job") is not None:
            self._chunks[record.trial.case].append(counts)
        for fold in self._folds(record.trial.case):
            fold.add(counts, state.ordinal, record.trial.seed)
        state.ordinal += 1
        if state.ordinal == len(state.arm.totals):
            for fold in self._folds(record.trial.case):
                if fold.decision is None:
                    fold.stop(Outcome.INCONCLUSIVE, "ceiling")

    def _switch(self, record: TrialRecord) -> None:
        """Start anew on the stand-in: what the first backend drew is kept on record and does not count."""
        if self.evidence.on_fallback:
            return
        self.evidence = ShotEvidence(on_fallback=True, problems=[self._told(record)])
        self._drawn = [{} for _ in self._states]
        self._chunks = [[] for _ in self._states]
        for state in self._states:
            state.ordinal = 0
        for gate in self.gates:
            gate.folds = [fold.anew() for fold in gate.folds]

    def _check_done(self) -> None:
        failed = any(
            fold.decision is not None and fold.decision.outcome is Outcome.FAIL and gate.plan.blocks
            for gate in self.gates
            for fold in gate.folds
        )
        if failed and not self._go_on and not self._wanted:
            self._end("first-fail")
        elif all(self._finished(state) for state in self._states):
            self._end("ceiling")

    def cut(self, reason: str) -> None:
        """Stop from outside (`budget`, `interrupted`): what is undecided stays undecided."""
        if not self.done:
            self._waiting.clear()
            self._end(reason)

    def _end(self, reason: str) -> None:
        self.ended = reason
        for gate in self.gates:
            for fold in gate.folds:
                if fold.decision is None:
                    fold.stop(Outcome.ERROR if reason == "error" else Outcome.INCONCLUSIVE, reason)
        self.done = True

    def drawn(self, arm: int) -> Mapping[str, int]:
        """Counts of one arm that count, by outcome."""
        return self._drawn[arm]

    def jobs(self, arm: int) -> Sequence[Mapping[str, int]]:
        """Counts of the jobs of a device that drew an arm's shots; none where they were simulated."""
        return self._chunks[arm]

    def row(self) -> dict[str, Any]:
        """What the verdict says of the shots as a whole."""
        return {
            "shots": self.evidence.shots,
            "methods": sorted(self.evidence.methods),
            "fallback": self.evidence.on_fallback,
        }


def _of_stand_in(record: TrialRecord, state: _ArmState) -> bool:
    """Whether a chunk belongs to the streams that began anew; one that was under way at the change does not.

    It was drawn by the backend that was given up, or by the stand-in at the size that the old stream asked for.
    """
    fits = record.outcome.get("shots") == state.arm.shots(state.ordinal)
    return fits and bool(record.outcome.get("fallback"))
