"""The exact size of one look, and the ceiling that follows from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

from pytest_llmgate.stats import binomial
from pytest_llmgate.stats.goal import RateGoal


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
    while not cuts_at(goal, ceiling):
        ceiling += 1
    return ceiling


def cuts_at(goal: RateGoal, n: int) -> range:
    """The cuts c for which one look at n meets both error rates."""
    q0, q1 = 1.0 - goal.good, 1.0 - goal.bad
    low = _first(lambda c: binomial.survival(c, n, q0) <= goal.alpha_used, 0, int(n * q0) + 1)
    high = _first(lambda c: binomial.cdf(c, n, q1) > goal.beta, 0, int(n * q1) + 1)
    return range(low, high)
