"""Exact behaviour of a stopping rule: paths from trial to trial are counted, not simulated.

A rule is two integer tables over the failures f: from which n on f failures pass, and up to which n they
fail. The alive paths of level f (those with f failures) form one list over n, and level f + 1 is its running
sum, so that a whole design takes tens of microseconds. Paths are counted without their probability: the
probability of ending at (n, f) is count * q^f * p^(n-f) under any p, hence one sweep gives both error rates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from operator import mul
from typing import NamedTuple, Protocol

# Counts are kept below _LARGE by rescaling a level as a whole, in steps small enough that its few early paths,
# which later levels grow from, are not lost below the range of a float.
_LARGE = 1e280
_STEP = 1e60


class Point(NamedTuple):
    """An end of paths: n trials, f failures, ln of the number of paths that stop there."""

    n: int
    failed: int
    log_count: float


class Sweep(NamedTuple):
    """Where paths end: passes at the boundary, those alive at the horizon, mean stopping times."""

    passes: tuple[Point, ...]
    alive: tuple[Point, ...]
    means: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class OC:
    """Operating characteristics at one success rate; `survival[n]` is P(N > n)."""

    p_pass: float
    p_fail: float
    p_inconclusive: float
    mean_n: float
    survival: tuple[float, ...] = field(repr=False)

    def n_quantile(self, q: float) -> int:
        """The smallest n with P(N <= n) >= q. Args: q in (0, 1)."""
        for n, left in enumerate(self.survival):
            if left <= 1.0 - q + 1e-12:
                return n
        return len(self.survival)


class Charted(Protocol):
    """Whatever knows its own operating characteristics: a design or a rule."""

    def oc(self, p: float) -> OC:
        """The operating characteristics at success rate p."""


def oc(subject: Charted, p: float) -> OC:
    """Exact P(pass), P(fail), P(inconclusive) and E[N] of a design or rule.

    Args: p the true success rate, in [0, 1].
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"a success rate lies between 0 and 1, not at {p:g}")
    return subject.oc(p)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Integer stopping boundaries: f failures pass from n = pass_from[f] on, fail up to n = fail_until[f].

    The last entry of both is the failure count that fails at every n. At the ceiling at most `cut`
    failures pass; None: what is alive there is inconclusive.
    """

    pass_from: tuple[int, ...]
    fail_until: tuple[int, ...]
    ceiling: int
    cut: int | None

    def oc(self, p: float) -> OC:
        """Exact operating characteristics at success rate p in [0, 1]."""
        found = sweep(self, self.ceiling)
        p_pass, p_end = total(found.passes, p), total(found.alive, p)
        # with a cut, what is alive at the ceiling passes there: more than `cut` failures fail at once
        p_open = p_end if self.cut is None else 0.0
        left = survival(self, p)
        p_fail = max(0.0, 1.0 - p_pass - p_end)
        return OC(p_pass + p_end - p_open, p_fail, p_open, math.fsum(left), left)


def bounds(x: float, y: float, upper: float, lower: float, ceiling: int, cut: int | None) -> Bounds:
    """The integer tables of: FAIL if LLR >= upper, PASS if LLR <= -lower, LLR = f x - (n - f) y.

    Args: x, y > 0 the steps of a failure and of a success; upper, lower > 0; ceiling >= 1 trials. More
    failures than `cut` fail at once: they could not pass any more (curtailment, which costs no error).
    """
    slack = 1e-9  # a point on the boundary stops, whatever the rounding
    pass_from: list[int] = []
    fail_until: list[int] = []
    f = 0
    while True:
        pass_from.append(math.ceil((f * (x + y) + lower) / y - slack))
        last = math.floor((f * (x + y) - upper) / y + slack)
        if cut is not None and f > cut:
            last = ceiling
        fail_until.append(last)
        if last >= ceiling:
            return Bounds(tuple(pass_from), tuple(fail_until), ceiling, cut)
        f += 1


def sweep(limits: Bounds, horizon: int, rates: Sequence[float] = ()) -> Sweep:
    """Count the paths that pass, and those alive, up to trial `horizon` (at most the ceiling).

    Args: rates success rates in (0, 1) at which the mean number of trials is wanted too.
    Source: recursion of Armitage, McPherson & Rowe (1969), by levels of failures.
    """
    passes: list[Point] = []
    alive: list[Point] = []
    sums = [0.0] * len(rates)
    powers = [list(accumulate([p] * horizon, mul, initial=1.0)) for p in rates]
    scale = 0.0
    first, counts = 0, [1.0]  # level 0 is entered by one path, at n = 0
    for f, start in enumerate(limits.pass_from):
        end = min(start, horizon)
        skip = max(0, limits.fail_until[f] + 1 - first)
        first += skip
        counts = list(accumulate(counts[skip:]))
        if not counts or first > end:
            break
        counts += [counts[-1]] * (end - first + 1 - len(counts))
        point = Point(end, f, math.log(counts[-1]) + scale if counts[-1] > 0 else -math.inf)
        (passes if start <= horizon else alive).append(point)
        counts.pop()  # what stops at `end` is not alive there
        for i, p in enumerate(rates):
            weight = math.exp(scale + f * math.log1p(-p) + (first - f) * math.log(p))
            sums[i] += weight * _dot(counts, powers[i])
        if counts and counts[-1] > _LARGE:
            counts = [c / _STEP for c in counts]
            scale += math.log(_STEP)
        first += 1  # a failure moves every alive path to the next trial and level
    return Sweep(tuple(passes), tuple(alive), tuple(sums))


def _dot(left: list[float], right: list[float]) -> float:
    return math.fsum(map(mul, left, right))


def total(points: Sequence[Point], p: float) -> float:
    """The probability, at success rate p in [0, 1], of ending at any of these points."""
    if p <= 0.0 or p >= 1.0:
        # without chance there is one path: no failure at all, or nothing else
        return 1.0 if any(x.failed == (0 if p >= 1.0 else x.n) for x in points) else 0.0
    good, bad = math.log(p), math.log1p(-p)
    return math.fsum(math.exp(c + f * bad + (n - f) * good) for n, f, c in points)


def survival(limits: Bounds, p: float) -> tuple[float, ...]:
    """P(N > n) for n = 0 … ceiling - 1, at success rate p in [0, 1]."""
    left = [0.0] * limits.ceiling
    q = 1.0 - p
    entering: list[float] = [1.0]
    first = 0
    for f, start in enumerate(limits.pass_from):
        end = min(start, limits.ceiling)
        skip = max(0, limits.fail_until[f] + 1 - first)
        first += skip
        entering = entering[skip:]
        if not entering or first > end:
            break
        mass, current = 0.0, []
        for n in range(first, end):
            mass = mass * p + (entering[n - first] if n - first < len(entering) else 0.0)
            left[n] += mass
            current.append(mass * q)
        entering = current
        first += 1
    return tuple(left)
