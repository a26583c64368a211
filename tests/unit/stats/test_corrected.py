"""The rate behind a rate of flags."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.plan import Flagging
from pytest_llmgate.stats.corrected import corrected_rate

EXACT = Flagging(digest="d", good=1000, false_flags=50, bad=1000, caught=800)


def test_the_corrected_rate_is_that_of_rogan_and_gladen() -> None:
    found = corrected_rate(200, 1000, EXACT)
    assert found.estimate == pytest.approx((0.2 - 0.05) / (0.8 - 0.05))
    assert found.low < 0.2 < found.high


def test_a_poor_calibration_widens_the_interval_and_a_blind_one_says_nothing() -> None:
    rough = replace(EXACT, good=20, false_flags=1, bad=20, caught=16)
    one, other = corrected_rate(200, 1000, EXACT), corrected_rate(200, 1000, rough)
    assert other.high - other.low > one.high - one.low
    blind = corrected_rate(5, 100, replace(EXACT, good=100, false_flags=10, bad=100, caught=10))
    assert blind == (None, 0.0, 1.0)


@given(st.integers(1, 300), st.data())
def test_the_interval_holds_the_estimate_and_stays_a_rate(n: int, data: st.DataObject) -> None:
    found = corrected_rate(data.draw(st.integers(0, n)), n, EXACT)
    assert found.estimate is not None
    assert 0.0 <= found.low <= found.estimate <= found.high <= 1.0
