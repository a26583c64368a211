"""The mean distance of a binomial share from a reference probability: what noise adds to an empirical distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_llmgate.stats.shots.rule import Floats

_STEPS = 16  # halvings of a bracket of a few standard deviations
_ROUNDING = 1e-12  # of the incomplete beta function


def mean_gap(p: Floats, x: Floats, shots: int) -> Floats:
    """E|N/n - p| with N ~ Binomial(n, x).

    Args: p, x probabilities of one shape; shots n >= 1. Source: E|N - c| = 2 E(c - N)+ - (c - nx) and
    E(c - N)+ = c F_n(k) - n x F_{n-1}(k - 1), k = floor(c), from j P_n(j) = n x P_{n-1}(j - 1).
    """
    c = shots * p
    k = np.floor(c)
    below = c * _cdf(k, shots, x) - shots * x * _cdf(k - 1, shots - 1, x)
    return np.asarray((2.0 * below - (c - shots * x)) / shots)


def least_excess(p: Floats, shots: int, slope: float) -> Floats:
    """About the largest b, by outcome, with E|N/n - p| >= slope |x - p| + b for every true probability x.

    Args: p probabilities; shots n >= 1; slope in [0, 1]. Never above the largest; never negative, as
    E|N/n - p| >= |x - p| by Jensen. The mean gap is convex in x: its second derivative is n (n-1) times the mean of
    the second difference of |N - c|, which is never negative. So on either side of p its slope crosses `slope` at
    most once, and halving finds where.
    """
    reach = 8.0 * np.sqrt(p * (1.0 - p) / shots) + 30.0 / shots
    ends = np.concatenate([np.minimum(1.0, p + reach), np.maximum(0.0, p - reach)])
    sign = np.repeat([1.0, -1.0], len(p))
    up, down = np.split(_least_beside(np.tile(p, 2), ends, sign, shots, slope), 2)
    return np.maximum(0.0, np.minimum(up, down) - _ROUNDING)


def _least_beside(p: Floats, end: Floats, sign: Floats, shots: int, slope: float) -> Floats:
    """The least of mean gap - slope |x - p| from p to the end of the unit interval, above p (sign 1) or below (-1).

    The excess changes by at most 2 for each unit of x (both of its slopes are at most 1), so that half the last
    bracket times 2 covers what halving left open.
    """
    near, far = p, end
    for _ in range(_STEPS):
        middle = 0.5 * (near + far)
        low = sign * _gap_slope(p, middle, shots) < slope
        near, far = np.where(low, middle, near), np.where(low, far, middle)
    x = 0.5 * (near + far)
    least = mean_gap(p, x, shots) - slope * np.abs(x - p) - np.abs(far - near)
    # beyond a reach at which the slope was not crossed nothing is claimed, unless nothing lies beyond
    known = (sign * _gap_slope(p, end, shots) >= slope) | (end <= 0.0) | (end >= 1.0)
    return np.where(known, least, 0.0)


def _gap_slope(p: Floats, x: Floats, shots: int) -> Floats:
    """The derivative of the mean gap by x: E[|M + 1 - c| - |M - c|] with M ~ Binomial(n - 1, x)."""
    c = shots * p
    k = np.floor(c)
    part = c - k
    m = shots - 1
    return 1.0 - 2.0 * ((1.0 - part) * _cdf(k - 1, m, x) + part * _cdf(k, m, x))


def _cdf(k: NDArray[np.float64], n: int, x: Floats) -> Floats:
    """P(Binomial(n, x) <= k) for whole k of any size."""
    from scipy.special import betainc

    inside = (k >= 0) & (k < n)
    safe = np.where(inside, k, 0.0)
    value = betainc(np.maximum(n - safe, 1.0), safe + 1.0, 1.0 - x)
    return np.where(inside, value, np.where(k < 0, 0.0, 1.0))
