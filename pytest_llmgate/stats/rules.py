"""The decision rules of a gate: sequential, fixed n, zero tolerance, census."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_llmgate.core.decision import Decision, Interval, Outcome, Tally
from pytest_llmgate.stats import binomial
from pytest_llmgate.stats.brackets import exact_interval, robbins_interval
from pytest_llmgate.stats.design import SequentialDesign
from pytest_llmgate.stats.goal import RateGoal, steps
from pytest_llmgate.stats.path import OC, Bounds, bounds
from pytest_llmgate.stats.stagewise import stage_lower, stage_upper
from pytest_llmgate.stats.strict_rules import Census, ZeroTolerance

__all__ = ["Census", "FixedRate", "SequentialRate", "ZeroTolerance"]

_PASS = Decision(Outcome.PASS, "boundary")
_FAIL = Decision(Outcome.FAIL, "boundary")
_CEILING = Decision(Outcome.INCONCLUSIVE, "ceiling")


@dataclass(frozen=True, slots=True)
class SequentialRate:
    """The sequential rate gate of a design; with a hole, its version that is valid at any stop.

    With holes it passes only where it would with every hole failed, fails only where it would with every
    hole good, at thresholds of at least ln(1/beta) and ln(1/alpha_used), and nothing is decided by
    truncation. (Holes timed to help, after the calibrated thresholds were in force, could add at most
    exp(-A-B) to an error; holes that do not look ahead add nothing.)
    """

    design: SequentialDesign
    ceiling: int = field(init=False)
    _limits: Bounds = field(init=False, repr=False, compare=False)
    _wide: Bounds = field(init=False, repr=False, compare=False)
    _pass_from: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _fail_until: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _size: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        design, goal = self.design, self.design.goal
        limits = design.bounds
        computed = {
            "ceiling": design.ceiling,
            "_limits": limits,
            "_wide": bounds(*steps(goal), *self.bracketed, design.ceiling, None),
            "_pass_from": limits.pass_from,
            "_fail_until": limits.fail_until,
            "_size": len(limits.fail_until),
        }
        for name, value in computed.items():
            object.__setattr__(self, name, value)

    @property
    def goal(self) -> RateGoal:
        """What this gate must tell apart."""
        return self.design.goal

    @property
    def bracketed(self) -> tuple[float, float]:
        """The thresholds A and B that hold where there are holes."""
        goal = self.goal
        upper = max(self.design.upper, math.log(1.0 / goal.alpha_used))
        return upper, max(self.design.lower, math.log(1.0 / goal.beta))

    @property
    def any_time(self) -> bool:
        """Whether stopping early, for any reason, keeps the stated error rates."""
        return not self.design.calibrated

    @property
    def need_at_best(self) -> int:
        """The fewest trials that can pass, ceiling or not."""
        return self._pass_from[0]

    def decide(self, tally: Tally) -> Decision | None:
        """The decision at this tally, or None to go on."""
        n, failed, holes = tally
        if holes:
            return self._decide_bracketed(n, failed, holes)
        if failed >= self._size:
            return _FAIL
        if n >= self._pass_from[failed]:
            return _PASS
        if n <= self._fail_until[failed]:
            return _FAIL
        if n < self.ceiling:
            return None
        return _CEILING if self.design.cut is None else _PASS

    def _decide_bracketed(self, n: int, failed: int, holes: int) -> Decision | None:
        wide, worst = self._wide, failed + holes
        size = len(wide.fail_until)
        if failed >= size or n <= wide.fail_until[failed]:
            return _FAIL
        if worst < size and n >= wide.pass_from[worst]:
            return _PASS
        return None if n < self.ceiling else _CEILING

    def need(self, tally: Tally) -> int:
        """Further trials, all good, after which an undecided gate is decided (0 beyond every boundary)."""
        n, failed, holes = tally
        table = self._wide.pass_from if holes else self._pass_from
        worst = failed + holes
        if worst >= len(table):
            return max(0, self.ceiling - n)
        return max(0, min(table[worst], self.ceiling) - n)

    def interval(self, tally: Tally, *, cut: bool = False) -> Interval:
        """The interval of the success rate: exact by stage-wise ordering where the rule decided.

        A run that its ceiling ended undecided is limited by budget: Robbins' sequence, which decides nothing.
        """
        goal = self.goal
        n, failed, holes = tally
        open_ended = robbins_interval(tally, goal.alpha_used, goal.beta)
        decision = None if cut else self.decide(tally)
        if decision is None:
            return open_ended
        if decision.outcome is Outcome.INCONCLUSIVE:
            return open_ended
        if not holes:
            lower = stage_lower(self._limits, goal, n, failed)
            upper = stage_upper(self._limits, goal, n, failed)
            return Interval(lower, upper, "stagewise", open_ended.confidence)
        if decision.outcome is Outcome.PASS:
            lower = stage_lower(self._wide, goal, n, failed + holes)
            return open_ended._replace(lower=lower, method="stagewise+robbins")
        upper = stage_upper(self._wide, goal, n, failed)
        return open_ended._replace(upper=upper, method="stagewise+robbins")

    def oc(self, p: float) -> OC:
        """Exact operating characteristics without holes, at success rate p in [0, 1]."""
        return self._limits.oc(p)


@dataclass(frozen=True, slots=True)
class FixedRate:
    """All of `trials`, one exact look at the end.

    Passes with at most `most_passing` failures, the largest c with P(F <= c | bad) <= beta (which does not
    depend on the family); fails with more than `least_failing`, the smallest c with P(F > c | good) <=
    alpha_used, if that is larger; between the two it is inconclusive. With good = 1 any failure fails.
    Raises ValueError for fewer than 1 trial.
    """

    goal: RateGoal
    trials: int
    most_passing: int = field(init=False)
    least_failing: int = field(init=False)

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise ValueError(f"a fixed rule needs at least 1 trial, not {self.trials}")
        goal, n = self.goal, self.trials
        passing = _largest(lambda c: binomial.cdf(c, n, 1.0 - goal.bad) <= goal.beta, n)
        if goal.good >= 1.0:
            passing = min(passing, 0)
        failing = _largest(lambda c: binomial.survival(c, n, 1.0 - goal.good) > goal.alpha_used, n) + 1
        object.__setattr__(self, "most_passing", passing)
        object.__setattr__(self, "least_failing", max(passing, failing))

    @property
    def ceiling(self) -> int:
        """The number of trials."""
        return self.trials

    @property
    def any_time(self) -> bool:
        """False: one look, at the end."""
        return False

    def decide(self, tally: Tally) -> Decision | None:
        """The decision at n = trials, None before."""
        n, failed, holes = tally
        if n < self.trials:
            return None
        if failed + holes <= self.most_passing:
            return Decision(Outcome.PASS, "fixed")
        outcome = Outcome.FAIL if failed > self.least_failing else Outcome.INCONCLUSIVE
        return Decision(outcome, "fixed")

    def need(self, tally: Tally) -> int:
        """The trials that are left."""
        return max(0, self.trials - tally.n)

    def interval(self, tally: Tally, *, cut: bool = False) -> Interval:
        """Clopper and Pearson's bound on each side at the end, Robbins' sequence before it."""
        goal = self.goal
        if cut or tally.n < self.trials:
            return robbins_interval(tally, goal.alpha_used, goal.beta)
        found = exact_interval(tally, goal.alpha_used, goal.beta)
        # the same tails, computed twice: rounding must not set the interval against the decision
        if tally.failed + tally.holes <= self.most_passing:
            return found._replace(lower=max(found.lower, goal.bad))
        if tally.failed > self.least_failing:
            return found._replace(upper=min(found.upper, goal.good))
        return found

    def oc(self, p: float) -> OC:
        """Exact operating characteristics without holes, at success rate p in [0, 1]."""
        n, q = self.trials, 1.0 - p
        p_pass, p_fail = binomial.cdf(self.most_passing, n, q), binomial.survival(self.least_failing, n, q)
        p_open = 0.0 if self.most_passing == self.least_failing else max(0.0, 1.0 - p_pass - p_fail)
        return OC(p_pass, p_fail, p_open, float(n), (1.0,) * n)


def _largest(holds: Callable[[int], bool], n: int) -> int:
    """The largest c in 0 … n up to which a condition holds; -1 if it does not hold at 0."""
    low, high = -1, n + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
