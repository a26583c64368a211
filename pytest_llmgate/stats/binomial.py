"""Exact binomial probabilities and tests, in log space where it matters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from pytest_llmgate.stats.special import betainc, log_beta_density

Alternative = Literal["less", "greater", "two-sided"]


def log_pmf(k: int, n: int, p: float) -> float:
    """ln P(X = k), X ~ Binomial(n, p); -inf where impossible.

    Args: 0 <= p <= 1, n >= 0. Source: Loader (2000), see special.log_beta_density.
    """
    if not 0 <= k <= n:
        return -math.inf
    if p <= 0.0:
        return 0.0 if k == 0 else -math.inf
    if p >= 1.0:
        return 0.0 if k == n else -math.inf
    return log_beta_density(k, n - k, p)


def pmf(k: int, n: int, p: float) -> float:
    """P(X = k), X ~ Binomial(n, p). Args: 0 <= p <= 1, n >= 0."""
    return math.exp(log_pmf(k, n, p))


def cdf(k: int, n: int, p: float) -> float:
    """P(X <= k), X ~ Binomial(n, p), relatively exact in the lower tail.

    Args: 0 <= p <= 1, n >= 0. Source: I_{1-p}(n-k, k+1), DLMF 8.17.5.
    """
    if k < 0:
        return 0.0
    if k >= n:
        return 1.0
    return betainc(n - k, k + 1, 1.0 - p)


def survival(k: int, n: int, p: float) -> float:
    """P(X > k), X ~ Binomial(n, p), relatively exact in the upper tail. Args: 0 <= p <= 1, n >= 0."""
    if k < 0:
        return 1.0
    if k >= n:
        return 0.0
    return betainc(k + 1, n - k, p)


def binom_test(k: int, n: int, p: float, alternative: Alternative = "two-sided") -> float:
    """The exact p-value of k successes in n at rate p.

    Args: 0 <= k <= n, 0 <= p <= 1. Two-sided: all outcomes no likelier than k (R's binom.test, with its
    relative slack of 1e-7 for ties). Raises ValueError for impossible counts.
    """
    if not 0 <= k <= n or not 0.0 <= p <= 1.0:
        raise ValueError(f"a binomial test needs 0 <= k <= n and 0 <= p <= 1, not k={k}, n={n}, p={p}")
    if alternative == "less":
        return cdf(k, n, p)
    if alternative == "greater":
        return survival(k - 1, n, p)
    return _two_sided(k, n, p)


def _two_sided(k: int, n: int, p: float) -> float:
    if p in (0.0, 1.0):
        return 1.0 if k == n * p else 0.0
    limit = log_pmf(k, n, p) + 1e-7
    mode = int((n + 1) * p)
    if k == mode:
        return 1.0
    if k < mode:
        # the smallest count above the mode that is no likelier than k
        other = _first(lambda j: log_pmf(j, n, p) <= limit, mode, n + 1)
        return min(1.0, cdf(k, n, p) + survival(other - 1, n, p))
    other = mode - _first(lambda j: log_pmf(mode - j, n, p) <= limit, 0, mode + 1)
    return min(1.0, cdf(other, n, p) + survival(k - 1, n, p))


def _first(holds: Callable[[int], bool], lo: int, hi: int) -> int:
    """The smallest j in [lo, hi] at which a monotone condition holds (hi if nowhere before)."""
    while lo < hi:
        middle = (lo + hi) // 2
        if holds(middle):
            hi = middle
        else:
            lo = middle + 1
    return lo
