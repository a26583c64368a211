"""The rule of an expectation value: at least `limit` is good and `bad` must be caught, or at most."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.stats.shots.betting import Bets, bets_for, log_growth
from pytest_llmgate.stats.shots.distances import rounded
from pytest_llmgate.stats.shots.rule import Floats, Ints, Seen

Side = Literal["min", "max"]
_PASS = Decision(Outcome.PASS, "boundary")
_FAIL = Decision(Outcome.FAIL, "boundary")
_CEILING = Decision(Outcome.INCONCLUSIVE, "ceiling")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpectationRule:
    """A sequential rule on the mean of bounded values, valid at any stop.

    outcomes: labels of values, such as an Observable's levels. values: their numbers, all that can occur. side: `min`
    (the mean must be at least `limit`) or `max`. bad: a mean on the wrong side that must be caught. alpha: chance to
    fail a mean that meets the limit. beta: chance to pass one that is `bad` or worse. looks: totals of shots.

    For `min`: passes when the bets on a mean above `bad` have multiplied their capital by 1/beta, fails when the bets
    on one below `limit` have by 1/alpha. Both capitals are supermartingales while their null holds, so either error
    has its rate at any stop (Ville; see `betting`). Counts outside the known values count as the least for a pass
    and as the largest for a fail. Raises ValueError for what no rule can be made of.
    """

    outcomes: tuple[str, ...]
    values: tuple[float, ...]
    limit: float
    bad: float
    side: Side
    alpha: float
    beta: float
    looks: tuple[int, ...]
    _range: tuple[float, float] = field(init=False, repr=False)
    _unit: Floats = field(init=False, repr=False)
    _pass: Bets = field(init=False, repr=False)
    _fail: Bets = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check(self)
        object.__setattr__(self, "_range", (min(self.values), max(self.values)))
        bad, limit = self.unit(self.bad), self.unit(self.limit)
        computed = {
            "_unit": np.array([self.unit(value) for value in self.values]),
            "_pass": bets_for(bad, limit),
            "_fail": bets_for(1.0 - limit, 1.0 - bad),
        }
        for name, value in computed.items():
            object.__setattr__(self, name, value)

    def unit(self, value: float) -> float:
        """A value between 0, the worst that can occur, and 1, the best."""
        low, high = self._range
        return (value - low) / (high - low) if self.side == "min" else (high - value) / (high - low)

    def decide(self, seen: Seen) -> Decision | None:
        """The decision at any total of shots; None to go on."""
        bad, limit = self.unit(self.bad), self.unit(self.limit)
        if self._fail.log_capital(*self._losses(seen), 1.0 - limit) >= -math.log(self.alpha):
            return _FAIL
        if self._pass.log_capital(*self._gains(seen), bad) >= -math.log(self.beta):
            return _PASS
        return _CEILING if seen.shots >= self.looks[-1] else None

    def interval(self, seen: Seen) -> tuple[float, float]:
        """Bounds of the mean that agree with the decision, at every stop.

        They are the means against which the rule's own bets are just not won. For `min`: pass implies lower >= bad,
        fail implies upper <= limit; the lower bound has error beta, the upper one alpha. For `max` mirrored.
        """
        bad, limit = self.unit(self.bad), self.unit(self.limit)
        worst = self._pass.lower(*self._gains(seen), self.beta, hint=bad)
        lost = self._fail.lower(*self._losses(seen), self.alpha, hint=1.0 - limit)
        # a bound that is one of the two means comes back as it was written, not as rounding left it
        ends = (
            self.bad if worst == bad else self._real(worst),
            self.limit if lost == 1.0 - limit else self._real(1.0 - lost),
        )
        return (min(ends), max(ends))

    def figures(self, seen: Seen) -> Mapping[str, Any]:
        """`estimate` (mean over the known values), `interval`, `confidence`, `threshold`, `bad`."""
        known = int(seen.counts[:-1].sum())
        errors = (self.beta, self.alpha) if self.side == "min" else (self.alpha, self.beta)
        figures = {
            "shots": seen.shots,
            "estimate": float(np.array(self.values) @ seen.counts[:-1]) / known if known else None,
            "interval": self.interval(seen) if seen.shots else None,
            "interval_method": "betting",
            "confidence": [1.0 - error for error in errors],
            "threshold": self.limit,
            "bad": self.bad,
        }
        return rounded(figures)  # type: ignore[no-any-return]

    def expected_shots(self, p: Floats) -> tuple[float, float]:
        """Mean shots to (pass, fail) for a circuit with these probabilities of the values; inf where never.

        Wald's: a bet with share w of the capital has multiplied it by 1/error after ln(1/(w error)) / (its mean
        growth) shots; the first of all bets counts.
        """
        bad, limit = self.unit(self.bad), self.unit(self.limit)
        to_pass = _shots(self._pass, log_growth(self._pass.sizes, self._unit, bad), p, self.beta)
        to_fail = _shots(self._fail, log_growth(self._fail.sizes, 1.0 - self._unit, 1.0 - limit), p, self.alpha)
        return to_pass, to_fail

    def _gains(self, seen: Seen) -> tuple[Floats, Ints]:
        """Values and counts for the bets on a pass; what is unknown counts as the worst value."""
        return np.append(self._unit, 0.0), seen.counts

    def _losses(self, seen: Seen) -> tuple[Floats, Ints]:
        """The same for the bets on a fail; what is unknown counts as the best value."""
        return np.append(1.0 - self._unit, 0.0), seen.counts

    def _real(self, unit: float) -> float:
        low, high = self._range
        return low + (high - low) * (unit if self.side == "min" else 1.0 - unit)


def _shots(bets: Bets, growth: Floats, p: Floats, error: float) -> float:
    happens = p > 0.0
    means = growth[:, happens] @ p[happens]
    wins = means > 1e-12
    costs = -np.log(error * bets.shares[wins]) / means[wins]
    return float(costs.min()) if wins.any() else math.inf


def _check(rule: ExpectationRule) -> None:
    low, high = min(rule.values, default=0.0), max(rule.values, default=0.0)
    if len(rule.values) != len(rule.outcomes) or not low < high or not all(map(math.isfinite, rule.values)):
        raise ValueError("an expectation needs one finite value for each outcome, and at least two different ones")
    wrong_side = rule.bad >= rule.limit if rule.side == "min" else rule.bad <= rule.limit
    if wrong_side:
        where = "below" if rule.side == "min" else "above"
        raise ValueError(f"bad must lie {where} the limit {rule.limit:g}, not at {rule.bad:g}")
    if not (low <= rule.limit <= high and low <= rule.bad <= high):
        raise ValueError(
            f"the observable lies between {low:g} and {high:g}; limit {rule.limit:g} and bad {rule.bad:g} must too"
        )
    if not (0.0 < rule.alpha <= 0.5 and 0.0 < rule.beta <= 0.5):
        raise ValueError(f"alpha and beta must lie between 0 and 0.5, not {rule.alpha:g} and {rule.beta:g}")
    if not rule.looks or rule.looks[0] < 1 or any(b <= a for a, b in pairwise(rule.looks)):
        raise ValueError(f"looks are increasing numbers of shots, not {rule.looks}")
