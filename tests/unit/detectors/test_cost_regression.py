"""What a cost regression reads of a reply: whole numbers that are fine enough for cheap models."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.observation import Observation
from pytest_llmgate.core.reply import Reply, Usage
from pytest_llmgate.detectors.cost_regression import FIGURES, UsageMeasure

COSTS = st.lists(st.decimals("0.000001", "0.000003", allow_nan=False, places=15), min_size=1, max_size=30)


def read(cost: Decimal) -> int:
    figure = FIGURES["cost"](Usage(calls=1, cost_usd=cost))
    assert figure is not None
    return figure


def mean(figures: list[int] | list[Decimal]) -> Fraction:
    return sum(map(Fraction, figures), Fraction(0)) / len(figures)


@given(COSTS, COSTS)
def test_rounding_moves_the_increase_of_a_micro_usd_a_trial_by_less_than_a_thousandth(
    before: list[Decimal], today: list[Decimal]
) -> None:
    """Half a nano-USD on either side."""
    exact = mean(today) / mean(before)
    seen = mean([read(cost) for cost in today]) / mean([read(cost) for cost in before])
    assert abs(seen / exact - 1) < Fraction(1, 1000)


@given(st.decimals(0, 1_000_000, allow_nan=False, places=9))
def test_a_score_holds_every_cost_exactly(cost: Decimal) -> None:
    seen = Observation(reply=Reply("yes"), usage=Usage(calls=1, cost_usd=cost))
    score = UsageMeasure("cost").measure(Case(id="c", vars={}), seen).score
    assert score is not None
    assert int(score) == cost * 10**9
