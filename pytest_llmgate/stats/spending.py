"""Boundaries of a one-sided test that is looked at several times: alpha spending on the normal scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import Literal

Spending = Literal["obrien-fleming", "pocock"]

_NORMAL = NormalDist()
_FAR = 8.5  # below this many standard deviations nothing is left that could matter
_STEPS = 120  # even, for Simpson's rule


def spent(spending: Spending, level: float, fraction: float) -> float:
    """The share of an error `level` that may be used up at a fraction of the information.

    Args: level in (0, 0.5]; fraction in (0, 1]. Source: Lan & DeMets (1983), Biometrika 70: like O'Brien &
    Fleming's boundary (little at first), or like Pocock's (nearly evenly).
    """
    if fraction >= 1.0:
        return level
    if spending == "pocock":
        return level * math.log1p((math.e - 1.0) * fraction)
    return 2.0 * _NORMAL.cdf(_NORMAL.inv_cdf(level / 2.0) / math.sqrt(fraction))


@lru_cache(maxsize=256)
def look_levels(looks: tuple[int, ...], level: float, spending: Spending, planned: int) -> tuple[float, ...]:
    """The one-sided error of each look, so that all of them together err with probability `level`.

    Args: looks, increasing numbers of trials, of `planned` in all (information in proportion); level in
    (0, 0.5]. Asymptotic: estimates are taken as normal with independent increments. Where information grows more
    slowly than trials do (cases that differ, a baseline measured once) looks are correlated more
    closely, and the error is smaller.
    Source: Armitage, McPherson & Rowe (1969), JRSS-A 132; Jennison & Turnbull (2000), ch. 19.
    """
    found: list[float] = []
    used, before = 0.0, 0.0
    grid: list[tuple[float, float]] = []  # score S at the last look, and its weight among those still open
    for n in looks:
        now = n / planned
        target = spent(spending, level, now) - used
        step = math.sqrt(now - before)
        bound = _boundary(grid, step, target) if grid else -step * _NORMAL.inv_cdf(max(target, 1e-300))
        found.append(_NORMAL.cdf(-bound / math.sqrt(now)))
        used += target
        if n < looks[-1]:
            grid = _open(grid, step, -_FAR * math.sqrt(now), bound)
        before = now
    return tuple(found)


def _boundary(grid: Sequence[tuple[float, float]], step: float, target: float) -> float:
    """The score that is exceeded at this look, and not before, with probability `target`."""
    low, high = -_FAR, _FAR
    while high - low > 1e-10:
        middle = 0.5 * (low + high)
        crossed = math.fsum(w * _NORMAL.cdf((s - middle) / step) for s, w in grid)
        low, high = (middle, high) if crossed > target else (low, middle)
    return high


def pass_power(looks: tuple[int, ...], levels: tuple[tuple[float, float], ...], planned: int, drift: float) -> float:
    """P(pass) of a build at +0 % that is looked at with these one-sided errors; an earlier fail takes it away.

    Args: as look_levels, levels of (passing, failing); drift >= 0, the margin over the standard error at `planned`.
    Source: the recursion of Jennison & Turnbull (2000), ch. 19, with two boundaries.
    """
    passed, before = 0.0, 0.0
    grid = [(0.0, 1.0)]
    for n, (passing, failing) in zip(looks, levels, strict=True):
        now = n / planned
        step, far = math.sqrt(now - before), _FAR * math.sqrt(now)
        low = drift * now + math.sqrt(now) * _NORMAL.inv_cdf(max(passing, 1e-300))
        high = min(far, -math.sqrt(now) * _NORMAL.inv_cdf(max(failing, 1e-300)))
        passed += math.fsum(w * _NORMAL.cdf((low - s) / step) for s, w in grid)
        if low >= high:
            break
        if n < looks[-1]:
            grid = _open(grid if before else [], step, max(low, -far), high)
        before = now
    return passed


def _open(grid: Sequence[tuple[float, float]], step: float, low: float, high: float) -> list[tuple[float, float]]:
    """The sub-density of the score among paths that go on, between two limits, as points and Simpson weights."""
    width = (high - low) / _STEPS
    density = _density(grid, step)
    points = [low + i * width for i in range(_STEPS + 1)]
    weights = [1.0, *(4.0 if i % 2 else 2.0 for i in range(1, _STEPS)), 1.0]
    return [(s, w * width / 3.0 * density(s)) for s, w in zip(points, weights, strict=True)]


def _density(grid: Sequence[tuple[float, float]], step: float) -> Callable[[float], float]:
    scale = 1.0 / (step * math.sqrt(2.0 * math.pi))
    half = -0.5 / (step * step)
    if not grid:
        return lambda s: scale * math.exp(half * s * s)
    return lambda s: scale * math.fsum(w * math.exp(half * (s - at) ** 2) for at, w in grid)
