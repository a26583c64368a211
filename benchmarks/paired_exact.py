"""Paired rules without chance: how the counts of independent pairs are distributed, pair by pair."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.stats.paired import Limits, PairedRate

_FORGOTTEN = 1e-10  # the probability of more pairs that differ than are followed, which counts as inconclusive


class PairedOC(NamedTuple):
    """Operating characteristics of a paired rule at one truth; `mean_n` in pairs."""

    p_pass: float
    p_fail: float
    p_inconclusive: float
    mean_n: float


def chart(rule: PairedRate, better: float, worse: float) -> PairedOC:
    """How the rule fares where P(D = 1) = better and P(D = -1) = worse, without holes.

    Source: recursion of Armitage, McPherson & Rowe (1969), over the counts (better, worse) that are alive.
    """
    shape = _most(better, rule.ceiling) + 1, _most(worse, rule.ceiling) + 1
    pass_from, fails = _boundaries(rule, shape)
    alive = np.zeros(shape)
    alive[0, 0] = 1.0
    p_pass = p_fail = mean_n = 0.0
    for n in range(1, rule.ceiling + 1):
        mean_n += float(alive.sum())
        moved = (1.0 - better - worse) * alive
        moved[1:] += better * alive[:-1]
        moved[:, 1:] += worse * alive[:, :-1]
        passing = pass_from <= n
        p_pass += float(moved[passing].sum())
        p_fail += float(moved[fails & ~passing].sum())
        alive = np.where(passing | fails, 0.0, moved)
    return PairedOC(p_pass, p_fail, max(0.0, 1.0 - p_pass - p_fail), mean_n)


def _most(chance: float, n: int) -> int:
    """A count that n pairs hardly ever exceed (Bernstein's inequality)."""
    log = -math.log(_FORGOTTEN)
    spread = math.sqrt(2.0 * n * chance * (1.0 - chance) * log + (log / 3.0) ** 2) + log / 3.0
    return min(n, math.ceil(n * chance + spread))


def _boundaries(rule: PairedRate, shape: tuple[int, int]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """For every (better, worse): from which n on it passes, and whether it fails."""
    limits, never = Limits(rule), rule.ceiling + 1
    pass_from, fails = np.full(shape, never), np.zeros(shape, dtype=bool)
    for better, worse in np.ndindex(shape):
        if better + worse <= rule.ceiling:
            outcome, n = limits.at(better, worse)
            fails[better, worse] = outcome is Outcome.FAIL
            pass_from[better, worse] = n if outcome is Outcome.PASS else never
    return pass_from, fails
