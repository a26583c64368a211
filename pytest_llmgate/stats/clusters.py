"""Replies to the same case resemble each other: how many independent ones they are worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from pytest_llmgate.stats.comparisons import cluster_error

POPULATION_CASES = 100
"""The fewest cases from which something is said of the population that they were drawn from.

Cases that are drawn at random and asked n times each are no sample of n times as many. Measured false alarms of a gate
at a nominal 0.05 that ignores this, at an intraclass correlation of 0.05, 0.1, 0.3 and 1: with 20 cases 0.082, 0.118,
0.199 and 0.263, with 100 cases 0.043, 0.049, 0.073 and 0.131. A gate that asks each case once is exact from any number
of cases; this limit is for estimates that average over replies to a case.
"""


class Clustered(NamedTuple):
    """A rate with what its cases take from its precision; None where it cannot be estimated.

    se: clustered standard error (CR1). icc: intraclass correlation in [0, 1]. design_effect: the variance over that of
    as many independent replies. effective_n: the independent replies that this many are worth.
    """

    rate: float
    se: float | None
    icc: float | None
    design_effect: float | None
    effective_n: float | None


def clustered(counts: Sequence[tuple[int, int]]) -> Clustered | None:
    """The figures of replies to several cases; None without any reply.

    Args: (replies, good replies) of each case, 0 <= good <= replies; cases without a reply are left out. Raises
    ValueError for impossible counts. Design effect: 1 + (n0 - 1) icc, where n0 = sum n_i^2 / sum n_i is the number of
    replies to the case of an average reply. Source: Kish (1965), Survey Sampling, 5.4; Donner & Klar (2000), 1.3.
    """
    for n, good in counts:
        if not 0 <= good <= n:
            raise ValueError(f"a case has between 0 good replies and all of them, not {good} of {n}")
    asked = [(n, good) for n, good in counts if n]
    total = sum(n for n, _ in asked)
    if not total:
        return None
    rate = sum(good for _, good in asked) / total
    se = cluster_error([good - n * rate for n, good in asked], total)[1]
    icc = intraclass(asked)
    if icc is None:
        return Clustered(rate, None if math.isnan(se) else se, None, None, None)
    effect = 1.0 + (sum(n * n for n, _ in asked) / total - 1.0) * icc
    return Clustered(rate, se, icc, effect, total / effect)


def intraclass(counts: Sequence[tuple[int, int]]) -> float | None:
    """The intraclass correlation of binary replies by analysis of variance, clipped to [0, 1].

    Args: as above, every case with a reply. None with one case, with one reply a case, or where all replies are good
    or all bad: there nothing tells cases from chance. Source: Fleiss (1981), Statistical Methods for Rates and
    Proportions, 13.1; Ridout, Demétrio & Firth (1999), Biometrics 55, the estimator rho_AOV.
    """
    k, total = len(counts), sum(n for n, _ in counts)
    good = sum(g for _, g in counts)
    if k < 2 or total == k or good in (0, total):
        return None
    explained = math.fsum(g * g / n for n, g in counts)
    between = max(0.0, explained - good * good / total) / (k - 1)
    within = max(0.0, good - explained) / (total - k)
    size = (total - sum(n * n for n, _ in counts) / total) / (k - 1)
    return min(1.0, max(0.0, (between - within) / (between + (size - 1.0) * within)))


def discordance(counts: Sequence[tuple[int, int]]) -> float | None:
    """P(two replies to one case are not both good or both bad), the mean over cases with several; None without any.

    Args: as `clustered`. Unbiased for each case: the share of its pairs of replies that differ.
    """
    found = [2.0 * good * (n - good) / (n * (n - 1)) for n, good in counts if n > 1]
    return math.fsum(found) / len(found) if found else None


def population_ok(cases: int, replies_a_case: float = 1.0) -> bool:
    """Whether a sample of cases is large enough to speak of the population that they were drawn from.

    Args: cases >= 0, drawn at random; replies_a_case >= 1, on average: with one the gate is exact, and only its own
    rule says how many cases it needs (at least 2, to have a spread). With more see POPULATION_CASES.
    """
    return cases >= (2 if replies_a_case <= 1.0 else POPULATION_CASES)
