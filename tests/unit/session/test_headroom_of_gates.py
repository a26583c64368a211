"""How much more noise a gate bears: every type knows which side of its limit is the good one."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_llmgate.core.plan import GatePlan
from pytest_llmgate.session.circuits.headroom import headroom

LEVELS = {1.0: {"0": 0.9, "1": 0.1}, 2.0: {"0": 0.8, "1": 0.2}, 3.0: {"0": 0.7, "1": 0.3}}


def bears(type_: str, good: float = 0.95, **params: Any) -> float | None:
    reference = LEVELS[1.0] if type_ == "distribution" else None
    return headroom(GatePlan(name="g", type=type_, params=params, good=good), LEVELS, reference, (1,))


def test_a_rate_bears_noise_until_it_falls_to_its_limit() -> None:
    assert bears("success-probability", good=0.75, bitstrings=["0"]) == pytest.approx(2.5)
    assert bears("success-probability", good=0.5, bitstrings=["0"]) is None


def test_a_rate_that_is_below_its_limit_already_bears_no_more() -> None:
    assert bears("success-probability", good=0.95, bitstrings=["0"]) == 1.0


def test_an_expectation_has_a_good_side_of_its_own() -> None:
    assert bears("expectation", observable="Z", min_value=0.5, bad_value=0.2) == pytest.approx(2.5)
    assert bears("expectation", observable="Z", min_value=0.9, bad_value=0.2) == 1.0
    assert bears("expectation", observable={"Z": -1.0}, max_value=-0.5, bad_value=0.0) == pytest.approx(2.5)
    assert bears("expectation", observable="Z", max_value=0.7, bad_value=0.9) == 1.0


def test_a_distribution_bears_noise_until_it_is_too_far_from_its_reference() -> None:
    assert bears("distribution", reference="r.qasm", max_tvd=0.15) == pytest.approx(2.5)
    assert bears("distribution", reference="r.qasm") == pytest.approx(1.2), "0.02 apart is told apart"
