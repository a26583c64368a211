"""The search for the cheapest truncated probability ratio test whose exact errors are within the goal."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from pytest_llmgate.stats.goal import RateGoal, steps
from pytest_llmgate.stats.looks import cuts_at
from pytest_llmgate.stats.path import bounds, sweep, total

# Limits of what is counted exactly: path counts of one level must stay within the range of a float, and a
# calibration within some seconds (it takes about 40 sweeps for each cut that is tried).
_MOST_SPREAD = 900.0
_SLOW_SWEEP = 0.08
_QUICK_SWEEP = 0.02


def refuse_too_close(goal: RateGoal, room: int) -> None:
    """Raises ValueError for rates whose paths cannot be counted; `room`: their natural ceiling."""
    _, y = steps(goal)
    if math.log(1.0 / goal.alpha_used / goal.beta) / y * (1.0 - goal.bad) > _MOST_SPREAD:
        raise ValueError(
            f"success rates of {goal.good:g} and {goal.bad:g} are too close: to tell them apart takes up to "
            f"{room:,} trials; move the bad rate further away"
        )


def _sweep_seconds(goal: RateGoal, ceiling: int) -> float:
    """About how long one sweep takes on an ordinary core: 3 us a level and 50 ns a cell."""
    _, y = steps(goal)
    window = math.log(1.0 / goal.alpha_used / goal.beta) / y
    return (1.0 - goal.bad) * ceiling * (3e-6 + 5e-8 * window)


def too_slow(goal: RateGoal, ceiling: int) -> bool:
    """Whether a calibration would take more than some seconds."""
    return _sweep_seconds(goal, ceiling) > _SLOW_SWEEP


class Candidate(NamedTuple):
    """One candidate that keeps both errors, and its E[N | good] + E[N | bad]."""

    upper: float
    lower: float
    cut: int
    ceiling: int
    cost: float


class _Lab:
    """Evaluates candidates of one goal at one ceiling."""

    def __init__(self, goal: RateGoal, ceiling: int) -> None:
        self.goal = goal
        self.ceiling = ceiling
        self.x, self.y = steps(goal)

    def errors(self, upper: float, lower: float, cut: int) -> tuple[float, float]:
        """Exact (P(fail | good), P(pass | bad))."""
        found = sweep(bounds(self.x, self.y, upper, lower, self.ceiling, cut), self.ceiling)
        ends = found.passes + found.alive
        return 1.0 - total(ends, self.goal.good), total(ends, self.goal.bad)

    def cost(self, upper: float, lower: float, cut: int) -> float:
        """E[N | good] + E[N | bad]."""
        limits = bounds(self.x, self.y, upper, lower, self.ceiling, cut)
        return sum(sweep(limits, self.ceiling, (self.goal.good, self.goal.bad)).means)


def calibrate(goal: RateGoal, ceiling: int) -> Candidate:
    """The cheapest calibrated design of a goal that stands alone."""
    while True:
        lab = _Lab(goal, ceiling)
        if (best := _cheapest(lab, cuts_at(goal, ceiling))) is not None:
            return best
        ceiling += math.ceil(ceiling / 20)


def _cheapest(lab: _Lab, cuts: range) -> Candidate | None:
    """The cheapest calibrated cut: from the middle, in each direction for as long as it gets cheaper.

    In a large design the first that works is taken: neighbouring cuts differ by 1 or 2 % in cost.
    """
    middle = (cuts.start + cuts.stop - 1) // 2
    best = centre = _settle(lab, middle)
    if best is not None and _sweep_seconds(lab.goal, lab.ceiling) > _QUICK_SWEEP:
        return best
    for direction in (1, -1):
        last, cut = centre, middle + direction
        while cut in cuts:
            found = _settle(lab, cut, last)
            if found is not None and (best is None or found.cost < best.cost):
                best = found
            elif last is not None:
                break
            last, cut = found, cut + direction
    return best


def calibrate_family(goal: RateGoal, ceiling: int, lower: float) -> Candidate:
    """A, cut and ceiling for a share of alpha, with the pass boundary of the gate that stands alone."""
    while True:
        lab = _Lab(goal, ceiling)
        if (best := _fit_family(lab, lower)) is not None:
            return best
        ceiling += math.ceil(ceiling / 10)


def _settle(lab: _Lab, cut: int, near: Candidate | None = None) -> Candidate | None:
    """The lowest A and B for one cut that keep both errors: each fitted in turn until neither moves."""
    goal = lab.goal
    floor = math.log(1.0 / goal.beta)
    upper, lower = math.log((1.0 - goal.beta) / goal.alpha_used), floor + 0.1
    if near is not None:
        upper, lower = near.upper, near.lower
    for _ in range(12):
        before = upper + lower
        a = _lowest(lambda v, b=lower: lab.errors(v, b, cut)[0] / goal.alpha_used, upper)  # type: ignore[misc]
        b = _lowest(lambda v, a=a: lab.errors(a, v, cut)[1] / goal.beta, lower, floor) if a else None  # type: ignore[misc]
        if a is None or b is None:
            return None
        upper, lower = a, b
        # a higher B lets more paths reach A: beta holds here by the last fit, alpha is looked at again
        if abs(upper + lower - before) < 2e-3 and lab.errors(upper, lower, cut)[0] <= goal.alpha_used:
            return Candidate(upper, lower, cut, lab.ceiling, lab.cost(upper, lower, cut))
    return None


def _fit_family(lab: _Lab, lower: float) -> Candidate | None:
    """The lowest A for the middle cut at which both errors hold, B given; None if there is no such cut.

    At three times the fixed n the cut hardly costs anything, so that its middle value is as good as any.
    """
    goal = lab.goal
    cuts = cuts_at(goal, lab.ceiling)
    start = math.log((1.0 - goal.beta) / goal.alpha_used)
    for cut in sorted(cuts, key=lambda c: abs(2 * c - cuts[0] - cuts[-1])):
        upper = _lowest(lambda v, c=cut: lab.errors(v, lower, c)[0] / goal.alpha_used, start)  # type: ignore[misc]
        if upper is not None and lab.errors(upper, lower, cut)[1] <= goal.beta:
            return Candidate(upper, lower, cut, lab.ceiling, math.nan)
    return None


def _lowest(ratio: Callable[[float], float], start: float, floor: float = 0.0) -> float | None:
    """The lowest threshold (to 1e-3, at least `floor`) at which error / allowed error is at most 1.

    The error falls about as exp(-threshold) (Wald 1945), so that false position on its logarithm takes few
    sweeps; it falls in steps, hence the bracket. None if no threshold below 40 will do.
    """

    def gap(threshold: float) -> float:
        return math.log(max(ratio(threshold), 1e-9))

    high = low = max(start, floor)
    high_gap = low_gap = gap(high)
    while high_gap > 0.0:
        if high > 40.0:
            return None
        low, low_gap = high, high_gap
        high += 1.5 * high_gap + 0.005
        high_gap = gap(high)
    while low_gap <= 0.0:
        if low <= floor:
            return floor
        high, high_gap = low, low_gap
        low = max(floor, low + 1.5 * max(low_gap, -1.0) - 0.005)
        low_gap = gap(low)
    return _narrow(gap, (low, low_gap), (high, high_gap))


def _narrow(gap: Callable[[float], float], low: tuple[float, float], high: tuple[float, float]) -> float:
    """The upper end of a bracket (threshold, gap) of a sign change, narrowed to 1e-3."""
    turn = 0
    while high[0] - low[0] > 1e-3:
        turn += 1
        share = low[1] / (low[1] - high[1]) if turn % 3 else 0.5
        middle = low[0] + (high[0] - low[0]) * min(max(share, 0.05), 0.95)
        point = middle, gap(middle)
        low, high = (point, high) if point[1] > 0.0 else (low, point)
    return high[0]
