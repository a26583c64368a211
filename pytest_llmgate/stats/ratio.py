"""The ratio of two mean costs over the same cases, with bounds by Fieller."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from pytest_llmgate.stats.special import student_t_quantile

MANY_CASES = 30  # from here on, cases stand for their population


class Sums(NamedTuple):
    """The trials of one case: how many, the sum of a figure (tokens, micro-dollars, calls), the sum of its squares."""

    n: int
    total: int
    squares: int

    def add(self, figure: int) -> Sums:
        """The sums after one more trial."""
        return Sums(self.n + 1, self.total + figure, self.squares + figure * figure)

    @property
    def mean(self) -> float:
        return self.total / self.n

    @property
    def variance(self) -> float:
        """The sample variance: exact integers up to one division. Needs 2 trials."""
        return (self.n * self.squares - self.total * self.total) / (self.n * (self.n - 1))


class RatioBounds(NamedTuple):
    """mean(candidate) / mean(baseline) with one-sided bounds; `method`: fieller-cases or fieller-within."""

    ratio: float
    lower: float
    upper: float
    method: str


class Means(NamedTuple):
    """Two means, the variances of these means and their covariance."""

    candidate: float
    baseline: float
    var_candidate: float
    var_baseline: float
    cov: float = 0.0


def fieller(means: Means, t: float) -> tuple[float, float]:
    """The ratios >= 0 that a one-sided test at t >= 0 does not call too small, and not too large.

    The roots r of (mc - r mb)^2 = t^2 var(mc - r mb); 0 and infinity where there is none. The discriminant is
    written with variances only, so that without spread both ends are the ratio itself. A baseline of 0 has no
    upper bound, and no lower one below infinity once the candidate's mean is clearly above 0.
    Source: Fieller (1954), JRSS-B 16.
    """
    mc, mb, vc, vb, cov = means
    k = t * t
    a, half, c = mb * mb - k * vb, mc * mb - k * cov, mc * mc - k * vc
    spread = mc * mc * vb - 2.0 * mc * mb * cov + mb * mb * vc
    root = math.sqrt(max(0.0, k * (spread - k * (vb * vc - cov * cov))))
    lower = 0.0
    if c > 0.0:
        lower = c / (half + root) if half + root > 0.0 else math.inf
    return lower, (half + root) / a if a > 0.0 else math.inf


def ratio_bounds(candidate: Sequence[Sums], baseline: Sequence[Sums], *, below: float, above: float) -> RatioBounds:
    """The ratio of mean costs, candidate over baseline, and one-sided bounds of it.

    Every case weighs the same, by its mean. From 30 cases on, variances and covariance are those between the
    case means (t with K - 1 degrees: the classical paired Fieller-t), and the bounds speak of all cases like
    these. With fewer cases, each with 2 trials or more on both sides, they speak of these cases: the variance
    is that within cases, as of a stratified sample, with Satterthwaite's degrees of freedom. Which of the two
    holds depends on the numbers of cases and trials only.

    Args: one entry a case, in the same order on both sides, n >= 1, figures >= 0; below, above in [0, 0.5]: the
    lower bound holds at confidence 1 - below, the upper at 1 - above; at 0, or where nothing varies that could be
    measured (one case, one trial), there is no bound: 0 and infinity. Raises ValueError otherwise.
    Source: Fieller (1954), JRSS-B 16; Satterthwaite (1946), Biometrics 2; Cochran, Sampling Techniques, 5.4.
    """
    _check(candidate, baseline)
    cases = len(candidate)
    within = cases < MANY_CASES and all(s.n > 1 for s in (*candidate, *baseline))
    method = "fieller-within" if within else "fieller-cases"
    means, degrees = _within(candidate, baseline) if within else _between(candidate, baseline)
    ratio = _ratio(means)
    if degrees <= 0.0:
        return RatioBounds(ratio, 0.0, math.inf, method)
    lower = fieller(means, _t(below, degrees))[0] if below > 0.0 else 0.0
    upper = fieller(means, _t(above, degrees))[1] if above > 0.0 else math.inf
    return RatioBounds(ratio, min(lower, ratio), max(upper, ratio), method)


def _check(candidate: Sequence[Sums], baseline: Sequence[Sums]) -> None:
    if not candidate or len(candidate) != len(baseline):
        raise ValueError(f"a ratio needs the same cases on both sides, not {len(candidate)} and {len(baseline)}")
    for sums in (*candidate, *baseline):
        if sums.n < 1 or sums.total < 0 or sums.n * sums.squares < sums.total * sums.total:
            raise ValueError(f"no trials have {sums}: n from 1, a total from 0, n x squares at least total^2")


def _ratio(means: Means) -> float:
    if means.baseline > 0.0:
        return means.candidate / means.baseline
    return math.inf if means.candidate > 0.0 else 1.0


def _t(level: float, degrees: float) -> float:
    if not 0.0 < level <= 0.5:
        raise ValueError(f"the error of a one-sided bound lies between 0 and 0.5, not at {level:g}")
    return -student_t_quantile(level, degrees)


def _between(candidate: Sequence[Sums], baseline: Sequence[Sums]) -> tuple[Means, float]:
    """Means, variances and covariance of the case means, and K - 1 degrees of freedom."""
    c, b = [s.mean for s in candidate], [s.mean for s in baseline]
    k = len(c)
    mc, mb = math.fsum(c) / k, math.fsum(b) / k
    if k == 1:
        return Means(mc, mb, 0.0, 0.0), 0.0
    dc, db = [v - mc for v in c], [v - mb for v in b]
    scale = k * (k - 1)
    vc, vb = math.fsum(v * v for v in dc) / scale, math.fsum(v * v for v in db) / scale
    return Means(mc, mb, vc, vb, math.fsum(u * v for u, v in zip(dc, db, strict=True)) / scale), k - 1.0


def _within(candidate: Sequence[Sums], baseline: Sequence[Sums]) -> tuple[Means, float]:
    """Means of the case means with their variances as a stratified sample, and Satterthwaite's degrees.

    The degrees are those of mc / E(mc) - mb / E(mb), so that they do not depend on the unit of either side.
    """
    k = len(candidate)
    mc, mb = (math.fsum(s.mean for s in side) / k for side in (candidate, baseline))
    parts_c, parts_b = ([s.variance / s.n / (k * k) for s in side] for side in (candidate, baseline))
    means = Means(mc, mb, math.fsum(parts_c), math.fsum(parts_b))
    parts = [v / (mc * mc) for v in parts_c if v] + [v / (mb * mb) for v in parts_b if v]
    sizes = [s.n - 1 for s, v in zip((*candidate, *baseline), (*parts_c, *parts_b), strict=True) if v]
    if not parts:
        return means, float(sum(s.n - 1 for s in (*candidate, *baseline)))
    squares = math.fsum(v * v / n for v, n in zip(parts, sizes, strict=True))
    return means, math.fsum(parts) ** 2 / squares if squares else float(min(sizes))
