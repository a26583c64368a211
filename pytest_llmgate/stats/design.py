"""Designs of the sequential rate gate: a probability ratio test, truncated and calibrated exactly.

LLR(f, n) = f ln((1-bad)/(1-good)) + (n-f) ln(bad/good): FAIL at LLR >= A, PASS at LLR <= -B, and at the
ceiling PASS with at most `cut` failures (Wald 1945, Sequential tests of statistical hypotheses; exact
boundaries instead of Wald's approximations as Armitage, McPherson & Rowe 1969 compute them).

The side that lets a build pass does not depend on the family M: B comes from the design at M = 1, is never
below ln(1/beta), and only A, the ceiling and the cut are fitted to alpha / M. Raising A alone lets fewer
paths fail, so more of them may pass; but P_bad(LLR ever <= -B) <= exp(-B) <= beta (Ville 1939), and the
exact sum of both ways to pass is checked whenever a cut is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, NamedTuple

from pytest_llmgate.stats import binomial
from pytest_llmgate.stats.goal import RateGoal
from pytest_llmgate.stats.path import OC, Bounds, bounds, sweep, total


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialDesign:
    """A sequential rate gate.

    Args: upper (A), lower (B) thresholds of the log likelihood ratio, both > 0; cut the most failures that
    pass at the ceiling (None: inconclusive there); ceiling the most trials; calibrated: exact errors are
    those of the truncated design, which may neither be extended nor cut short.
    """

    goal: RateGoal
    upper: float
    lower: float
    cut: int | None
    ceiling: int
    calibrated: bool

    @property
    def bounds(self) -> Bounds:
        """The integer stopping boundaries, computed anew at each call."""
        return bounds(*steps(self.goal), self.upper, self.lower, self.ceiling, self.cut)

    def oc(self, p: float) -> OC:
        """Exact operating characteristics at success rate p in [0, 1]."""
        return self.bounds.oc(p)

    def to_json(self) -> dict[str, Any]:
        """A plain dict that `from_json` reads."""
        goal = self.goal
        return {
            "goal": {name: getattr(goal, name) for name in ("good", "bad", "alpha", "beta", "family")},
            "upper": self.upper,
            "lower": self.lower,
            "cut": self.cut,
            "ceiling": self.ceiling,
            "calibrated": self.calibrated,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SequentialDesign:
        """The design that `to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            goal=RateGoal(**data["goal"]),
            upper=float(data["upper"]),
            lower=float(data["lower"]),
            cut=None if data["cut"] is None else int(data["cut"]),
            ceiling=int(data["ceiling"]),
            calibrated=bool(data["calibrated"]),
        )


def steps(goal: RateGoal) -> tuple[float, float]:
    """How far one failure raises, and one success lowers, the log likelihood ratio. Raises if good is 1."""
    if goal.good >= 1.0:
        raise ValueError("a good rate of 1 leaves no room for failures: use the zero-tolerance rule")
    return math.log((1.0 - goal.bad) / (1.0 - goal.good)), math.log(goal.good / goal.bad)


def llr(goal: RateGoal, failed: int, n: int) -> float:
    """ln of P_bad(data) / P_good(data), for `failed` of n trials. Source: Wald (1945)."""
    x, y = steps(goal)
    return failed * x - (n - failed) * y


def fixed_n(goal: RateGoal) -> tuple[int, int]:
    """The smallest n, and its smallest c, with P(F > c | good) <= alpha_used and P(F <= c | bad) <= beta.

    F counts failures among n trials; exact. For each c the bad side asks for n >= needed(c), the good side
    for n <= allowed(c), both increasing in c: the first c with needed <= allowed is the answer.
    """
    if goal.good >= 1.0:
        return math.ceil(math.log(goal.beta) / math.log(goal.bad) - 1e-12), 0
    high = 1
    while _gap(goal, high) < 0:
        high *= 2
    low = high // 2 if high > 1 else -1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _gap(goal, middle) >= 0 else (middle, high)
    # rounding to whole n narrows the gap by less than 2: below a gap of -2 nothing can fit any more
    best, c = high, high - 1
    while c >= 0 and (gap := _gap(goal, c)) > -2:
        best = c if gap >= 0 else best
        c -= 1
    return _needed(goal, best), best


def _gap(goal: RateGoal, c: int) -> int:
    return _allowed(goal, c) - _needed(goal, c)


def _needed(goal: RateGoal, c: int) -> int:
    """The smallest n with P(F <= c | bad) <= beta."""
    q = 1.0 - goal.bad
    guess = _around((c + 1) / q, q, -_z(goal.beta))
    return _first(lambda n: binomial.cdf(c, n, q) <= goal.beta, c + 1, guess)


def _allowed(goal: RateGoal, c: int) -> int:
    """The largest n with P(F > c | good) <= alpha_used."""
    q, alpha = 1.0 - goal.good, goal.alpha_used
    guess = _around((c + 1) / q, q, _z(alpha))
    return _first(lambda n: binomial.survival(c, n, q) > alpha, c + 1, guess) - 1


def _z(tail: float) -> float:
    """The normal quantile: where a search begins, never where it ends."""
    return NormalDist().inv_cdf(tail)


def _around(n: float, q: float, z: float) -> int:
    return int(n + z * math.sqrt(n * (1.0 - q) / q))


def _first(holds: Callable[[int], bool], low: int, guess: int) -> int:
    """The smallest n >= low at which a monotone condition holds, galloping from a guess."""
    high = max(low, guess)
    step = 1
    while not holds(high):
        low, high, step = high + 1, high + step, 2 * step
    step = 1
    while low < high:
        middle = max((low + high) // 2, high - step)  # the guess is near: look close below it first
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
        step *= 4
    return low


def natural_ceiling(goal: RateGoal) -> int:
    """The ceiling of the calibrated design: 1.25 x exact fixed-N alone, 3 x fixed-N(alpha/M, beta) in a family.

    Raised (rarely, and by little) until one exact look there could meet both error rates.
    """
    n, _ = fixed_n(goal)
    ceiling = math.ceil(1.25 * n) if goal.family == 1 else 3 * n
    while not _cuts(goal, ceiling):
        ceiling += 1
    return ceiling


def _cuts(goal: RateGoal, n: int) -> range:
    """The cuts c for which one look at n meets both error rates."""
    q0, q1 = 1.0 - goal.good, 1.0 - goal.bad
    low = _first(lambda c: binomial.survival(c, n, q0) <= goal.alpha_used, 0, int(n * q0) + 1)
    high = _first(lambda c: binomial.cdf(c, n, q1) > goal.beta, 0, int(n * q1) + 1)
    return range(low, high)


def design_sequential(goal: RateGoal, ceiling: int | None = None) -> SequentialDesign:
    """The design for a goal: calibrated at its natural ceiling, else guaranteed at any stop.

    Args: ceiling the most trials that may be spent (>= 1); None, or at least `natural_ceiling`: the
    calibrated design, whose exact errors are at most alpha_used and beta. Below, valid at every stop (Ville
    1939) and inconclusive at the ceiling: A = ln(1/alpha_used), and B = ln(1/beta), or the calibrated B
    where the ceiling has room for the gate that stands alone (so that a family never changes what passes).
    Rates so close that calibration would take minutes (.5 against .49) get this version too, at three times
    fixed-n. Raises ValueError for good = 1, a ceiling below 1, and rates too close for exact counting.
    """
    steps(goal)  # refuses good = 1
    if ceiling is not None and ceiling < 1:
        raise ValueError(f"a ceiling is at least 1 trial, not {ceiling}")
    alone = replace(goal, family=1)
    room = natural_ceiling(alone)
    _refuse_too_close(goal, room)
    plain = math.log(1.0 / goal.beta)
    if ceiling is not None and ceiling < room:
        return guaranteed(goal, ceiling, plain)
    if _too_large(alone, room):
        return guaranteed(goal, 3 * fixed_n(goal)[0] if ceiling is None else ceiling, plain)
    base = design = _calibrate(alone, room)
    if goal.family > 1:
        design = _calibrate_family(goal, natural_ceiling(goal), base.lower)
    # below the family's own ceiling, and in the rare case that none of the cuts there could be calibrated
    if ceiling is not None and ceiling < design.ceiling:
        return guaranteed(goal, ceiling, base.lower)
    return design


# Limits of what is counted exactly: path counts of one level within the range of a float, and a calibration
# within seconds (about 60 sweeps of this many cells at 20 to 40 ns).
_MOST_SPREAD = 900.0
_MOST_CELLS = 2e6


def _refuse_too_close(goal: RateGoal, room: int) -> None:
    _, y = steps(goal)
    if math.log(1.0 / goal.alpha_used / goal.beta) / y * (1.0 - goal.bad) > _MOST_SPREAD:
        raise ValueError(
            f"success rates of {goal.good:g} and {goal.bad:g} are too close: to tell them apart takes up to "
            f"{room:,} trials; move the bad rate further away"
        )


def _too_large(alone: RateGoal, room: int) -> bool:
    """Whether the calibration of a gate that stands alone would take more than some seconds."""
    _, y = steps(alone)
    return math.log(1.0 / alone.alpha / alone.beta) / y * (1.0 - alone.bad) * room > _MOST_CELLS


def guaranteed(goal: RateGoal, ceiling: int, lower: float) -> SequentialDesign:
    """The design that is valid at every stop: A = ln(1/alpha_used), B = `lower` >= ln(1/beta) (Ville 1939)."""
    upper = math.log(1.0 / goal.alpha_used)
    return SequentialDesign(goal=goal, upper=upper, lower=lower, cut=None, ceiling=ceiling, calibrated=False)


class _Trial(NamedTuple):
    """One candidate that keeps both errors, and its E[N | good] + E[N | bad]."""

    upper: float
    lower: float
    cut: int
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


def _calibrate(goal: RateGoal, ceiling: int) -> SequentialDesign:
    """The cheapest calibrated design of a goal that stands alone."""
    while True:
        lab = _Lab(goal, ceiling)
        if (best := _cheapest(lab, _cuts(goal, ceiling))) is not None:
            return _finished(lab, best)
        ceiling += math.ceil(ceiling / 20)


def _cheapest(lab: _Lab, cuts: range) -> _Trial | None:
    """The cheapest calibrated cut: from the middle, in each direction for as long as it gets cheaper."""
    middle = (cuts.start + cuts.stop - 1) // 2
    best = centre = _settle(lab, middle)
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


def _calibrate_family(goal: RateGoal, ceiling: int, lower: float) -> SequentialDesign:
    """A, cut and ceiling for a share of alpha, with the pass boundary of the gate that stands alone."""
    while True:
        lab = _Lab(goal, ceiling)
        if (best := _fit_family(lab, lower)) is not None:
            return _finished(lab, best)
        ceiling += math.ceil(ceiling / 10)


def _finished(lab: _Lab, best: _Trial) -> SequentialDesign:
    return SequentialDesign(
        goal=lab.goal, upper=best.upper, lower=best.lower, cut=best.cut, ceiling=lab.ceiling, calibrated=True
    )


def _settle(lab: _Lab, cut: int, near: _Trial | None = None) -> _Trial | None:
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
            return _Trial(upper, lower, cut, lab.cost(upper, lower, cut))
    return None


def _fit_family(lab: _Lab, lower: float) -> _Trial | None:
    """The lowest A for the middle cut at which both errors hold, B given; None if there is no such cut.

    At three times the fixed n the cut hardly costs anything, so that its middle value is as good as any.
    """
    goal = lab.goal
    cuts = _cuts(goal, lab.ceiling)
    start = math.log((1.0 - goal.beta) / goal.alpha_used)
    for cut in sorted(cuts, key=lambda c: abs(2 * c - cuts[0] - cuts[-1])):
        upper = _lowest(lambda v, c=cut: lab.errors(v, lower, c)[0] / goal.alpha_used, start)  # type: ignore[misc]
        if upper is not None and lab.errors(upper, lower, cut)[1] <= goal.beta:
            return _Trial(upper, lower, cut, 0.0)
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
