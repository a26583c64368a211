"""The mean distance of a binomial share from a reference probability: what noise adds to an empirical distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_llmgate.stats.shots.rule import Floats

_STEPS = 22  # halvings of a bracket of a few standard deviations; what is left changes the value by 1e-12 of one


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
    """The largest b, by outcome, with E|N/n - p| >= slope |x - p| + b for every true probability x.

    Args: p probabilities; shots n >= 1; slope in [0, 1]. Never negative, as E|N/n - p| >= |x - p| by Jensen.
    The mean gap is convex in x: its second derivative is n (n-1) E[second difference of |N - c|], which is
    never negative. So on either side of p its slope meets `slope` at most once, and bisection finds where.
    """
    reach = 8.0 * np.sqrt(p * (1.0 - p) / shots) + 30.0 / shots
    sides = []
    for sign, end in ((1.0, np.minimum(1.0, p + reach)), (-1.0, np.maximum(0.0, p - reach))):
        x = _meets(p, end, shots, slope, sign)
        excess = mean_gap(p, x, shots) - slope * np.abs(x - p)
        # where the slope is not reached inside the bracket, and the bracket is not all there is, claim nothing
        inside = (sign * _gap_slope(p, end, shots) >= slope) | (end <= 0.0) | (end >= 1.0)
        sides.append(np.where(inside, excess, 0.0))
    return np.maximum(0.0, np.minimum(*sides) - 1e-12)


def _meets(p: Floats, end: Floats, shots: int, slope: float, sign: float) -> Floats:
    """Where, from p to end, the mean gap's slope away from p grows beyond `slope`: the minimum of the excess."""
    near, far = p.copy(), end.copy()
    for _ in range(_STEPS):
        middle = 0.5 * (near + far)
        low = sign * _gap_slope(p, middle, shots) < slope
        near, far = np.where(low, middle, near), np.where(low, far, middle)
    return 0.5 * (near + far)


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
