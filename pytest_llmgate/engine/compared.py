"""The state of gates that are compared with a baseline while their test runs."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence

from pytest_llmgate.core.compared import Compared, ReplyBaseline
from pytest_llmgate.core.decision import Decision, Outcome, Tally
from pytest_llmgate.core.plan import GatePlan
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.trial import derived_seed
from pytest_llmgate.engine.gate import STALE, UNAPPROVED
from pytest_llmgate.stats.cost_rule import CostRule
from pytest_llmgate.stats.paired import PairedRate, PairTally
from pytest_llmgate.stats.ratio import Sums

_DUST = 1e-9


class ComparedFold:
    """What all of them share; by itself a gate that cannot be decided, as its baseline is missing or stale."""

    __slots__ = ("_members", "against", "by_case", "decision", "identical", "name", "plan", "repeats", "seen", "tally")

    def __init__(self, plan: GatePlan, members: Collection[int] | None = None) -> None:
        assert plan.compared is not None
        self.plan = plan
        self.name = plan.name
        self.repeats = plan.repeats
        self.against: Compared = plan.compared
        self._members = members
        self.tally = Tally()
        self.seen = Tally()
        self.identical = 0
        self.by_case: dict[str, Tally] = {}  # of today, at the decision or so far
        self.decision: Decision | None = _undecidable(plan.compared)

    @property
    def baseline(self) -> ReplyBaseline:
        """The baseline of a gate that has one."""
        assert self.against.baseline is not None
        return self.against.baseline

    def take(self, record: TrialRecord) -> None:
        """Fold one more trial, in index order."""
        if self._members is not None and record.trial.case not in self._members:
            return
        if self.repeats > 1 and self.name not in record.verdicts:
            self.identical += self.decision is None and self.name in record.identical
            return
        good = record.verdicts.get(self.name)
        self.seen = self.seen.add(good)
        if self.decision is None:
            self.tally = self.seen
            self.by_case[record.case] = self.by_case.get(record.case, Tally()).add(good)
            self.decision = self._next(record, good)

    def _next(self, record: TrialRecord, good: bool | None) -> Decision | None:
        """The decision after one more trial."""
        return self.decision

    def need(self) -> int:
        """Further trials that decide; at least 1 while undecided."""
        return 1

    def census(self, cases: int) -> None:
        """Decide by all there is, as soon as all of it was seen."""

    def stop(self, outcome: Outcome, reason: str) -> None:
        """End from outside."""
        if self.decision is None or self.decision.stop_reason not in (UNAPPROVED, STALE):
            self.decision = Decision(outcome, reason)


def _undecidable(against: Compared) -> Decision | None:
    reason = {"new": UNAPPROVED, "stale": STALE}.get(against.standing)
    return None if reason is None else Decision(Outcome.INCONCLUSIVE, reason)


class PairFold(ComparedFold):
    """How often replies are good, in pairs of one reply of today and one of the baseline to the same case.

    Every reply of the baseline is used once, in an order drawn from the root seed: which one stands beside which is
    chance, so that a pair is a pair of independent draws of its case.
    """

    __slots__ = ("_census", "_earlier", "pairs", "rule")

    def __init__(self, plan: GatePlan, rule: PairedRate, seed: int, members: Collection[int] | None = None) -> None:
        super().__init__(plan, members)
        self.rule = rule
        self.pairs = PairTally()
        self._census = 0
        self._earlier = {
            case: _shuffled(figures["passed"], figures["n"], derived_seed(seed, self.baseline.test, plan.name, case))
            for case, figures in self.baseline.cases.items()
        }

    def _next(self, record: TrialRecord, good: bool | None) -> Decision | None:
        if self._census:
            return self._counted() if self.tally.n >= self._census else None
        earlier = next(self._earlier.get(record.case, iter(())), None)
        if earlier is None:  # a new case, or more replies than the baseline has
            return None
        self.pairs = self.pairs.add(good, earlier)
        return self.rule.decide(self.pairs)

    def need(self) -> int:
        """Further pairs that decide."""
        return max(1, self._census - self.tally.n) if self._census else max(1, self.rule.need(self.pairs))

    def census(self, cases: int) -> None:
        """Each case has one reply: the difference is what it is."""
        self._census = cases if self._members is None else len(self._members)
        self.decision = self._counted() if self.tally.n >= self._census else None

    def rates(self) -> tuple[float, float] | None:
        """Mean of the cases' rates, of today and of the baseline, over the cases that both have scored."""
        both = [(self.by_case[case], figures) for case, figures in self.baseline.cases.items() if case in self.by_case]
        scored = [(today.successes / (today.n - today.holes), was) for today, was in both if today.n > today.holes]
        if not scored:
            return None
        earlier = [was["passed"] / was["n"] for _, was in scored]
        return sum(rate for rate, _ in scored) / len(scored), sum(earlier) / len(earlier)

    def _counted(self) -> Decision:
        found, margin = self.rates(), self.plan.margin or 0.0
        if found is None or self.tally.holes:
            return Decision(Outcome.INCONCLUSIVE, "holes")
        return Decision(Outcome.PASS if found[0] - found[1] >= -margin - _DUST else Outcome.FAIL, "census")


