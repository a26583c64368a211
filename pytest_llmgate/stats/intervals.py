"""Intervals for rates and quantiles: fixed-n ones, and sequences that hold at every stop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from pytest_llmgate.stats import binomial
from pytest_llmgate.stats.special import betainc, betainc_inv, bisect_rate


def wilson(k: int, n: int, conf: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a rate, for a fixed n.

    Args: 0 <= k <= n successes, n >= 1; conf in (0, 1). Source: Wilson (1927), JASA 22.
    """
    _check(k, n, conf)
    z = NormalDist().inv_cdf(0.5 + conf / 2.0)
    middle = (k + z * z / 2.0) / (n + z * z)
    half = z * math.sqrt(k * (n - k) / n + z * z / 4.0) / (n + z * z)
    return (0.0 if k == 0 else middle - half, 1.0 if k == n else middle + half)


def clopper_pearson(k: int, n: int, conf: float = 0.95) -> tuple[float, float]:
    """The exact two-sided interval of a rate, for a fixed n.

    Args: 0 <= k <= n successes, n >= 1; conf in (0, 1). Source: Clopper & Pearson (1934), Biometrika 26.
    """
    _check(k, n, conf)
    tail = (1.0 - conf) / 2.0
    return clopper_pearson_lower(k, n, tail), clopper_pearson_upper(k, n, tail)


def clopper_pearson_lower(k: int, n: int, tail: float) -> float:
    """The p below which k or more successes of n have probability <= tail. Args: tail in (0, 1)."""
    return 0.0 if k == 0 else betainc_inv(k, n - k + 1, tail)


def clopper_pearson_upper(k: int, n: int, tail: float) -> float:
    """The p above which k or fewer successes of n have probability <= tail. Args: tail in (0, 1)."""
    return 1.0 if k == n else 1.0 - betainc_inv(n - k, k + 1, tail)


def jeffreys(k: int, n: int, conf: float = 0.95) -> tuple[float, float]:
    """The equal-tailed Beta(k + 1/2, n - k + 1/2) interval, without an override at 0 or n.

    Args: 0 <= k <= n, n >= 1; conf in (0, 1). Source: Brown, Cai & DasGupta (2001), Statist. Sci. 16, 4.3.
    """
    _check(k, n, conf)
    tail = (1.0 - conf) / 2.0
    a, b = k + 0.5, n - k + 0.5
    return betainc_inv(a, b, tail), 1.0 - betainc_inv(b, a, tail)


def zero_fail_upper(n: int, alpha: float = 0.05) -> float:
    """The failure rate that n clean trials rule out: 1 - alpha^(1/n). Args: n >= 1; alpha in (0, 1)."""
    if n < 1 or not 0.0 < alpha < 1.0:
        raise ValueError(f"an upper bound needs n >= 1 and 0 < alpha < 1, not n={n}, alpha={alpha}")
    return -math.expm1(math.log(alpha) / n)


def zero_fail_n(u: float, alpha: float = 0.05) -> int:
    """The clean trials that rule out a failure rate u: ceil(ln alpha / ln(1 - u)). Args: both in (0, 1)."""
    if not 0.0 < u < 1.0 or not 0.0 < alpha < 1.0:
        raise ValueError(f"the failure rate and alpha must lie between 0 and 1, not u={u}, alpha={alpha}")
    return math.ceil(math.log(alpha) / math.log1p(-u) - 1e-9)


def quantile_ci(n: int, q: float, conf: float = 0.95) -> tuple[int, int, float]:
    """Ranks (1-based) of the order statistics around the q-quantile, and their exact coverage.

    Args: n >= 1 values; q, conf in (0, 1). Rank 0 means no lower bound, n + 1 no upper one.
    Source: distribution-free order-statistic interval (David & Nagaraja, Order Statistics, 7.1).
    """
    _check(0, n, conf)
    tail = (1.0 - conf) / 2.0
    lower = 0
    while lower < n and binomial.cdf(lower, n, q) <= tail:
        lower += 1
    upper = n + 1
    while upper > 0 and binomial.survival(upper - 2, n, q) <= tail:
        upper -= 1
    return lower, upper, binomial.cdf(upper - 1, n, q) - binomial.cdf(lower - 1, n, q)


