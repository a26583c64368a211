"""What exact unconditional tests share: where the nuisance rate is searched, and the probabilities that matter."""

from __future__ import annotations

from pytest_llmgate.stats import binomial
from pytest_llmgate.stats.special import betainc_inv

OUTSIDE = 1e-6
"""The nuisance rate lies outside of the searched range with this probability, which is added to p."""
_NEGLIGIBLE = 1e-16


def exact_interval(k: int, n: int) -> tuple[float, float]:
    """Clopper and Pearson's interval at confidence 1 - 1e-6."""
    low = betainc_inv(k, n - k + 1, 0.5 * OUTSIDE) if k else 0.0
    return low, betainc_inv(k + 1, n - k, 1.0 - 0.5 * OUTSIDE) if k < n else 1.0


def masses(n: int, p: float) -> tuple[int, list[float]]:
    """The binomial probabilities that matter, and the count at which they begin."""
    mode = min(n, int((n + 1) * p))
    peak = binomial.pmf(mode, n, p)
    if p <= 0.0 or p >= 1.0:
        return mode, [1.0]
    odds, least = p / (1.0 - p), peak * _NEGLIGIBLE
    upper, mass = [], peak
    for k in range(mode, n):
        mass *= (n - k) / (k + 1) * odds
        if mass < least:
            break
        upper.append(mass)
    lower, mass = [], peak
    for k in range(mode, 0, -1):
        mass *= k / ((n - k + 1) * odds)
        if mass < least:
            break
        lower.append(mass)
    return mode - len(lower), [*reversed(lower), peak, *upper]
