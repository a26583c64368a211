"""What an expectation will cost before a shot is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pytest_llmgate.stats.shots.expectation import ExpectationRule, Side
from pytest_llmgate.stats.shots.rule import Floats
from pytest_llmgate.stats.shots.schedule import look_totals


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpectationPlan:
    """The rule and its expected shots, to about 20 %. None: they grow without bound.

    mean: the reference's expectation, where it was given. to_pass: for a circuit like the reference (without one:
    exactly at the limit). to_fail: for a circuit exactly at `bad`. can_decide: both fit the ceiling.
    """

    rule: ExpectationRule
    mean: float | None
    to_pass: int | None
    to_fail: int | None
    can_decide: bool
    notes: tuple[str, ...]


def plan_expectation(
    outcomes: tuple[str, ...],
    values: Sequence[float],
    *,
    limit: float,
    bad: float,
    side: Side,
    alpha: float,
    beta: float,
    ceiling: int,
    p: Sequence[float] | Floats | None = None,
) -> ExpectationPlan:
    """Plan an expectation.

    Args: outcomes, values, limit, bad, side, alpha, beta as in ExpectationRule; ceiling the most shots; p the
    reference's probability of each value, if known. Where only a mean is known (the limit, bad), values are taken to
    vary as much as they can: only the least and the largest occur. Shots are Wald's: ln(1/error) over the mean growth
    of the best bet, its share of the capital paid first. Raises ValueError for what no rule can be made of.
    """
    rule = ExpectationRule(
        outcomes=outcomes,
        values=tuple(values),
        limit=limit,
        bad=bad,
        side=side,
        alpha=alpha,
        beta=beta,
        looks=look_totals(ceiling),
    )
    good = _extremes(values, limit) if p is None else np.asarray(p, np.float64)
    to_pass = _whole(rule.expected_shots(good)[0])
    to_fail = _whole(rule.expected_shots(_extremes(values, bad))[1])
    mean = None if p is None else float(good @ np.array(values))
    return ExpectationPlan(
        rule=rule,
        mean=mean,
        to_pass=to_pass,
        to_fail=to_fail,
        can_decide=all(shots is not None and shots <= ceiling for shots in (to_pass, to_fail)),
        notes=_notes(rule, mean, to_pass, to_fail),
    )


def _extremes(values: Sequence[float], mean: float) -> Floats:
    """Probabilities of the values with this mean and the largest variance."""
    low, high = min(values), max(values)
    p = np.zeros(len(values))
    p[values.index(high)] = (mean - low) / (high - low)
    p[values.index(low)] = (high - mean) / (high - low)
    return p


def _whole(shots: float) -> int | None:
    return None if math.isinf(shots) else math.ceil(shots)


def _notes(rule: ExpectationRule, mean: float | None, to_pass: int | None, to_fail: int | None) -> tuple[str, ...]:
    notes, ceiling = [], rule.looks[-1]
    if mean is not None and rule.unit(mean) < rule.unit(rule.limit):
        word = "below" if rule.side == "min" else "above"
        notes.append(f"the reference's own expectation is {mean:.4g}, {word} the limit {rule.limit:g}: it must fail")
    if to_pass is None:
        notes.append(f"a circuit like this cannot be told from one at {rule.bad:g}: it cannot pass")
    elif to_pass > ceiling:
        notes.append(f"about {to_pass:,} shots are needed to pass, the ceiling is {ceiling:,}: it may be inconclusive")
    if to_fail is not None and to_fail > ceiling:
        notes.append(
            f"about {to_fail:,} shots are needed to fail a circuit at {rule.bad:g}, the ceiling is {ceiling:,}"
        )
    return tuple(notes)