def robbins_lower(successes: int, failures: int, alpha: float) -> float:
    """The lower end, at confidence 1 - alpha at every stop, of Robbins' confidence sequence.

    Args: counts >= 0; alpha in (0, 1). The rates p with B(s+1, f+1) / (p^s q^f) < 1/alpha, uniform mixture.
    Source: Robbins (1970), Ann. Math. Statist. 41; Ville (1939).
    """
    if successes == 0:
        return 0.0
    limit = -math.log(alpha)
    top = successes / (successes + failures)
    return bisect_rate(lambda p: _log_mixture(successes, failures, p) >= limit, 0.0, top)[0]


def robbins_upper(successes: int, failures: int, alpha: float) -> float:
    """The upper end, at confidence 1 - alpha at every stop, of Robbins' confidence sequence (see above)."""
    return 1.0 - robbins_lower(failures, successes, alpha)


def robbins(successes: int, failures: int, alpha: float = 0.05) -> tuple[float, float]:
    """Robbins' two-sided confidence sequence of a rate, valid at every stop (see robbins_lower)."""
    return robbins_lower(successes, failures, alpha), robbins_upper(successes, failures, alpha)


def _log_mixture(s: int, f: int, p: float) -> float:
    if p <= 0.0 or p >= 1.0:
        return math.inf if (s if p <= 0.0 else f) else -math.log(s + f + 1)
    return _log_beta(s, f) - s * math.log(p) - f * math.log1p(-p)


def _log_beta(s: int, f: int) -> float:
    """ln B(s + 1, f + 1)."""
    return math.lgamma(s + 1) + math.lgamma(f + 1) - math.lgamma(s + f + 2)


def mixture_evalue(k: int, n: int, p: float) -> tuple[float, float, float]:
    """E-values against the rate p: mixtures uniform on [0, 1], on [0, p] (rate < p), on [p, 1] (rate > p).

    Args: 0 <= k <= n; p in (0, 1). Source: Robbins (1970); Ramdas et al. (2023), Statist. Sci. 38, section 3.
    """
    base = math.exp(_log_mixture(k, n - k, p))
    share = betainc(k + 1, n - k + 1, p)
    rest = betainc(n - k + 1, k + 1, 1.0 - p)
    return base, base * share / p, base * rest / (1.0 - p)


def betting_cs(
    x: Sequence[float], at: Sequence[int], alpha: float = 0.05, *, breaks: int = 2000
) -> list[tuple[float, float]]:
    """The hedged-capital confidence sequence of a bounded mean, at the given times.

    Args: x values in [0, 1]; at 1-based times; breaks points of the grid, which is its resolution.
    Source: Waudby-Smith & Ramdas (2024), JRSS-B 86, section 4.2 (predictable plug-in bets, half each way).
    """
    bets = _bets(x, alpha)
    limit = math.log(1.0 / alpha)
    kept: list[list[float]] = [[] for _ in at]
    for i in range(breaks + 1):
        m = i / breaks
        for slot, capital in zip(kept, _capital(x, bets, m, at), strict=True):
            if capital <= limit:
                slot.append(m)
    step = 1.0 / breaks
    return [(max(0.0, k[0] - step), min(1.0, k[-1] + step)) if k else (0.0, 1.0) for k in kept]


def _bets(x: Sequence[float], alpha: float) -> list[float]:
    """The predictable plug-in bet before each value: the mean and variance of what came before it."""
    bets, total, squares, variance = [], 0.5, 0.25, 0.25
    for t, value in enumerate(x, start=1):
        bets.append(math.sqrt(2.0 * math.log(2.0 / alpha) / (t * math.log(t + 1.0) * variance)))
        total += value
        squares += (value - total / (t + 1)) ** 2
        variance = squares / (t + 1)
    return bets


def _capital(x: Sequence[float], bets: Sequence[float], m: float, at: Sequence[int]) -> list[float]:
    """ln of the capital against the mean m at the given times: the better of two halves."""
    up_cap = math.inf if m == 0.0 else 0.5 / m
    down_cap = math.inf if m == 1.0 else 0.5 / (1.0 - m)
    up = down = -math.log(2.0)
    wanted, found = set(at), {}
    for t, (value, bet) in enumerate(zip(x, bets, strict=True), start=1):
        up += math.log(max(1.0 + min(bet, up_cap) * (value - m), 1e-300))
        down += math.log(max(1.0 - min(bet, down_cap) * (value - m), 1e-300))
        if t in wanted:
            found[t] = max(up, down)
    return [found[t] for t in at]


def _check(k: int, n: int, conf: float) -> None:
    if n < 1 or not 0 <= k <= n or not 0.0 < conf < 1.0:
        raise ValueError(f"an interval needs 0 <= k <= n, n >= 1 and 0 < conf < 1, not k={k}, n={n}, conf={conf}")
