"""What a plan will cost: expected trials, chances of each verdict, several gates on one stream."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from pytest_llmgate.stats.goal import RateGoal
from pytest_llmgate.stats.looks import fixed_n
from pytest_llmgate.stats.path import OC, Bounds, Charted
from pytest_llmgate.stats.planning import RulePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFigures:
    """Exact figures of one gate. `mean_n`: (true success rate, E[N]) from perfect to far below bad."""

    mean_n: tuple[tuple[float, float], ...]
    n95_good: int
    ceiling: int
    p_fail_good: float
    p_pass_bad: float
    p_inconclusive_good: float
    p_inconclusive_bad: float
    fixed_n: int
    curtailed_good: float
    curtailed_bad: float


def plan_figures(plan: RulePlan) -> PlanFigures:
    """The figures that `llmgate plan` prints for one gate, all exact.

    `mean_n` is at success rates 1, half-way to 1, good, half-way to bad, bad, and as far again twice below;
    `fixed_n` is the exact one-look size for the same errors, `curtailed_*` its E[N] if it could stop as soon
    as its answer is settled (a figure to compare with: no rule here does that).
    """
    good, bad = plan.good, plan.bad
    rates = (1.0, (1.0 + good) / 2, good, (good + bad) / 2, bad, max(0.0, bad - 2 * (good - bad)))
    charts = {p: plan.rule.oc(p) for p in rates}
    at_good, at_bad = charts[good], charts[bad]
    goal = RateGoal(good=good, bad=bad, alpha=plan.alpha, beta=plan.beta, family=plan.family)
    curtailed = _curtailed(goal)
    return PlanFigures(
        mean_n=tuple((p, charts[p].mean_n) for p in dict.fromkeys(rates)),
        n95_good=at_good.n_quantile(0.95),
        ceiling=plan.rule.ceiling,
        p_fail_good=at_good.p_fail,
        p_pass_bad=at_bad.p_pass,
        p_inconclusive_good=at_good.p_inconclusive,
        p_inconclusive_bad=at_bad.p_inconclusive,
        fixed_n=curtailed.ceiling,
        curtailed_good=curtailed.oc(good).mean_n,
        curtailed_bad=curtailed.oc(bad).mean_n,
    )


def _curtailed(goal: RateGoal) -> Bounds:
    """The exact fixed-n test, stopped where the rest cannot change its answer."""
    n, cut = fixed_n(goal)
    passing = [n - (cut - f) for f in range(cut + 1)]
    return Bounds((*passing, n + 1), (*(-1 for _ in passing), n), n, cut)


def suite_blocked(plans: Sequence[RulePlan], *, inconclusive: bool = False) -> float:
    """P(some gate of a build that is good everywhere fails), gates taken as independent.

    Args: inconclusive True counts inconclusive gates as blocking too. Gates on the same replies err
    together, which makes this an upper figure in practice; sum(alpha_used) bounds it in any case.
    """
    clear = 1.0
    for plan in plans:
        chart = plan.rule.oc(plan.good)
        clear *= 1.0 - chart.p_fail - (chart.p_inconclusive if inconclusive else 0.0)
    return 1.0 - clear


@dataclass(frozen=True, slots=True)
class SharedCost:
    """E[trials] of several gates on one stream, between `at_least` and `at_most`; `costliest`: its index."""

    expected: float
    at_least: float
    at_most: float
    costliest: int


def shared_cost(gates: Sequence[tuple[Charted, float]]) -> SharedCost:
    """E[max over the gates of N_i], every gate at its own true success rate.

    Args: pairs of a design or rule and its success rate in [0, 1]; at least one. Exact for independent gates,
    by the product of their exact distributions. Gates that share trials are not independent: `at_least` (the
    largest E[N_i]) and `at_most` (sum over n of min(1, sum of P(N_i > n))) hold whatever the dependence.
    Raises ValueError for no gate.
    """
    if not gates:
        raise ValueError("the cost of a stream needs at least one gate")
    charts: list[OC] = [subject.oc(p) for subject, p in gates]
    columns = list(zip_longest(*(chart.survival for chart in charts), fillvalue=0.0))
    means = [chart.mean_n for chart in charts]
    return SharedCost(
        expected=math.fsum(1.0 - math.prod(1.0 - left for left in column) for column in columns),
        at_least=max(means),
        at_most=math.fsum(min(1.0, sum(column)) for column in columns),
        costliest=means.index(max(means)),
    )
