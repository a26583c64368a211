"""Bounds of the true total variation distance (TVD) from an exactly known reference, for any number of outcomes.

Throughout, q is the unknown distribution of the circuit, p the reference, T their TVD, q^ the observed shares of n
shots and T^ = TVD(q^, p) the plug-in distance. T^ is biased upwards: with many outcomes a perfect circuit shows a
large T^. Every bound holds for every q, every p and every number of outcomes, at a number of shots that the counts
did not choose.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal, NamedTuple

from pytest_llmgate.stats.binomial import survival
from pytest_llmgate.stats.intervals import clopper_pearson_lower
from pytest_llmgate.stats.shots.binomial_gaps import least_excess, mean_gap
from pytest_llmgate.stats.shots.hypotheses import tvd
from pytest_llmgate.stats.shots.rule import Floats, Seen

Method = Literal["binomial", "mean-gap"]
_NORMAL = NormalDist()
_USUAL = 0.05  # the error for which the better of two bounds is chosen where none is given


def plug_in(seen: Seen, p: Floats) -> float:
    """T^, the TVD of the observed shares from p. Args: seen with at least one shot."""
    return tvd(seen.counts / seen.shots, p)


def noise_floor(p: Floats, shots: int) -> float:
    """The mean of T^ for a perfect circuit: half the sum of the mean absolute deviations. Args: shots >= 1."""
    return 0.5 * float(mean_gap(p, p, shots).sum())


class Split(NamedTuple):
    """The question that half of the shots chose, and what the other half answered.

    hits: of `shots`, those in the set A of outcomes that were too frequent in the first half. share: p(A).
    """

    hits: int
    shots: int
    share: float


def split(seen: Seen, p: Floats) -> Split:
    """Choose A = {outcomes more frequent than p says} by `seen.first`, count A in the other chunks.

    T <= t implies q(A) <= p(A) + t for every set A. Given the first half A is fixed, so that hits is
    Binomial(shots, q(A)): one exact binomial question, however many outcomes there are.
    """
    chosen_by = int(seen.first.sum())
    if chosen_by == 0:
        return Split(0, 0, 0.0)
    too_many = seen.first > chosen_by * p
    rest = seen.counts - seen.first
    return Split(int(rest[too_many].sum()), int(rest.sum()), float(p[too_many].sum()))


def exceeds(part: Split, limit: float, error: float) -> bool:
    """Whether TVD <= limit is rejected; a true TVD of at most limit is, with probability at most `error`."""
    rate = part.share + limit
    return part.shots > 0 and rate < 1.0 and survival(part.hits - 1, part.shots, rate) <= error


def lower_bound(part: Split, error: float) -> float:
    """A lower bound of T, wrong with probability at most `error` in (0, 1): Clopper-Pearson's of q(A), less p(A)."""
    return max(0.0, clopper_pearson_lower(part.hits, part.shots, error) - part.share)


def single_bound(seen: Seen, p: Floats, error: float) -> float:
    """A lower bound of T from all shots at once, wrong with probability at most `error` in (0, 1).

    T >= q(A) - p(A) for every set A. Here A is each outcome alone, of which there are m, fixed before the first shot:
    each count is Binomial(n, q(A)), so that Clopper-Pearson's bound at error / m holds for all m at once except with
    probability `error` (Clopper & Pearson 1934, Biometrika 26; Bonferroni's inequality). No half is given away to
    choose A, which makes it the better bound for two outcomes, where some single outcome is all of T; with many, a
    change that is spread over them is lost on it, and `split` is better.
    """
    each = error / len(p)
    bounds = (clopper_pearson_lower(int(seen.counts[i]), seen.shots, each) - float(p[i]) for i in range(len(p)))
    return max(0.0, *bounds)


class UpperBound(NamedTuple):
    """T <= (T^ - floor + slack) / slope, except with probability at most the error that it was made for.

    Everything here depends on p and n alone, never on counts, so that the better of several may be chosen.
    """

    slope: float
    floor: float
    slack: float
    method: Method

    def at(self, observed: float) -> float:
        """The bound, 0 to 1. Args: observed T^."""
        return min(1.0, max(0.0, self._raw(observed)))

    def rules_out(self, observed: float, bad: float) -> bool:
        """Whether T >= bad is ruled out by T^. A true T of at least bad is, with probability at most the error."""
        return self._raw(observed) <= bad

    def limit(self, bad: float) -> float:
        """The largest T^ that rules out T >= bad; below 0 where none does."""
        return self.slope * bad + self.floor - self.slack

    def _raw(self, observed: float) -> float:
        return (observed - self.floor + self.slack) / self.slope


