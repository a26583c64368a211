"""Tests and distances of distributions over a few outcomes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pytest_llmgate.stats.special import gamma_survival

# Above this many possible outcomes the exact test is refused: it visits each of them.
_MOST_OUTCOMES = 2_000_000


def chi2_gof(obs: Sequence[int], p: Sequence[float]) -> tuple[float, float]:
    """Pearson's statistic of counts against expected probabilities, and its p-value.

    Args: obs counts >= 0; p probabilities of the same outcomes. An outcome of probability 0 that occurred
    makes the statistic infinite. Source: Pearson (1900); chi-square with (outcomes of p > 0) - 1 degrees.
    """
    n = _check(obs, p)
    stat = math.fsum((o - n * q) ** 2 / (n * q) for o, q in zip(obs, p, strict=True) if q > 0)
    return _judged(stat, obs, p)


def g_test(obs: Sequence[int], p: Sequence[float]) -> tuple[float, float]:
    """The likelihood-ratio statistic of counts against probabilities, and its p-value (see chi2_gof).

    Source: Wilks (1938).
    """
    n = _check(obs, p)
    stat = 2.0 * math.fsum(o * math.log(o / (n * q)) for o, q in zip(obs, p, strict=True) if o > 0 and q > 0)
    return _judged(max(0.0, stat), obs, p)


def _judged(stat: float, obs: Sequence[int], p: Sequence[float]) -> tuple[float, float]:
    if any(o > 0 and q == 0 for o, q in zip(obs, p, strict=True)):
        return math.inf, 0.0
    degrees = sum(q > 0 for q in p) - 1
    return stat, gamma_survival(degrees / 2, stat / 2) if degrees else 1.0


def multinomial_exact(obs: Sequence[int], p: Sequence[float]) -> float:
    """The exact multinomial p-value: the sum of all outcome probabilities not above the observed one.

    Args: obs counts >= 0; p probabilities. Ties are taken at a relative 1e-9. Raises ValueError above two
    million outcomes.
    """
    n = _check(obs, p)
    if math.comb(n + len(obs) - 1, len(obs) - 1) > _MOST_OUTCOMES:
        raise ValueError(f"{n} counts over {len(obs)} outcomes are too many for the exact test: use g_test")
    seen = _log_multinomial(obs, p)
    logs = (_log_multinomial(counts, p) for counts in _compositions(n, len(obs)))
    return min(1.0, math.fsum(math.exp(w) for w in logs if w <= seen + 1e-9))


def _log_multinomial(counts: Sequence[int], p: Sequence[float]) -> float:
    total = math.lgamma(sum(counts) + 1)
    for k, q in zip(counts, p, strict=True):
        if k and q == 0:
            return -math.inf
        total += (k * math.log(q) if k else 0.0) - math.lgamma(k + 1)
    return total


def _compositions(n: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All ways to write n as an ordered sum of `parts` counts."""
    if parts == 1:
        yield (n,)
        return
    for first in range(n + 1):
        for rest in _compositions(n - first, parts - 1):
            yield (first, *rest)


def distances(p: Sequence[float], q: Sequence[float]) -> tuple[float, float, float, float]:
    """Hellinger distance (0 to 1), total variation, Jensen-Shannon divergence (nats), its root in base 2.

    Args: p, q probabilities of the same outcomes, each summing to 1. Source: Lin (1991) for the latter two.
    """
    pairs = list(zip(p, q, strict=True))
    hellinger = math.sqrt(math.fsum((math.sqrt(a) - math.sqrt(b)) ** 2 for a, b in pairs) / 2.0)
    tvd = math.fsum(abs(a - b) for a, b in pairs) / 2.0
    js = max(0.0, math.fsum(_entropy_part(a, b) + _entropy_part(b, a) for a, b in pairs) / 2.0)
    return min(1.0, hellinger), min(1.0, tvd), js, math.sqrt(js / math.log(2.0))


def _entropy_part(a: float, b: float) -> float:
    return a * math.log(2.0 * a / (a + b)) if a > 0 else 0.0


def _check(obs: Sequence[int], p: Sequence[float]) -> int:
    """The number of observations; the counts must match the probabilities."""
    n = sum(obs)
    if len(obs) != len(p) or not obs or n < 1 or min(obs) < 0 or min(p) < 0 or abs(math.fsum(p) - 1.0) > 1e-6:
        raise ValueError("counts (at least 1 in all) need as many probabilities, which sum to 1")
    return n
