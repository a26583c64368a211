"""Distributions are brought to one order before anything is compared; a simulator's rounding errors are no evidence."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.stats.shots.hypotheses import align, told_apart, tvd


def test_outcomes_are_the_sorted_union_of_all_supports() -> None:
    reference, (swapped,) = align({"11": 0.5, "00": 0.5}, [("swapped", "order", {"01": 1.0})])
    assert reference.outcomes == ("00", "01", "11")
    assert reference.p.tolist() == [0.5, 0.0, 0.5, 0.0]
    assert (swapped.name, swapped.kind, swapped.p.tolist()) == ("swapped", "order", [0.0, 1.0, 0.0, 0.0])


def test_dust_is_impossible_on_both_sides() -> None:
    """An outcome at 1e-17 is neither a known outcome nor a ratio of 10^16."""
    reference, (other,) = align(
        {"0": 1.0, "1": 3e-17, "2": -2e-17}, [("other", "angle", {"0": 0.9, "1": 0.1, "3": 1e-13})]
    )
    assert reference.outcomes == ("0", "1")
    assert reference.p.tolist() == [1.0, 0.0, 0.0]
    assert other.p.tolist() == pytest.approx([0.9, 0.1, 0.0])


def test_what_lacks_to_one_is_outside() -> None:
    reference, _ = align({"0": 0.5, "1": 0.3})
    assert reference.p.tolist() == pytest.approx([0.5, 0.3, 0.2])


@pytest.mark.parametrize("wrong", [{"0": 0.9, "1": 0.2}, {"0": math.nan}, {"0": 1.1, "1": -0.1}, {"0": math.inf}])
def test_what_is_no_distribution_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="reference"):
        align(wrong)
    with pytest.raises(ValueError, match="'broken'"):
        align({"0": 1.0}, [("broken", "gate", wrong)])


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40).filter(lambda xs: sum(xs) > 0.01))
def test_sums_are_one_whatever_comes(weights: list[float]) -> None:
    total = math.fsum(weights)
    reference, _ = align({str(i): w / total for i, w in enumerate(weights)})
    assert len(reference.p) == len(reference.outcomes) + 1
    assert math.isclose(float(reference.p.sum()), 1.0, abs_tol=1e-9)


def test_tvd_is_half_the_sum_of_the_differences() -> None:
    assert tvd(np.array([0.5, 0.5, 0.0]), np.array([0.4, 0.5, 0.1])) == pytest.approx(0.1)
    assert tvd(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0


def test_faults_that_no_shot_tells_apart_are_one_with_all_their_names() -> None:
    same = {"0": 0.3, "1": 0.7}
    faults = [(name, "angle", same) for name in "abcde"]
    faults[1] = ("b", "swapped", {"0": 0.3 + 1e-12, "1": 0.7 - 1e-12})
    faults[3] = ("d", "angle", {"0": 0.3001, "1": 0.6999})
    reference, aligned = align({"0": 0.5, "1": 0.5}, faults)
    found = told_apart(reference, aligned)
    assert [other.name for other in found] == ["a or b or c or 1 more", "d"]
    assert found[0].kind == "angle"


def test_faults_that_this_measurement_never_shows_are_listed_one_by_one() -> None:
    reference, aligned = align({"0": 0.5, "1": 0.5}, [(name, "angle", {"0": 0.5, "1": 0.5}) for name in "ab"])
    assert [other.name for other in told_apart(reference, aligned)] == ["a", "b"]
