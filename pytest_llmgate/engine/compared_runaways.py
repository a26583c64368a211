"""The state of a gate on runaways while its test runs."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from itertools import islice

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.core.plan import GatePlan
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.trial import derived_seed
from pytest_llmgate.engine.compared import UsageFold
from pytest_llmgate.stats.ratio import Sums
from pytest_llmgate.stats.runaways import RunawayRule
from pytest_llmgate.stats.yardsticks import MOST_PAIRED, yardsticks


class RunawayFold(UsageFold):
    """How many replies take a multiple of what their case took, against the baseline's own.

    What a reply is held against is as uncertain as what the baseline's own were held against: see `yardsticks`. In
    pairs every reply of the baseline is used once, and can be a runaway beside today's.
    """

    __slots__ = ("_held", "_own", "_unknown", "n", "rule", "runaways")

    def __init__(self, plan: GatePlan, rule: RunawayRule, seed: int, members: Collection[int] | None = None) -> None:
        super().__init__(plan, members)
        self.rule = rule
        self.n = 0
        self.runaways = 0
        self._own = 0  # of the baseline, in pairs
        self._unknown = 0
        self._held = {
            case: self._yardsticks(Sums(**figures), derived_seed(seed, self.baseline.test, plan.name, case))
            for case, figures in self.baseline.cases.items()
        }

    def _yardsticks(self, earlier: Sums, seed: int) -> Iterator[float]:
        larger_first = random.Random(seed).random() < 0.5  # noqa: S311 - an order, not a secret
        found = yardsticks(earlier, larger_first)
        if self.rule.paired:
            return islice(found, earlier.n if earlier.n <= MOST_PAIRED else 0)
        return found if earlier.n > 1 else iter(())

    @property
    def earlier(self) -> tuple[int, int]:
        """Runaways of the baseline, and the trials that were looked at for them."""
        if self.rule.paired:
            return self._own, max(1, self.n)
        return self.baseline.figures.get("runaways", 0), max(1, self.baseline.figures.get("runaways_of", 1))

    def _next(self, record: TrialRecord, good: bool | None) -> Decision | None:
        held = next(self._held.get(record.case, iter(())), None)
        if held is not None:
            self.n += 1
            self._count(record.scores.get(self.name) if good is not None else None, held)
        if self._census:
            return self._counted() if self.tally.n >= self._census else None
        return None if held is None else self._decided()

    def _count(self, figure: float | None, held: float) -> None:
        if figure is None:
            self._unknown += 1
            return
        self.runaways += figure > self.factor * held
        self._own += held > self.factor * figure

    def _decided(self) -> Decision | None:
        """The rule's word; it passes only if unknown figures ran away, and fails only if they were 0."""
        own, of = self.earlier
        best = self.rule.decide(self.n, self.runaways, own + (self._unknown if self.rule.paired else 0), of)
        if best is None or best.outcome is not Outcome.PASS or not self._unknown:
            return best
        worst = self.rule.decide(self.n, self.runaways + self._unknown, own, of)
        return worst if worst and worst.outcome is Outcome.PASS else Decision(Outcome.INCONCLUSIVE, "holes")

    def need(self) -> int:
        """Further trials to the look."""
        return max(1, self._census - self.tally.n if self._census else self.rule.need(self.n))

    def _counted(self) -> Decision:
        if self.tally.holes or not self.n:
            return Decision(Outcome.INCONCLUSIVE, "holes")
        was, of = self.earlier
        more = self.runaways * of > was * max(1, self.n)
        return Decision(Outcome.FAIL if more else Outcome.PASS, "census")
