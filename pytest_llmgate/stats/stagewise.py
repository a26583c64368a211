"""The exact interval at the stop of a sequential rule, by stage-wise ordering.

Outcomes are ordered: earlier passes are better; then those at the ceiling, fewer failures better; then
fails, earlier ones worse. All outcomes at least as good gain probability as the success rate rises, so that
inverting them gives exact bounds that agree with the decision at every stop (Jennison & Turnbull 2000,
Group Sequential Methods, 8.4 and 8.5; Tsiatis, Rosner & Mehta 1984).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pytest_llmgate.stats.goal import RateGoal
from pytest_llmgate.stats.path import Bounds, Point, sweep, total
from pytest_llmgate.stats.special import bisect_rate

Chance = Callable[[float], float]


def stage_lower(limits: Bounds, goal: RateGoal, n: int, failed: int) -> float:
    """The lower bound at confidence 1 - beta, where the rule stopped at `failed` failures of n trials.

    A pass has lower >= bad, because P_bad(as good or better) <= P_bad(pass) <= beta.
    """
    chance = _at_least_as_good(limits, n, failed)
    return bisect_rate(lambda p: chance(p) <= goal.beta, hint=goal.bad)[0]


def stage_upper(limits: Bounds, goal: RateGoal, n: int, failed: int) -> float:
    """The upper bound at confidence 1 - alpha_used, where the rule stopped at `failed` failures of n trials.

    A fail has upper <= good, because P_good(as bad or worse) <= P_good(fail) <= alpha_used.
    """
    chance = _better(limits, n, failed)
    return bisect_rate(lambda p: 1.0 - chance(p) > goal.alpha_used, hint=goal.good)[1]


def _at_least_as_good(limits: Bounds, n: int, failed: int) -> Chance:
    if _passes(limits, n, failed):
        return _ending([x for x in sweep(limits, n).passes if x.n <= n])
    if _fails(limits, n, failed):
        return _not_failed_by(limits, n - 1)
    found = sweep(limits, n)
    return _ending([*found.passes, *(x for x in found.alive if x.failed <= failed)])


def _better(limits: Bounds, n: int, failed: int) -> Chance:
    if _passes(limits, n, failed):
        return _ending([x for x in sweep(limits, n).passes if x.n < limits.pass_from[failed]])
    if _fails(limits, n, failed):
        return _not_failed_by(limits, n)
    found = sweep(limits, n)
    return _ending([*found.passes, *(x for x in found.alive if x.failed < failed)])


def _passes(limits: Bounds, n: int, failed: int) -> bool:
    return failed < len(limits.pass_from) and n >= limits.pass_from[failed]


def _fails(limits: Bounds, n: int, failed: int) -> bool:
    return failed >= len(limits.fail_until) or n <= limits.fail_until[failed]


def _not_failed_by(limits: Bounds, n: int) -> Chance:
    """P(passed by trial n, or alive after it)."""
    found = sweep(limits, n)
    return _ending([*found.passes, *found.alive])


def _ending(points: list[Point]) -> Chance:
    return partial(total, points)
