"""Designs of the sequential rate gate: a probability ratio test, truncated and calibrated exactly.

LLR(f, n) = f ln((1-bad)/(1-good)) + (n-f) ln(bad/good): FAIL at LLR >= A, PASS at LLR <= -B, and at the
ceiling PASS with at most `cut` failures (Wald 1945, Sequential tests of statistical hypotheses; exact
boundaries instead of Wald's approximations as Armitage, McPherson & Rowe 1969 compute them).

The side that lets a build pass does not depend on the family M: B comes from the design at M = 1, is never
below ln(1/beta), and only A, the ceiling and the cut are fitted to alpha / M. Raising A alone lets fewer
paths fail, so more of them may pass; but P_bad(LLR ever <= -B) <= exp(-B) <= beta (Ville 1939), and the
exact sum of both ways to pass is checked whenever a cut is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pytest_llmgate.stats.calibrate import calibrate, calibrate_family, refuse_too_close, too_slow
from pytest_llmgate.stats.goal import RateGoal, steps
from pytest_llmgate.stats.looks import fixed_n, natural_ceiling
from pytest_llmgate.stats.path import OC, Bounds, bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialDesign:
    """A sequential rate gate.

    Args: upper (A), lower (B) thresholds of the log likelihood ratio, both > 0; cut the most failures that
    pass at the ceiling (None: inconclusive there); ceiling the most trials; calibrated: exact errors are
    those of the truncated design, which may neither be extended nor cut short.
    """

    goal: RateGoal
    upper: float
    lower: float
    cut: int | None
    ceiling: int
    calibrated: bool

    @property
    def bounds(self) -> Bounds:
        """The integer stopping boundaries, computed anew at each call."""
        return bounds(*steps(self.goal), self.upper, self.lower, self.ceiling, self.cut)

    def oc(self, p: float) -> OC:
        """Exact operating characteristics at success rate p in [0, 1]."""
        return self.bounds.oc(p)

    def to_json(self) -> dict[str, Any]:
        """A plain dict that `from_json` reads."""
        goal = self.goal
        return {
            "goal": {name: getattr(goal, name) for name in ("good", "bad", "alpha", "beta", "family")},
            "upper": self.upper,
            "lower": self.lower,
            "cut": self.cut,
            "ceiling": self.ceiling,
            "calibrated": self.calibrated,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SequentialDesign:
        """The design that `to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            goal=RateGoal(**data["goal"]),
            upper=float(data["upper"]),
            lower=float(data["lower"]),
            cut=None if data["cut"] is None else int(data["cut"]),
            ceiling=int(data["ceiling"]),
            calibrated=bool(data["calibrated"]),
        )


def design_sequential(goal: RateGoal, ceiling: int | None = None) -> SequentialDesign:
    """The design for a goal: calibrated at its natural ceiling, else guaranteed at any stop.

    Args: ceiling the most trials that may be spent (>= 1); None, or at least `natural_ceiling`: the
    calibrated design, whose exact errors are at most alpha_used and beta. Below, valid at every stop (Ville
    1939) and inconclusive at the ceiling: A = ln(1/alpha_used), and B = ln(1/beta), or the calibrated B
    where the ceiling has room for the gate that stands alone (so that a family never changes what passes).
    Rates so close that calibration would take minutes (.5 against .49) get this version too, at three times
    fixed-n. Raises ValueError for good = 1, a ceiling below 1, and rates too close for exact counting.
    """
    steps(goal)  # refuses good = 1
    if ceiling is not None and ceiling < 1:
        raise ValueError(f"a ceiling is at least 1 trial, not {ceiling}")
    alone = replace(goal, family=1)
    room = natural_ceiling(alone)
    refuse_too_close(goal, room)
    plain = math.log(1.0 / goal.beta)
    if ceiling is not None and ceiling < room:
        return guaranteed(goal, ceiling, plain)
    if too_slow(alone, room):
        return guaranteed(goal, 3 * fixed_n(goal)[0] if ceiling is None else ceiling, plain)
    base = best = calibrate(alone, room)
    if goal.family > 1:
        natural = natural_ceiling(goal)
        if ceiling is not None and ceiling < natural:
            return guaranteed(goal, ceiling, base.lower)
        best = calibrate_family(goal, natural, base.lower)
    # in the rare case that no cut at the natural ceiling could be calibrated, the design's own is higher
    if ceiling is not None and ceiling < best.ceiling:
        return guaranteed(goal, ceiling, base.lower)
    return SequentialDesign(
        goal=goal, upper=best.upper, lower=best.lower, cut=best.cut, ceiling=best.ceiling, calibrated=True
    )


def guaranteed(goal: RateGoal, ceiling: int, lower: float) -> SequentialDesign:
    """The design that is valid at every stop: A = ln(1/alpha_used), B = `lower` >= ln(1/beta) (Ville 1939)."""
    upper = math.log(1.0 / goal.alpha_used)
    return SequentialDesign(goal=goal, upper=upper, lower=lower, cut=None, ceiling=ceiling, calibrated=False)
