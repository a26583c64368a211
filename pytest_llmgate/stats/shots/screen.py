"""How many shots the omnibus test needs to catch a change that nobody declared."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pytest_llmgate.stats.shots.minp import power_statistics
from pytest_llmgate.stats.shots.montecarlo import generator
from pytest_llmgate.stats.shots.rule import Floats
from pytest_llmgate.stats.shots.schedule import FIRST
from pytest_llmgate.stats.special import gamma_survival

_PURPOSE = 2
_RUNS, _FEWEST, _CELLS = 400, 100, 1 << 18  # simulated streams of a hypothesis: fewer where there are many outcomes
_LARGEST = 1 << 24  # where the search for N gives up
_CLOSE = 1.04  # N is found to 4 %
_WIDEST = 0.5  # a half can lose no more than its own mass


class Screen(NamedTuple):
    """Result of `screen_shots`.

    shots: N, a multiple of 64; None where not even 2^24 shots are enough. power: at N, or at the most that was tried.
    tvd: of the changes. within: whether N is at most `most`. power_at_most, tvd_at_most: where it is not, the power
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
    no ceiling). Raises ValueError for a tvd or power outside. Deterministic; 0.05 s for 64 outcomes.

    "Undeclared" stands for: outcomes are put at random into two halves of about equal mass, and `tvd` of mass goes
    from one half to the other, in proportion. Of all changes q with this TVD these are the hardest by chi-square
    distance: sum (q - p)^2 / p >= tvd^2 / (a (1 - a)) >= 4 tvd^2 where a is the mass that gains (Cauchy-Schwarz on
    the gaining and the losing outcomes), with equality for proportional changes and a = 1/2.

    The power is simulated, on the safe side: a stream counts as caught where one of the three statistics is beyond
    its own critical value at level / 3, which min-p also rejects up to its own draws; critical values come from a
    gamma distribution with the simulated mean, variance and skewness and are never below the largest simulated value;
    and N must show two standard errors more power than is asked for.
    """
    if not (0.0 < tvd < _WIDEST and 0.0 < power < 1.0):
        raise ValueError(f"a screen needs a TVD between 0 and 0.5 and a power between 0 and 1, not {tvd:g}, {power:g}")
    null = p[p > 0.0] / p[p > 0.0].sum()
    if len(null) == 1:
        return _screen_of_one(tvd, power, most)
    runs = max(_FEWEST, min(_RUNS, _CELLS // len(null)))
    wanted = min(power + 2.0 * math.sqrt(power * (1.0 - power) / runs), 1.0 - 1.0 / runs)
    changes = balanced_changes(null, tvd, runs)

    def reached(shots: int) -> float:
        return _power(null, changes, shots, level)

    shots = _fewest(lambda n: reached(n) >= wanted)
    if shots is None or (most is not None and shots > most):
        ceiling = _LARGEST if most is None else most
        weakest = _weakest(lambda d: _power(null, balanced_changes(null, d, runs), ceiling, level) >= wanted, tvd)
        return Screen(shots, reached(shots or _LARGEST), tvd, False, reached(ceiling), weakest)
    return Screen(shots, reached(shots), tvd, True)


def _screen_of_one(tvd: float, power: float, most: int | None) -> Screen:
    """With one possible outcome any change shows outcomes that are impossible, and the first of them is caught."""
    needed = math.ceil(math.log1p(-power) / math.log1p(-tvd))
    shots = FIRST * math.ceil(needed / FIRST)
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
    """Part of the changed streams of so many shots with a statistic beyond its critical value at level / 3."""
    rng = generator(shots, _PURPOSE)
    null = power_statistics(rng.multinomial(shots, p, len(changes)), p)
    changed = power_statistics(rng.multinomial(shots, changes), p)
    critical = np.array([critical_value(column, level / null.shape[1]) for column in null.T])
    return float((changed > critical).any(axis=1).mean())


def critical_value(null: Floats, level: float) -> float:
    """About the value that a statistic exceeds with probability `level`, from draws that may be fewer than 1 / level.

    The quantile of the gamma distribution with the draws' mean, variance and skewness, or the largest draw.
    """
    mean, sigma = float(null.mean()), float(null.std())
    if sigma == 0.0:
        return mean
    skewness = max(0.05, float((((null - mean) / sigma) ** 3).mean()))
    shape = 4.0 / skewness**2
    low, high = 0.0, shape + 40.0 * (math.sqrt(shape) + 1.0)
    for _ in range(50):
        middle = (low + high) / 2.0
        low, high = (middle, high) if gamma_survival(shape, middle) > level else (low, middle)
    return max(mean + sigma * (high - shape) / math.sqrt(shape), float(null.max()))


def _fewest(enough: Callable[[int], bool]) -> int | None:
    """The fewest shots that are enough, to 4 %, as a multiple of 64."""
    high = FIRST
    while not enough(high):
        high *= 2
        if high > _LARGEST:
            return None
    low = high // 2 if high > FIRST else high
    while high > low * _CLOSE and high - low > FIRST:
        middle = FIRST * round(math.sqrt(low * high) / FIRST)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _weakest(caught: Callable[[float], bool], tvd: float) -> float | None:
    """The smallest distance above `tvd` that is caught, to 5 %."""
    low, high = tvd, 0.99 * _WIDEST
    if not caught(high):
        return None
    while high > 1.05 * low:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if caught(middle) else (middle, high)
    return high
