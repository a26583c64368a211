"""How many shots the omnibus test needs to catch a change that nobody declared."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np

from pytest_llmgate.stats.shots.minp import power_statistics
from pytest_llmgate.stats.shots.montecarlo import generator
from pytest_llmgate.stats.shots.rule import Floats
from pytest_llmgate.stats.special import gamma_survival

LARGEST: Final = 1 << 20
"""Shots at which the search for N gives up."""

_PURPOSE = 2
_MOST, _FEWEST, _CELLS = 1000, 100, 3 << 12  # simulated streams of changed circuits: fewer where outcomes are many
_NULLS = 4  # streams of a good circuit for each of a changed one
_FIRST, _STEP = 64, 32  # N starts with the first look, and is a multiple of 32
_AROUND = (0.5, 0.6, 0.75, 0.9, 1.05)  # parts of the first power of 2 that is enough
_SPARE = 0.1  # of the misses that are allowed: N allows so much less
_CLEAR = 0.02  # powers nearer to 0 and 1 tell nothing about the slope
_FINE = 1e-4  # of a critical value, in standard deviations
_NORMAL: Final = NormalDist()
_WIDEST = 0.5  # a half can lose no more than its own mass


class Screen(NamedTuple):
    """Result of `screen_shots`.

    shots: N, a multiple of 32 or `most` itself; None where not even 2^20 shots are enough. power: at N. tvd: of the
    changes. within: whether N is at most `most`. power_at_most, tvd_at_most: where it is not, the power
    at `most` shots against this TVD, and the smallest TVD below 0.5 that is caught there with the power asked for.
    """

    shots: int | None
    power: float
    tvd: float
    within: bool
    power_at_most: float | None = None
    tvd_at_most: float | None = None


def screen_shots(p: Floats, *, level: float, tvd: float = 0.1, power: float = 0.8, most: int | None = None) -> Screen:
    """The fewest shots N at which min-p at this level catches an undeclared change of this TVD with this power.

    Args: p sums to 1. level of the omnibus test. tvd in (0, 0.5). power in (0, 1). most: the ceiling in shots (None:
    no ceiling). Raises ValueError for a tvd or power outside. Deterministic.

    "Undeclared" stands for: outcomes are put at random into two halves of about equal mass, and `tvd` of mass goes
    from one half to the other, in proportion. Of all changes q with this TVD these are the hardest by chi-square
    distance: sum (q - p)^2 / p >= tvd^2 / (a (1 - a)) >= 4 tvd^2 where a is the mass that gains (Cauchy-Schwarz on
    the gaining and the losing outcomes), with equality for proportional changes and a = 1/2.

    The power is simulated: a stream counts as caught where one of the three statistics is beyond its own critical
    value at level / 3, which min-p rejects too (Bonferroni). Those values come from gamma distributions with the
    simulated means, variances and skewnesses. N allows a tenth fewer misses than is asked for, on a curve through
    several simulated numbers of shots.
    """
    if not (0.0 < tvd < _WIDEST and 0.0 < power < 1.0):
        raise ValueError(f"a screen needs a TVD between 0 and 0.5 and a power between 0 and 1, not {tvd:g}, {power:g}")
    null = p[p > 0.0] / p[p > 0.0].sum()
    if len(null) == 1:
        return _screen_of_one(tvd, power, most)
    wanted = power + _SPARE * (1.0 - power)
    curve = _curve(null, tvd, level, wanted)
    exact = math.inf if curve is None else curve.shots(wanted)
    shots = None if curve is None else _STEP * math.ceil(exact / _STEP)
    if shots is not None and most is not None and exact <= most:
        shots = min(shots, most)
    reached = 0.0 if curve is None or shots is None else curve.power(shots)
    if shots is not None and (most is None or shots <= most):
        return Screen(shots, reached, tvd, True)
    ceiling = LARGEST if most is None else most
    weakest = _weakest(lambda d: _power(null, _changes_of(null, d), ceiling, level) >= wanted, tvd)
    return Screen(shots, reached, tvd, False, _power(null, _changes_of(null, tvd), ceiling, level), weakest)


class _Curve(NamedTuple):
    """Power by shots: its normal quantile is a line in ln n, near the power that is asked for."""

    slope: float
    offset: float

    def power(self, shots: int) -> float:
        return _NORMAL.cdf(self.offset + self.slope * math.log(shots))

    def shots(self, power: float) -> float:
        return math.exp((_NORMAL.inv_cdf(power) - self.offset) / self.slope)


def _curve(p: Floats, tvd: float, level: float, power: float) -> _Curve | None:
    """The curve through simulated powers around the number of shots that is enough; None if there is none to 2^20."""
    changes, shots = _changes_of(p, tvd), _FIRST
    while _power(p, changes, shots, level) < power:
        shots *= 2
        if shots > LARGEST:
            return None
    around = [max(2, round(part * shots)) for part in _AROUND]
    powers = [min(max(_power(p, changes, n, level), _CLEAR), 1.0 - _CLEAR) for n in around]
    slope, offset = np.polyfit(np.log(around), [_NORMAL.inv_cdf(value) for value in powers], 1)
    return _Curve(max(float(slope), 0.1), float(offset))


def _changes_of(p: Floats, tvd: float) -> Floats:
    """As many changes as there is time to simulate."""
    return balanced_changes(p, tvd, max(_FEWEST, min(_MOST, _CELLS // len(p))))


def _screen_of_one(tvd: float, power: float, most: int | None) -> Screen:
    """With one possible outcome any change shows outcomes that are impossible, and the first of them is caught."""
    needed = math.ceil(math.log1p(-power) / math.log1p(-tvd))
    shots = _FIRST * math.ceil(needed / _FIRST)
    if most is not None and needed <= most:
        shots = min(shots, most)
    reached = 1.0 - (1.0 - tvd) ** shots
    if most is None or shots <= most:
        return Screen(shots, reached, tvd, True)
    weakest = 1.0 - (1.0 - power) ** (1.0 / most)
    return Screen(shots, reached, tvd, False, 1.0 - (1.0 - tvd) ** most, weakest if weakest < _WIDEST else None)


def balanced_changes(p: Floats, tvd: float, runs: int) -> Floats:
    """Distributions at this TVD from p, one a row: mass moved between random halves, in proportion."""
    rng = generator(0, _PURPOSE)
    order = np.argsort(rng.random((runs, len(p))), axis=1)
    before = np.cumsum(p[order], axis=1) - p[order]
    in_first = np.empty((runs, len(p)), dtype=bool)
    np.put_along_axis(in_first, order, before < 0.5 - p[order] / 2.0, axis=1)
    heaviest = order[:, 0]  # one outcome that outweighs all others is a half by itself
    in_first[np.arange(runs), heaviest] |= ~in_first.any(axis=1)
    mass = (in_first * p).sum(axis=1, keepdims=True)
    up = rng.random((runs, 1)) < 0.5
    up = np.where(mass < tvd, True, np.where(1.0 - mass < tvd, False, up))  # who loses must have enough
    gain = np.where(up, tvd, -tvd)
    q: Floats = p * np.where(in_first, 1.0 + gain / mass, 1.0 - gain / (1.0 - mass))
    q /= q.sum(axis=1, keepdims=True)
    return q


def _power(p: Floats, changes: Floats, shots: int, level: float) -> float:
    """Part of the changed streams of so many shots with a statistic beyond its critical value."""
    rng = generator(shots, _PURPOSE)
    null = power_statistics(rng.multinomial(shots, p, _NULLS * len(changes)), p)
    changed = power_statistics(rng.multinomial(shots, changes), p)
    critical = np.array([critical_value(column, level / null.shape[1]) for column in null.T])
    return float((changed > critical).any(axis=1).mean())


def critical_value(null: Floats, level: float) -> float:
    """About the value that a statistic exceeds with probability `level`, from draws that may be fewer than 1 / level.

    The quantile of the gamma distribution with the draws' mean, variance and skewness.
    """
    mean, sigma = float(null.mean()), float(null.std())
    if sigma == 0.0:
        return mean
    skewness = max(0.05, float((((null - mean) / sigma) ** 3).mean()))
    shape = 4.0 / skewness**2
    low, high = 0.0, shape + 40.0 * (math.sqrt(shape) + 1.0)
    while high - low > _FINE * (math.sqrt(shape) + 1.0):
        middle = (low + high) / 2.0
        low, high = (middle, high) if gamma_survival(shape, middle) > level else (low, middle)
    return mean + sigma * (high - shape) / math.sqrt(shape)


def _weakest(caught: Callable[[float], bool], tvd: float) -> float | None:
    """The smallest distance above `tvd` that is caught, to 5 %."""
    low, high = tvd, 0.99 * _WIDEST
    if not caught(high):
        return None
    while high > 1.05 * low:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if caught(middle) else (middle, high)
    return high
