"""The decision rule of a cost regression: Fieller's bounds at one look, or at a few planned ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.stats.ratio import MANY_CASES, RatioBounds, Sums, ratio_bounds
from pytest_llmgate.stats.special import student_t_quantile
from pytest_llmgate.stats.spending import Spending, look_levels, pass_power

MOST_LOOKS = 5
DEFAULT_LOOKS = 5
# Pocock's shape saves a fifth of the trials and loses 4 points of power at the same n; see benchmarks/cost.py
PASSING: Spending = "obrien-fleming"
FAILING: Spending = "obrien-fleming"
_ROUNDING = 1e-12  # a bound that lies on the limit but for rounding has not ruled it out


@dataclass(frozen=True, slots=True, kw_only=True)
class CostGoal:
    """By how much the mean cost may rise, and how often that may be judged wrongly.

    Args: margin > 0, 0.10 is 10 %; alpha, beta in (0, 0.5]: P(a build at +0 % is blocked), P(a build at + margin
    is let through); family >= 1: gates among which alpha is split (Bonferroni). Raises ValueError for an
    impossible goal.
    """

    margin: float
    alpha: float = 0.05
    beta: float = 0.05
    family: int = 1

    def __post_init__(self) -> None:
        if not 0.0 < self.margin < math.inf:
            raise ValueError(f"the allowed increase must lie above 0 and be finite, not {self.margin:g}")
        for name in ("alpha", "beta"):
            value = getattr(self, name)
            if not 0.0 < value <= 0.5:
                raise ValueError(f"{name} must lie above 0 and at most at 0.5, not at {value:g}")
        if self.family < 1:
            raise ValueError(f"a family has at least 1 gate, not {self.family}")

    @property
    def alpha_used(self) -> float:
        """This gate's own share of alpha: alpha / family."""
        return self.alpha / self.family


@dataclass(frozen=True, slots=True)
class CostRule:
    """Passes where the upper bound of the cost ratio lies below 1 + margin, fails where the lower lies above 1.

    A small rise that is certain passes as long as the margin is ruled out. looks: numbers of trials, increasing,
    the last is the planned one; levels: at each look the one-sided error for passing and for failing. Each
    side spends its own error as if the other did not exist. Asymptotic: bounds are Student's t, and the looks'
    levels come from the normal scale. Not valid at other stops than its looks.
    """

    goal: CostGoal
    looks: tuple[int, ...]
    levels: tuple[tuple[float, float], ...]
    spending: tuple[Spending, Spending] = field(default=(PASSING, FAILING))

    @property
    def any_time(self) -> bool:
        """False: planned looks only."""
        return False

    @property
    def ceiling(self) -> int:
        """The planned number of trials."""
        return self.looks[-1]

    def decide(self, n: int, candidate: Sequence[Sums], baseline: Sequence[Sums]) -> Decision | None:
        """The decision at n trials, None between looks. The cases seen so far, as in `ratio_bounds`."""
        if n < self.ceiling and n not in self.looks:
            return None
        found = self.bounds(n, candidate, baseline)
        single = len(self.looks) == 1
        if found.upper < (1.0 + self.goal.margin) * (1.0 - _ROUNDING):
            return Decision(Outcome.PASS, "fixed" if single else "boundary")
        if found.lower > 1.0 + _ROUNDING:
            return Decision(Outcome.FAIL, "fixed" if single else "boundary")
        if n < self.ceiling:
            return None
        return Decision(Outcome.INCONCLUSIVE, "fixed" if single else "ceiling")

    def need(self, n: int) -> int:
        """The trials to the next look; 0 after the last."""
        return next((look - n for look in self.looks if look > n), 0)

    def bounds(self, n: int, candidate: Sequence[Sums], baseline: Sequence[Sums], *, cut: bool = False) -> RatioBounds:
        """The bounds at n trials, at the errors of that look: what the decision there was made of.

        Between looks, where nothing is decided, at the errors that a look there would have been given; `cut` says
        that sampling was stopped from outside, and changes nothing: bounds depend on n only.
        """
        passing, failing = self._levels(min(n, self.ceiling))
        return ratio_bounds(candidate, baseline, below=failing, above=passing)

    def _levels(self, n: int) -> tuple[float, float]:
        if n in self.looks:
            return self.levels[self.looks.index(n)]
        if n < 1:
            return 0.0, 0.0
        looks = (*(look for look in self.looks if look < n), n)
        return _pairs(self.goal, looks, self.spending, self.ceiling)[-1]


