"""Runaways where a case has a single reply in the baseline: counted in pairs, one reply of today with one of then.

Today's reply t is a runaway beside the baseline's b where t > k b; that one is a runaway beside t where b > k t. Two
replies of one build to one case can be exchanged: both are equally likely, however much replies vary. No other
yardstick is fair: one reply is too little to say what its case takes, and replies to other cases say nothing of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

from pytest_llmgate.stats import binomial
from pytest_llmgate.stats.unconditional import OUTSIDE, exact_interval, masses

_STEPS = 24  # of the searched range of the nuisance rate, in which the p-value is smooth
_RARE = 1e-9  # numbers of pairs that differ which are less likely are counted as if all their tables were as extreme


@lru_cache(maxsize=1024)
def pairs_p_less(x: int, y: int, n: int, excess: float) -> float:
    """Exact p-value of "P(t > k b) - P(b > k t) is less than `excess`" against a difference of `excess` or more.

    Unconditional: a score statistic orders the tables, the p-value is the largest over how often pairs differ at all,
    searched within its exact interval of confidence 1 - 1e-6, and 1e-6 is added.
    Args: x pairs of n with t > k b, y with b > k t; excess in (-1, 1).
    Source: Tango (1998), Statistics in Medicine 17 (the statistic); Berger & Boos (1994), JASA 89.
    """
    if x - y >= excess * n:
        return 1.0
    seen = _statistic(x, y, n, excess)
    limits: dict[int, int] = {}
    worst = max(_p_region(n, rate, excess, seen, limits) for rate in _nuisance(x + y, n, abs(excess)))
    return min(1.0, worst + OUTSIDE)


def _statistic(x: int, y: int, n: int, excess: float) -> float:
    """Difference less excess over its standard error, at the likeliest rates that differ by `excess`."""
    difference = x - y - n * excess
    more, fewer, apart = (x, y, excess) if excess >= 0.0 else (y, x, -excess)
    half = 2.0 * n * apart - (x + y) - apart * (more - fewer)
    rarer = (math.sqrt(half * half + 8.0 * n * fewer * apart * (1.0 - apart)) - half) / (4.0 * n)
    variance = n * (2.0 * rarer + apart - apart * apart)
    if variance <= 0.0:
        return math.copysign(math.inf, difference) if difference else 0.0
    return difference / math.sqrt(variance)


def _nuisance(differ: int, n: int, least: float) -> Iterator[float]:
    """How often pairs may differ: evenly spaced where a rate's own error is even (arcsine)."""
    low, high = (max(least, bound) for bound in exact_interval(differ, n))
    start, end = (math.asin(math.sqrt(rate)) for rate in (low, high))
    for step in range(_STEPS + 1):
        yield min(high, max(low, math.sin(start + (end - start) * step / _STEPS) ** 2))


def _p_region(n: int, rate: float, excess: float, seen: float, limits: dict[int, int]) -> float:
    """P(a table at least as far below the excess as the seen one), where pairs differ at `rate`.

    limits: for each number of pairs that differ the largest x of the region; filled in as needed.
    """
    up = min(1.0, max(0.0, 0.5 * (1.0 + excess / rate))) if rate > 0.0 else 0.5
    found = 0.0
    first, weights = masses(n, rate)
    for differ, weight in enumerate(weights, first):
        if weight < _RARE:
            found += weight
            continue
        last = limits[differ] if differ in limits else limits.setdefault(differ, _largest(differ, n, excess, seen))
        found += weight * binomial.cdf(last, differ, up)
    return found


def _largest(differ: int, n: int, excess: float, seen: float) -> int:
    """The largest x of so many pairs that differ whose table lies in the region, -1 for none."""
    low, high = -1, differ + 1
    while high - low > 1:
        middle = (low + high) // 2
        inside = _statistic(middle, differ - middle, n, excess) <= seen + 1e-9
        low, high = (middle, high) if inside else (low, middle)
    return low
