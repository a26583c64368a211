"""Runaways: trials that cost several times what their case costs, tested against the baseline's own rate of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.stats.runaway_pairs import pairs_p_less
from pytest_llmgate.stats.unconditional import OUTSIDE, exact_interval, masses

DEFAULT_FACTOR = 3  # tokens above this many times the baseline of their case
DEFAULT_EXCESS = 0.015  # below 2 %: of runaways that cost 6 times as much, some stay below the factor
_PRECISION = 1e-5


def runaway_p(x: int, n: int, y: int, m: int) -> float:
    """One-sided exact p-value of "the candidate has more runaways": x of n against the baseline's y of m.

    Unconditional: pooled z orders the tables, the p-value is the largest over the nuisance rate, searched within
    its exact interval of confidence 1 - 1e-6, and 1e-6 is added. 1 where the candidate has no more of them.
    Args: 0 <= x <= n, 0 <= y <= m; n, m >= 1. Raises ValueError.
    Source: Suissa & Shuster (1985), JRSS-A 148; Berger & Boos (1994), JASA 89.
    """
    _check(x, n, y, m)
    return 1.0 if x * m <= y * n else _p_less(y, m, x, n, 0.0)


def runaway_excess(
    x: int, n: int, y: int, m: int, *, below: float, above: float, hint: float = DEFAULT_EXCESS, paired: bool = False
) -> tuple[float, float, float]:
    """The difference of the runaway rates, x / n - y / m, with one-sided bounds by exact tests.

    The lower bound holds at confidence 1 - below, the upper at 1 - above, both to 1e-5; 0 and `hint` are tried
    first and stay exactly on their side, so that bounds agree with a test of either.
    Args: as runaway_p; below, above in (0, 0.5]; hint in (0, 1); paired: x and y are of the same n = m pairs.
    Raises ValueError.
    Source: the score-like statistic of Dunnett & Gent (1977), Biometrics 33; exact inversion after Chan &
    Zhang (1999), Biometrics 55.
    """
    _check(x, n, y, m)
    for level in (below, above):
        if not 0.0 < level <= 0.5:
            raise ValueError(f"the error of a one-sided bound lies between 0 and 0.5, not at {level:g}")
    estimate = x / n - y / m
    less = _pairs_p_less if paired else _p_less
    upper = _limit(lambda d: less(x, n, y, m, d) > above, estimate, hint)
    lower = -_limit(lambda d: less(y, m, x, n, d) > below, -estimate, 0.0)
    return estimate, lower, upper


@dataclass(frozen=True, slots=True)
class RunawayRule:
    """Whether runaways became more frequent, looked at once, at n trials.

    Passes where an excess of `excess` or more (a difference of rates) is ruled out at error beta; else fails where
    "more than the baseline" has p <= alpha_used; else inconclusive. Fails before n trials once it would fail even if
    no later trial ran away; of pairs never, as later ones can take back. Args: alpha_used in (0, 0.5]; beta in
    (0, 0.5]; n >= 1; excess in (0, 1); paired: see runaway_pairs; within: the trials among which n
    can be judged, if these are more. Raises ValueError.
    """

    alpha_used: float
    beta: float
    n: int
    excess: float = DEFAULT_EXCESS
    paired: bool = False
    within: int = 0

    def __post_init__(self) -> None:
        for name in ("alpha_used", "beta"):
            value = getattr(self, name)
            if not 0.0 < value <= 0.5:
                raise ValueError(f"{name} must lie above 0 and at most at 0.5, not at {value:g}")
        if not 0.0 < self.excess < 1.0 or self.n < 1:
            raise ValueError(f"runaways need an excess in (0, 1) and n from 1, not {self.excess:g} and {self.n}")

    @property
    def any_time(self) -> bool:
        """False: one look, at the end."""
        return False

    @property
    def ceiling(self) -> int:
        """The planned number of trials, those included that nothing can be held against."""
        return max(self.n, self.within)

    def decide(self, n: int, x: int, y: int, m: int) -> Decision | None:
        """The decision at x runaways of n trials, against y of m (of the same n pairs, if paired); None to go on."""
        if n < self.n and self.paired:
            return None
        if n < self.n:
            settled = self._fails(self.n, x, y, m) and not self._passes(self.n, x, y, m)
            return Decision(Outcome.FAIL, "boundary") if settled else None
        if self._passes(n, x, y, m):
            return Decision(Outcome.PASS, "fixed")
        return Decision(Outcome.FAIL if self._fails(n, x, y, m) else Outcome.INCONCLUSIVE, "fixed")

    def need(self, n: int) -> int:
        """The trials that are left."""
        return max(0, self.n - n)

    def bounds(self, n: int, x: int, y: int, m: int) -> tuple[float, float, float]:
        """The excess with bounds that agree with the decision at n (see runaway_excess)."""
        return runaway_excess(x, n, y, m, below=self.alpha_used, above=self.beta, hint=self.excess, paired=self.paired)

    def _passes(self, n: int, x: int, y: int, m: int) -> bool:
        less = _pairs_p_less if self.paired else _p_less
        return less(x, n, y, m, self.excess) <= self.beta

    def _fails(self, n: int, x: int, y: int, m: int) -> bool:
        p = _pairs_p_less(y, m, x, n, 0.0) if self.paired else runaway_p(x, n, y, m)
        return p <= self.alpha_used


def _check(x: int, n: int, y: int, m: int) -> None:
    if n < 1 or m < 1 or not 0 <= x <= n or not 0 <= y <= m:
        raise ValueError(f"runaways are counted as 0 <= x <= n and 0 <= y <= m, not {x} of {n}, {y} of {m}")


def _limit(kept: Callable[[float], bool], estimate: float, hint: float) -> float:
    """The end of the excesses, from the estimate upwards, that are not rejected."""
    low, high = estimate, 1.0
    if low < hint:
        low, high = (hint, high) if kept(hint) else (low, hint)
    if high == 1.0 and kept(1.0 - _PRECISION):
        return 1.0
    while high - low > _PRECISION:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if kept(middle) else (low, middle)
    return high


def _pairs_p_less(x: int, n: int, y: int, m: int, excess: float) -> float:
    """As `_p_less`, of n = m pairs."""
    return pairs_p_less(x, y, n, excess)


@lru_cache(maxsize=1024)
def _p_less(x: int, n: int, y: int, m: int, excess: float) -> float:
    """Exact p-value of "x / n is less than y / m + excess" against rates that differ by `excess` or more."""
    if x * m - y * n >= excess * n * m:
        return 1.0
    seen = _statistic(x, n, y, m, excess)
    worst = 0.0
    limits: dict[int, int] = {}
    for rate in _nuisance(x, n, y, m, excess):
        worst = max(worst, _p_region(n, m, rate, excess, seen, limits))
    return min(1.0, worst + OUTSIDE)


def _statistic(x: int, n: int, y: int, m: int, excess: float) -> float:
    """Difference less excess over its standard error at rates that differ by `excess` (pooled z at 0)."""
    difference = x / n - y / m - excess
    base = (x + y - n * excess) / (n + m)
    base = min(max(base, 0.0, -excess), 1.0, 1.0 - excess)
    risen = base + excess
    variance = risen * (1.0 - risen) / n + base * (1.0 - base) / m
    if variance <= 0.0:
        return math.copysign(math.inf, difference) if difference else 0.0
    return difference / math.sqrt(variance)


def _nuisance(x: int, n: int, y: int, m: int, excess: float) -> Iterator[float]:
    """Baseline rates to try: an exact interval, evenly spaced where a rate's own error is even (arcsine)."""
    if excess == 0.0:
        low, high = exact_interval(x + y, n + m)
    else:
        low, high = exact_interval(y, m)
    low, high = max(low, 0.0, -excess), min(high, 1.0, 1.0 - excess)
    low, high = min(low, high), high
    start, end = (math.asin(math.sqrt(p)) for p in (low, high))
    steps = min(400, 40 + int(8.0 * math.sqrt(n + m) * (end - start)))
    for i in range(steps + 1):
        yield min(high, max(low, math.sin(start + (end - start) * i / steps) ** 2))


def _p_region(n: int, m: int, rate: float, excess: float, seen: float, limits: dict[int, int]) -> float:
    """P(a table at least as far below the excess as the seen one), at baseline rate `rate`.

    limits: for each y the largest x of the region, which only grows with y; filled in as needed.
    """
    first, tops = masses(n, min(1.0, max(0.0, rate + excess)))
    tail, below = [], 0.0
    for mass in tops:
        below += mass
        tail.append(below)
    start, weights = masses(m, rate)
    found = 0.0
    for y, weight in enumerate(weights, start):
        last = limits[y] if y in limits else limits.setdefault(y, _largest(n, y, m, excess, seen))
        if last >= first:
            found += weight * tail[min(last - first, len(tail) - 1)]
    return found


def _largest(n: int, y: int, m: int, excess: float, seen: float) -> int:
    """The largest x whose table lies in the region, -1 for none; the statistic grows with x."""
    low, high = -1, n + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _statistic(middle, n, y, m, excess) <= seen + 1e-9 else (low, middle)
    return low
