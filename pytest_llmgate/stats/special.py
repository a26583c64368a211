"""Special functions in plain Python: incomplete beta and gamma, their inverses, Student's t."""

from __future__ import annotations

import math
from collections.abc import Callable

_LN_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
_TINY = 1e-300
_EPS = 3e-16


def log_beta_density(a: float, b: float, x: float) -> float:
    """ln of the binomial density Γ(a+b+1)/(Γ(a+1)Γ(b+1)) x^a (1-x)^b, for real counts.

    Args: a, b >= 0 counts; x in (0, 1). Saddle-point form: no cancellation of large lgammas.
    Source: C. Loader (2000), Fast and accurate computation of binomial probabilities, sections 2 and 3.
    """
    if a == 0:
        return b * math.log1p(-x)
    if b == 0:
        return a * math.log(x)
    n = a + b
    core = _stirling_error(n) - _stirling_error(a) - _stirling_error(b)
    core -= _deviance(a, n * x) + _deviance(b, n * (1.0 - x))
    return core - _LN_SQRT_2PI + 0.5 * math.log(n / (a * b))


def _stirling_error(z: float) -> float:
    """ln Γ(z+1) minus Stirling's formula (Loader 2000, section 3)."""
    if z < 16.0:
        return math.lgamma(z + 1.0) - (z + 0.5) * math.log(z) + z - _LN_SQRT_2PI
    s = 1.0 / (z * z)
    return (1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s / 1188)))) / z


def _deviance(x: float, m: float) -> float:
    """x ln(x/m) + m - x without cancellation near x = m (Loader 2000, section 3)."""
    if abs(x - m) >= 0.1 * (x + m):
        return x * math.log(x / m) + m - x
    v = (x - m) / (x + m)
    total = (x - m) * v
    term = 2.0 * x * v
    for j in range(1, 1000):
        term *= v * v
        new = total + term / (2 * j + 1)
        if new == total:
            break
        total = new
    return total


def betainc(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta I_x(a, b).

    Args: a, b > 0; x in [0, 1]. Raises ValueError outside.
    Source: continued fraction by Lentz's method (Numerical Recipes, 6.4; DLMF 8.17.22).
    """
    if a <= 0 or b <= 0 or not 0.0 <= x <= 1.0:
        raise ValueError(f"incomplete beta needs a, b > 0 and 0 <= x <= 1, not a={a}, b={b}, x={x}")
    if x in (0.0, 1.0):
        return x
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _beta_tail(b, a, 1.0 - x, log_beta_density(a, b, x))
    return _beta_tail(a, b, x, log_beta_density(a, b, x))


def _beta_tail(a: float, b: float, x: float, log_density: float) -> float:
    """I_x(a, b) where x is on the short side of the mean, so that the fraction converges."""
    front = math.exp(log_density) * b / (a + b)
    return front * _beta_fraction(a, b, x)


def _beta_fraction(a: float, b: float, x: float) -> float:
    c = 1.0
    d = 1.0 / _not_zero(1.0 - (a + b) * x / (a + 1.0))
    h = d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / _not_zero(1.0 + even * d)
        c = _not_zero(1.0 + even / c)
        h *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1.0 / _not_zero(1.0 + odd * d)
        c = _not_zero(1.0 + odd / c)
        step = d * c
        h *= step
        if abs(step - 1.0) < _EPS:
            return h
    raise ArithmeticError(f"incomplete beta did not converge at a={a}, b={b}, x={x}")


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def betainc_inv(a: float, b: float, q: float) -> float:
    """The x with I_x(a, b) = q.

    Args: a, b > 0; q in [0, 1]. Newton steps kept inside a bracket.
    """
    if q <= 0.0 or q >= 1.0:
        return 0.0 if q <= 0.0 else 1.0
    lo, hi, x = 0.0, 1.0, a / (a + b)
    for _ in range(200):
        gap = betainc(a, b, x) - q
        lo, hi = (x, hi) if gap < 0 else (lo, x)
        slope = math.exp(log_beta_density(a, b, x)) * a * b / ((a + b) * x * (1.0 - x))
        new = x - gap / slope if slope > 0 else -1.0
        if not lo < new < hi:
            new = 0.5 * (lo + hi)
        if abs(new - x) <= 1e-15 * x or hi - lo <= 1e-15 * hi:
            return new
        x = new
    return x


def student_t_cdf(t: float, df: float) -> float:
    """P(T <= t) for Student's t. Args: df > 0. Source: DLMF 8.17(vii)."""
    tail = 0.5 * betainc(0.5 * df, 0.5, df / (df + t * t))
    return tail if t < 0 else 1.0 - tail


def student_t_quantile(q: float, df: float) -> float:
    """The t with P(T <= t) = q. Args: 0 < q < 1, df > 0."""
    if not 0.0 < q < 1.0 or df <= 0:
        raise ValueError(f"Student's t needs 0 < q < 1 and df > 0, not q={q}, df={df}")
    if q == 0.5:
        return 0.0
    x = betainc_inv(0.5 * df, 0.5, 2.0 * min(q, 1.0 - q))
    return math.copysign(math.sqrt(df * (1.0 - x) / x), q - 0.5)


def gamma_survival(a: float, x: float) -> float:
    """Regularised upper incomplete gamma Q(a, x); chi-square survival is Q(df/2, x/2).

    Args: a > 0, x >= 0. Source: series and continued fraction (Numerical Recipes, 6.2; DLMF 8.9.2).
    """
    if a <= 0 or x < 0:
        raise ValueError(f"incomplete gamma needs a > 0 and x >= 0, not a={a}, x={x}")
    if x == 0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        return 1.0 - front * _gamma_series(a, x)
    return front * _gamma_fraction(a, x)


def _gamma_series(a: float, x: float) -> float:
    term = total = 1.0 / a
    k = a
    while term > total * _EPS:
        k += 1.0
        term *= x / k
        total += term
    return total


def _gamma_fraction(a: float, x: float) -> float:
    b = x + 1.0 - a
    c = 1.0 / _TINY
    d = 1.0 / b
    h = d
    for i in range(1, 100_000):
        an = -i * (i - a)
        b += 2.0
        d = 1.0 / _not_zero(an * d + b)
        c = _not_zero(b + an / c)
        h *= d * c
        if abs(d * c - 1.0) < _EPS:
            break
    return h


def bisect_rate(
    low_side: Callable[[float], bool], lo: float = 0.0, hi: float = 1.0, *, hint: float | None = None
) -> tuple[float, float]:
    """The bracket (lo, hi) of the point where `low_side` turns from True to False, to 1e-12.

    Args: lo, hi rates in [0, 1], `low_side` monotone; `hint`, a rate tried first, stays exactly on its
    side of the bracket (so that a bound which must not pass it never does by rounding).
    """
    if hint is not None and lo < hint < hi:
        lo, hi = (hint, hi) if low_side(hint) else (lo, hint)
    while hi - lo > 1e-12:
        middle = 0.5 * (lo + hi)
        if low_side(middle):
            lo = middle
        else:
            hi = middle
    return lo, hi
