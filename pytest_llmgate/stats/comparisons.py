"""Comparing two sets of results, and correcting for many comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pytest_llmgate.stats import binomial
from pytest_llmgate.stats.ratio import Means, fieller
from pytest_llmgate.stats.special import student_t_cdf, student_t_quantile

Correction = Literal["holm", "bh", "by"]


def mcnemar_exact(b: int, c: int) -> float:
    """Two-sided exact p-value of b against c discordant pairs; 1 without any.

    Args: b, c >= 0. Source: McNemar (1947); the binomial test at 1/2.
    """
    if b < 0 or c < 0:
        raise ValueError(f"discordant pairs are counted from 0, not b={b}, c={c}")
    return min(1.0, 2.0 * binomial.cdf(min(b, c), b + c, 0.5))


def p_adjust(p: Sequence[float], method: Correction) -> list[float]:
    """P-values corrected for their number, in their own order.

    Args: p in [0, 1]; method holm (familywise), bh (false discovery rate; independent or positively
    dependent), by (any dependence). Source: Holm (1979); Benjamini & Hochberg (1995); Benjamini & Yekutieli
    (2001).
    """
    m = len(p)
    order = sorted(range(m), key=lambda i: p[i])
    if method == "holm":
        factors = [float(m - rank) for rank in range(m)]
        ranks = range(m)
    elif method in ("bh", "by"):
        scale = math.fsum(1.0 / k for k in range(1, m + 1)) if method == "by" else 1.0
        factors = [scale * m / (rank + 1) for rank in range(m)]
        ranks = range(m - 1, -1, -1)
    else:
        raise ValueError(f"the correction is holm, bh or by, not {method!r}")
    adjusted = [0.0] * m
    extreme = 0.0 if method == "holm" else 1.0
    for rank in ranks:
        value = factors[rank] * p[order[rank]]
        extreme = max(extreme, value) if method == "holm" else min(extreme, value)
        adjusted[order[rank]] = min(1.0, extreme)
    return adjusted


def e_bh(e: Sequence[float], alpha: float) -> list[int]:
    """Indices rejected by e-BH at false discovery rate alpha, whatever the dependence.

    Args: e >= 0 e-values frozen at their stop; alpha in (0, 1). Source: Wang & Ramdas (2022), JRSS-B 84.
    """
    order = sorted(range(len(e)), key=lambda i: -e[i])
    kept = 0
    for k, i in enumerate(order, start=1):
        if e[i] * k * alpha >= len(e):
            kept = k
    return sorted(order[:kept])


def cluster_se(x: Sequence[float], cluster: Sequence[object]) -> tuple[float, float, float, float]:
    """Mean of x, its standard error as if independent, clustered (CR0), and with few clusters (CR1).

    Args: x values and the cluster of each, equally long, at least 2; CR1 is NaN for one cluster.
    Source: Miller (2024), arXiv 2411.00640; CR1 = CR0 sqrt(G / (G - 1)).
    """
    n = len(x)
    if n < 2 or n != len(cluster):
        raise ValueError(f"a standard error needs at least 2 values, each with a cluster, not {n}, {len(cluster)}")
    mean = math.fsum(x) / n
    sums: dict[object, float] = {}
    for value, key in zip(x, cluster, strict=True):
        sums[key] = sums.get(key, 0.0) + value - mean
    naive = math.sqrt(math.fsum((v - mean) ** 2 for v in x) / (n - 1) / n)
    return mean, naive, *cluster_error(list(sums.values()), n)


def cluster_error(residuals: Sequence[float], n: int) -> tuple[float, float]:
    """The clustered standard error of a mean of n values, and with few clusters (see cluster_se).

    Args: the sum of (value - mean) of each cluster, n >= 1.
    """
    cr0 = math.sqrt(math.fsum(s * s for s in residuals)) / n
    g = len(residuals)
    return cr0, cr0 * math.sqrt(g / (g - 1)) if g > 1 else math.nan


def ratio_fieller_upper(candidate: Sequence[float], baseline: Sequence[float], conf: float = 0.95) -> float:
    """One-sided upper bound of mean(candidate) / mean(baseline) of pairs; infinite where none exists.

    Args: equally long, at least 2 pairs, baseline mean > 0; conf in (0.5, 1). The larger r with
    (mean(c) - r mean(b))^2 n = t^2 var(c - r b). Source: Fieller (1954), JRSS-B 16.
    """
    n, mc, mb, vc, vb, cov = _moments(candidate, baseline)
    means = Means(mc, mb, vc / n, vb / n, cov / n)
    return fieller(means, student_t_quantile(conf, n - 1))[1]


def ratio_ni(candidate: Sequence[float], baseline: Sequence[float], margin: float) -> tuple[float, float, float]:
    """Non-inferiority of pairs: ratio of means, t of c - (1 + margin) b, one-sided p (small: not worse).

    Args: equally long, at least 2 pairs, baseline mean > 0; margin >= 0, 0.1 is 10 %. Without any spread t is
    infinite (0 exactly at the margin). Source: linearised paired t, Fieller (1954).
    """
    n, mc, mb, _, _, _ = _moments(candidate, baseline)
    d = [c - (1.0 + margin) * b for c, b in zip(candidate, baseline, strict=True)]
    mean = math.fsum(d) / n
    se = math.sqrt(math.fsum((v - mean) ** 2 for v in d) / (n - 1) / n)
    if se == 0.0:
        t = 0.0 if mean == 0.0 else math.copysign(math.inf, mean)
        return mc / mb, t, 0.5 if t == 0.0 else (0.0 if t < 0 else 1.0)
    t = mean / se
    return mc / mb, t, student_t_cdf(t, n - 1)


def _moments(candidate: Sequence[float], baseline: Sequence[float]) -> tuple[int, float, float, float, float, float]:
    """Number of pairs, both means, both variances, covariance."""
    n = len(candidate)
    if n < 2 or n != len(baseline):
        raise ValueError(f"a paired ratio needs at least 2 pairs, not {n} and {len(baseline)}")
    mc, mb = math.fsum(candidate) / n, math.fsum(baseline) / n
    if mb <= 0.0:
        raise ValueError(f"the baseline's mean must be above 0, not {mb:g}")
    dc, db = [v - mc for v in candidate], [v - mb for v in baseline]
    vc = math.fsum(v * v for v in dc) / (n - 1)
    vb = math.fsum(v * v for v in db) / (n - 1)
    cov = math.fsum(u * v for u, v in zip(dc, db, strict=True)) / (n - 1)
    return n, mc, mb, vc, vb, cov


def fisher_exact(table: Sequence[Sequence[int]], alternative: binomial.Alternative = "two-sided") -> float:
    """Fisher's exact p-value of a 2 x 2 table [[a, b], [c, d]]; `greater`: a larger than by chance.

    Args: counts >= 0. Two-sided: all tables no likelier than this one (R's slack of 1e-7 for ties).
    Source: Fisher (1934); hypergeometric.
    """
    (a, b), (c, d) = table
    if min(a, b, c, d) < 0:
        raise ValueError("a table holds counts of at least 0")
    row, column, n = a + b, a + c, a + b + c + d
    low, high = max(0, row + column - n), min(row, column)

    def log_weight(k: int) -> float:
        return _log_choose(column, k) + _log_choose(n - column, row - k) - _log_choose(n, row)

    weights = {k: log_weight(k) for k in range(low, high + 1)}
    if alternative == "less":
        chosen = [w for k, w in weights.items() if k <= a]
    elif alternative == "greater":
        chosen = [w for k, w in weights.items() if k >= a]
    else:
        chosen = [w for w in weights.values() if w <= weights[a] + 1e-7]
    return min(1.0, math.fsum(map(math.exp, chosen)))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
