"""What a tolerance will cost, and whether it can be decided at all, before a shot is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from pytest_llmgate.stats.shots.binomial_gaps import least_excess, mean_gap
from pytest_llmgate.stats.shots.rule import Floats
from pytest_llmgate.stats.shots.tolerance import ToleranceRule, check_tolerance, tolerance_looks
from pytest_llmgate.stats.shots.tvd_bounds import best_slope, binomial_bound, mcdiarmid

POWER = 0.9
"""The chance of the right word that "shots needed" speaks of."""

_LEAST, _MOST = 16, 1 << 30
_NORMAL = NormalDist()
_Z_POWER = _NORMAL.inv_cdf(POWER)
_NONE = 1e-100  # of a deviation, so that it can be divided by
_SPREAD_PERFECT, _SPREAD_CHANGED = 0.3, 0.5  # sqrt(n) times the standard deviation of T^, at most; see _mean_observed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TolerancePlan:
    """The figures of a tolerance. Shots are about those that give the right word in 9 of 10 runs; None: beyond 2^30.

    p: the reference. looks: planned totals of shots. to_pass: for a perfect circuit (TVD 0). to_pass_half: for one
    at max_tvd/2. to_fail: for one at bad_tvd. needed: the larger of to_pass and to_fail. can_decide: needed fits the
    ceiling. expected: shots at the look at which a perfect circuit passes. notes: sentences for the user. at_once:
    whether all shots are there already, so that they are looked at once and decide what they can.
    """

    p: Floats
    max_tvd: float
    bad_tvd: float
    alpha: float
    beta: float
    looks: tuple[int, ...]
    to_pass: int | None
    to_pass_half: int | None
    to_fail: int | None
    needed: int | None
    can_decide: bool
    expected: int
    notes: tuple[str, ...]
    at_once: bool = False

    def rule(self, outcomes: tuple[str, ...]) -> ToleranceRule:
        """The rule of this plan. Args: names of the known outcomes, in the order of p."""
        return ToleranceRule(
            outcomes=outcomes,
            p=self.p,
            max_tvd=self.max_tvd,
            bad_tvd=self.bad_tvd,
            alpha=self.alpha,
            beta=self.beta,
            looks=self.looks,
        )


def plan_tolerance(
    p: Floats, *, max_tvd: float, bad_tvd: float, alpha: float, beta: float, ceiling: int, at_once: bool = False
) -> TolerancePlan:
    """Plan a tolerance on a reference.

    Args: p of K + 1 probabilities; 0 < max_tvd < bad_tvd <= 1; alpha, beta in (0, 0.5]; ceiling the most shots;
    at_once where as many are given: one look has all of both errors, and no more can be drawn.
    Shots are normal approximations for a change that is spread over all outcomes: mass moved between two random
    halves of them, which is the hardest to see (a change of one outcome alone is found as with two outcomes).
    Tests check them by simulation. Raises ValueError for what no rule can be made of.
    """
    check_tolerance(p, max_tvd, bad_tvd, alpha, beta, (ceiling,))

    def share(shots: int) -> float:
        return 1.0 if at_once else min(0.5, shots / ceiling)  # of an error at a look there; half at the last one

    def passes(distance: float, start: int) -> int | None:
        return _first(lambda n: _passes(cells, distance, bad_tvd, beta * share(n), n), start)

    cells = _Cells.of(p)
    perfect = passes(0.0, _LEAST)
    half = None if perfect is None else passes(0.5 * max_tvd, perfect)
    failing = _first(lambda n: _fails(cells, max_tvd, bad_tvd, alpha * share(n), n))
    needed = None if perfect is None or failing is None else max(perfect, failing)
    looks = (ceiling,) if at_once else tolerance_looks(ceiling, max(64, perfect or ceiling))
    return TolerancePlan(
        p=p,
        max_tvd=max_tvd,
        bad_tvd=bad_tvd,
        alpha=alpha,
        beta=beta,
        looks=looks,
        to_pass=perfect,
        to_pass_half=half,
        to_fail=failing,
        needed=needed,
        can_decide=needed is not None and needed <= ceiling,
        expected=next((look for look in looks if perfect is not None and look >= perfect), ceiling),
        notes=_notes(p, max_tvd, bad_tvd, None if at_once else ceiling, (perfect, half, failing)),
        at_once=at_once,
    )


class _Cells(NamedTuple):
    """Probabilities in at most 32 groups of about equal ones, and how many outcomes each stands for."""

    p: Floats
    weight: Floats

    @classmethod
    def of(cls, p: Floats) -> _Cells:
        """Outcomes below a millionth of the largest share one group; the mass of each group is kept."""
        happens = p[p > 0.0]
        group = np.minimum(31, np.floor(np.log(happens.max() / happens) * (31 / math.log(1e6)))).astype(np.int64)
        weight = np.bincount(group, minlength=32).astype(np.float64)
        mass = np.bincount(group, weights=happens, minlength=32)
        return cls(mass[weight > 0] / weight[weight > 0], weight[weight > 0])

    def half_sum(self, values: Floats) -> float:
        return 0.5 * float(self.weight @ values)


def _first(holds: Callable[[int], bool], start: int = _LEAST) -> int | None:
    """The least number of shots, to 2 %, at which a condition holds that more shots do not break."""
    low, high = start - 1, start
    while not holds(high):
        if high >= _MOST:
            return None
        low, high = high, 2 * high
    while high - low > max(1, low // 50) and low >= start:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _passes(cells: _Cells, distance: float, bad: float, error: float, shots: int) -> bool:
    """Whether a circuit at this TVD passes a look there with probability POWER (the limit is `upper_bound`'s)."""
    floor = cells.half_sum(mean_gap(cells.p, cells.p, shots))
    slope = best_slope(floor, bad)
    finer = slope * bad + cells.half_sum(least_excess(cells.p, shots, slope)) - mcdiarmid(shots, error)
    limit = max(finer, binomial_bound(shots, error).limit(bad))
    spread = _SPREAD_CHANGED if distance > 0.0 else _SPREAD_PERFECT
    return _mean_observed(cells, distance, floor, shots) + _Z_POWER * spread / math.sqrt(shots) <= limit


def _fails(cells: _Cells, good: float, distance: float, error: float, shots: int) -> bool:
    """Whether a circuit at this TVD fails a look there with probability POWER: what the split sample sees of it."""
    half = shots / 2.0
    deviation = np.sqrt(cells.p * (1.0 - cells.p) / half) + _NONE
    seen = sum(
        part * cells.half_sum(d * _erf(d / deviation / math.sqrt(2.0))) for part, d in _changes(cells.p, distance)
    )
    return seen - 0.5 * (_NORMAL.inv_cdf(1.0 - error) + _Z_POWER) / math.sqrt(half) >= good


def _mean_observed(cells: _Cells, distance: float, floor: float, shots: int) -> float:
    """About the mean of T^: folded normals of the changed shares, never below what noise alone shows.

    Its standard deviation is at most 0.5/sqrt(n) (Efron & Stein 1981, as a shot moves T^ by at most 1/n), and for a
    perfect circuit near sqrt(1 - 2/pi)/2 = 0.3 of it, with two outcomes as with many.
    """
    if distance == 0.0:
        return floor
    deviation = np.sqrt(cells.p * (1.0 - cells.p) / shots) + _NONE
    total = 0.0
    for part, d in _changes(cells.p, distance):
        z = d / deviation
        folded = deviation * math.sqrt(2.0 / math.pi) * np.exp(-0.5 * z * z) + d * _erf(z / math.sqrt(2.0))
        total += part * cells.half_sum(folded)
    return max(floor, total)


def _changes(p: Floats, distance: float) -> tuple[tuple[float, Floats], tuple[float, Floats]]:
    """By how much every share changes (absolutely) if its outcome loses or gains, and the chance of either.

    A random part w of the mass loses `distance`, each outcome in proportion, the rest gains it: w is a half, or
    more where a half does not hold so much.
    """
    losing = max(0.5, 0.5 * (1.0 + distance)) if distance > 0.5 else 0.5
    return (losing, distance / losing * p), (1.0 - losing, distance / (1.0 - losing) * p if losing < 1.0 else 0.0 * p)


def _erf(x: Floats) -> Floats:
    return np.array([math.erf(value) for value in x])


def _notes(
    p: Floats, good: float, bad: float, ceiling: int | None, shots: tuple[int | None, int | None, int | None]
) -> tuple[str, ...]:
    """ceiling: the most shots; None where it is none, as they are there."""
    kinds = (
        "to pass a perfect circuit",
        f"to pass one at TVD {0.5 * good:.3g}",
        f"to fail one at TVD {bad:.3g} whose change is spread over all outcomes",
    )
    outcomes = int((p > 0.0).sum())
    notes = [
        f"{outcomes} outcomes: about {count:,} shots {kind}"
        if count
        else f"{outcomes} outcomes: no shots are enough {kind}"
        for count, kind in zip(shots, kinds, strict=True)
    ]
    if ceiling is not None and any(count is None or count > ceiling for count in (shots[0], shots[2])):
        notes.append(
            f"{ceiling:,} shots cannot decide this tolerance: allow more shots, widen max_tvd and bad_tvd, "
            "or compare fewer groups of outcomes with group_by"
        )
    return tuple(notes)