def cost_rule(
    goal: CostGoal,
    n: int,
    *,
    looks: int = DEFAULT_LOOKS,
    cases: int = 1,
    spending: tuple[Spending, Spending] = (PASSING, FAILING),
) -> CostRule:
    """The rule that plans n trials over `cases` cases and looks at most `looks` times; 1 is the fixed rule.

    Trials visit the cases in re-shuffled rounds. Within the first round a look sees a random sample of the
    cases, 30 of them at least; later looks come after whole rounds, the second one at the earliest where
    there are fewer than 30 cases. Looks that do not fit are left out.

    Args: n, cases >= 1; looks 1 … 5; spending for the passing and the failing side. Raises ValueError.
    Source: Lan & DeMets (1983); Jennison & Turnbull (2000), ch. 7 and 19.
    """
    if n < 1 or cases < 1 or not 1 <= looks <= MOST_LOOKS:
        raise ValueError(f"a cost rule needs n and cases from 1 and 1 to {MOST_LOOKS} looks, not {n}, {cases}, {looks}")
    wanted = (_fitting(n * k / looks, cases) for k in range(1, looks))
    planned = (*sorted({look for look in wanted if look < n}), n)
    return CostRule(goal, planned, _pairs(goal, planned, spending, n), spending)


def _fitting(wanted: float, cases: int) -> int:
    """A number of trials near the wanted one, at which a look sees a fair sample of the cases."""
    if cases >= MANY_CASES and wanted < cases:
        return max(MANY_CASES, math.ceil(wanted))
    least = 1 if cases >= MANY_CASES else max(2, math.ceil(MANY_CASES / cases))
    return cases * max(least, round(wanted / cases))


def _pairs(
    goal: CostGoal, looks: tuple[int, ...], spending: tuple[Spending, Spending], planned: int
) -> tuple[tuple[float, float], ...]:
    passing = look_levels(looks, goal.beta, spending[0], planned)
    failing = look_levels(looks, goal.alpha_used, spending[1], planned)
    return tuple(zip(passing, failing, strict=True))


def planned_n(
    goal: CostGoal, *, relative_sd: float, cases: int, power: float = 0.95, looks: int = DEFAULT_LOOKS
) -> int:
    """The trials with which a build at +0 % passes with probability `power` or more.

    Args: relative_sd > 0, the standard deviation of (candidate - baseline) of one trial's pair over the mean;
    cases >= 1; power in [0.5, 1); looks as in `cost_rule`. At least 30 trials, or 2 of each of fewer cases.
    Raises ValueError. Source: Jennison & Turnbull (2000), ch. 19, on the normal scale, with var(candidate -
    (1 + margin) baseline) taken as (1 + margin) var(candidate - baseline).
    """
    if not 0.0 < relative_sd < math.inf or cases < 1 or not 0.5 <= power < 1.0:
        raise ValueError(
            f"a plan needs relative_sd > 0, cases >= 1, power 0.5 … 1, not {relative_sd}, {cases}, {power}"
        )
    sd = relative_sd * math.sqrt(1.0 + goal.margin)

    def enough(n: int) -> bool:
        return _power(cost_rule(goal, n, looks=looks, cases=cases), cases, sd) >= power

    low = MANY_CASES if cases >= MANY_CASES else 2 * cases
    if enough(low):
        return low
    high = 2 * low
    while not enough(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _power(rule: CostRule, cases: int, sd: float) -> float:
    """P(pass at +0 %) of normal means; the drift is shortened by what Student's t asks for more."""
    n, level = rule.ceiling, rule.levels[-1][0]
    degrees = min(n, cases) - 1 if cases >= MANY_CASES else 2 * (n - cases)
    shortened = NormalDist().inv_cdf(level) / student_t_quantile(level, degrees) if level < 0.5 else 1.0
    drift = rule.goal.margin * math.sqrt(_effective(n, cases)) / sd * shortened
    return pass_power(rule.looks, rule.levels, n, drift)


def _effective(n: int, cases: int) -> float:
    """The trials of whole rounds that are worth as much as n, since every case weighs the same.

    The variance of a mean of case means goes with the mean of 1 / trials: half a second round helps little.
    """
    rounds, rest = divmod(n, cases)
    if rounds == 0:
        return float(n)
    return cases * cases / ((cases - rest) / rounds + rest / (rounds + 1))