def binomial_bound(shots: int, error: float) -> UpperBound:
    """T <= T^ + z/(2 sqrt n) + 1/n, z the normal quantile of `error`. Args: shots >= 1, error in (0, 0.5].

    Proof. Let A be the fixed, unknown set where q > p, so that T = q(A) - p(A), while T^ >= q^(A) - p(A). The
    bound fails only if q^(A) <= q(A) - d with d = z/(2 sqrt n) + 1/n. By Zubkov and Serov's inequality a binomial
    count N of rate x has P(N <= k) <= Phi(-sqrt(2n KL((k+1)/n, x))) for k + 1 <= nx, and KL >= 2 (difference)^2
    (Pinsker): P(N/n <= x - d) <= Phi(-2 sqrt(n) (d - 1/n)) = error. (Hoeffding's inequality would give
    sqrt(ln(1/error)/2n), half as much again.) Source: Zubkov & Serov (2013), Theory Probab. Appl. 57(3), theorem 1.
    """
    slack = -_NORMAL.inv_cdf(error) / (2.0 * math.sqrt(shots)) + 1.0 / shots
    return UpperBound(1.0, 0.0, slack, "binomial")


def mean_gap_bound(p: Floats, shots: int, error: float, slope: float) -> UpperBound:
    """T <= (T^ - B + sqrt(ln(1/error)/2n)) / slope, with B what noise adds to T^ at the least.

    Args: shots >= 1; error in (0, 1); slope in (0, 1), chosen without the counts (see `best_slope`).
    Proof. With b from `least_excess`, E T^ = half the sum of E|q^ - p| >= slope T + B, B half the sum of b. One shot
    more or less moves T^ by at most 1/n, so that P(T^ <= E T^ - s) <= exp(-2 n s^2) (McDiarmid 1989). With slope 1
    this is the usual bound, without B. With many outcomes B is nearly all of the bias of T^: T is bounded
    to about sqrt(K)/n in its square, the rate that is optimal for telling T = 0 from T >= t.
    Source of the rate: Diakonikolas, Gouleakis, Peebles & Price (2018), Sample-optimal identity testing.
    """
    excess = 0.5 * float(least_excess(p, shots, slope).sum())
    return UpperBound(slope, excess, mcdiarmid(shots, error), "mean-gap")


def best_slope(floor: float, bad: float) -> float:
    """About the slope that rules out T >= bad from the largest T^. Args: the noise floor; bad in (0, 1].

    Taking every share as normal, E|d + sZ| >= slope |d| + 2 s phi(u) with slope = 2 Phi(u) - 1; the best u is
    2 bad / sum of s, and the floor is sum of s / sqrt(2 pi). Any slope is valid, this one is only good.
    """
    u = 2.0 * bad / (floor * math.sqrt(2.0 * math.pi)) if floor > 0.0 else math.inf
    return min(0.999, math.erf(u / math.sqrt(2.0)))


def upper_bound(p: Floats, shots: int, error: float, bad: float) -> UpperBound:
    """Of the two bounds the one that rules out T >= bad from the larger T^. Args: as above, bad in (0, 1]."""
    plain = binomial_bound(shots, error)
    finer = mean_gap_bound(p, shots, error, best_slope(noise_floor(p, shots), bad))
    return finer if finer.limit(bad) > plain.limit(bad) else plain


def typical_bound(p: Floats, shots: int, error: float) -> UpperBound:
    """The bound that is lowest for a perfect circuit. Args: p, shots >= 1, error in (0, 0.5].

    The choice does not look at `error`, so that a smaller error never gives a lower bound.
    """
    floor = noise_floor(p, shots)
    slope = min((0.02 * step for step in range(1, 50)), key=lambda slope: _normal_bound(floor, shots, slope))
    finer, plain = mean_gap_bound(p, shots, _USUAL, slope), binomial_bound(shots, _USUAL)
    if finer.at(floor) < plain.at(floor):
        return finer._replace(slack=mcdiarmid(shots, error))
    return binomial_bound(shots, error)


def _normal_bound(floor: float, shots: int, slope: float) -> float:
    """About the mean-gap bound of a perfect circuit, every share taken as normal (see `best_slope`)."""
    u = _NORMAL.inv_cdf(0.5 * (1.0 + slope))
    return (floor * -math.expm1(-0.5 * u * u) + mcdiarmid(shots, _USUAL)) / slope


def mcdiarmid(shots: int, error: float) -> float:
    """How far T^ falls below its mean, except with this probability: each shot moves it by at most 1/n."""
    return math.sqrt(-math.log(error) / (2.0 * shots))