def _shuffled(passed: int, n: int, seed: int) -> Iterator[bool]:
    replies = [True] * passed + [False] * (n - passed)
    random.Random(seed).shuffle(replies)  # noqa: S311 - an order, not a secret
    return iter(replies)


class UsageFold(ComparedFold):
    """What replies take, by case. A reply whose figure is not known counts as a runaway where that is the worse."""

    __slots__ = ("_census", "factor")

    def __init__(self, plan: GatePlan, members: Collection[int] | None = None) -> None:
        super().__init__(plan, members)
        self.factor = float(self.baseline.parameters["runaway_factor"])
        self._census = 0

    def census(self, cases: int) -> None:
        """Each case has one reply."""
        self._census = cases if self._members is None else len(self._members)
        self.decision = self._counted() if self.tally.n >= self._census else None

    def _counted(self) -> Decision:
        raise NotImplementedError


class CostFold(UsageFold):
    """The mean of what replies take, against the baseline's, by case."""

    __slots__ = ("_least", "_means", "_most", "replayed", "rule", "tokens")

    def __init__(self, plan: GatePlan, rule: CostRule, members: Collection[int] | None = None) -> None:
        super().__init__(plan, members)
        self.rule = rule
        self._means = {case: figures["total"] / figures["n"] for case, figures in self.baseline.cases.items()}
        self.tokens = (0, 0)  # their sum, and the trials that it is of
        self.replayed = 0
        self._most: dict[str, Sums] = {}
        self._least: dict[str, Sums] = {}

    def _next(self, record: TrialRecord, good: bool | None) -> Decision | None:
        mean = self._means.get(record.case)
        if mean is not None:
            figure = record.scores.get(self.name) if good is not None else None
            _add(self._most, record.case, int(self.factor * mean) if figure is None else int(figure))
            _add(self._least, record.case, 0 if figure is None else int(figure))
            self._note(record)
        if self._census:
            return self._counted() if self.tally.n >= self._census else None
        return self._decided() if mean is not None else None

    def _note(self, record: TrialRecord) -> None:
        """What tells a change of prices from one of tokens, and today's replies from recorded ones."""
        self.replayed += record.replayed
        given, made = record.usage.input_tokens, record.usage.output_tokens
        if given is not None and made is not None:
            self.tokens = (self.tokens[0] + given + made, self.tokens[1] + 1)

    def token_ratio(self) -> float | None:
        """Tokens a trial of today over those of the baseline, judges included; None where nobody counted them."""
        figures, (total, n) = self.baseline.figures, self.tokens
        earlier = figures.get("input_tokens", 0) + figures.get("output_tokens", 0)
        return (total / n) / (earlier / figures["n"]) if n and earlier else None

    def _decided(self) -> Decision | None:
        """The rule's word; with unknown figures it passes only if they were large, and fails only if they were 0."""
        n = self.compared_n
        most, base = self.sides(self._most)
        worst = self.rule.decide(n, most, base)
        if worst is None or not self.tally.holes:
            return worst
        best = self.rule.decide(n, self.sides(self._least)[0], base)
        if worst.outcome is Outcome.PASS or best is None:
            return worst if worst.outcome is Outcome.PASS else None
        return best if best.outcome is Outcome.FAIL else Decision(Outcome.INCONCLUSIVE, "holes")

    @property
    def compared_n(self) -> int:
        """Trials of cases that the baseline has."""
        return sum(sums.n for sums in self._most.values())

    def sides(self, today: Mapping[str, Sums] | None = None) -> tuple[list[Sums], list[Sums]]:
        """Figures of today and of the baseline for the cases that both have."""
        found = self._most if today is None else today
        cases = sorted(found)
        earlier = self.baseline.cases
        base = [Sums(earlier[case]["n"], earlier[case]["total"], earlier[case]["squares"]) for case in cases]
        return [found[case] for case in cases], base

    def ratio(self) -> float | None:
        """Mean of today over the baseline's, cases weighing the same; None where the baseline took nothing."""
        today, base = (self.mean(side) for side in self.sides())
        return today / base if today is not None and base else None

    @staticmethod
    def mean(side: Sequence[Sums]) -> float | None:
        """Mean of the cases' means; None without cases."""
        return sum(sums.total / sums.n for sums in side) / len(side) if side else None

    def need(self) -> int:
        """Further trials to the next look."""
        return max(1, self._census - self.tally.n if self._census else self.rule.need(self.compared_n))

    def _counted(self) -> Decision:
        if self.tally.holes or not self._most:
            return Decision(Outcome.INCONCLUSIVE, "holes")
        today, base = self.sides()
        was = sum(sums.total / sums.n for sums in base)
        now = sum(sums.total / sums.n for sums in today)
        limit = 1.0 + (self.plan.margin or 0.0)
        return Decision(Outcome.PASS if now <= was * limit + _DUST else Outcome.FAIL, "census")


def _add(sums: dict[str, Sums], case: str, figure: int) -> None:
    n, total, squares = sums.get(case, Sums(0, 0, 0))
    sums[case] = Sums(n + 1, total + figure, squares + figure * figure)
