"""The scatter of hardware around the simulator: 1 for shots alone, more for a device that differs or drifts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.stats.shots.dispersion import OTHER, hardware_variance

GHZ = {"000": 0.46, "111": 0.44, "001": 0.05, "110": 0.05}


def chunks(p: dict[str, float], number: int, shots: int, seed: int) -> list[dict[str, int]]:
    names, rng = list(p), np.random.default_rng(seed)
    return [dict(zip(names, map(int, row), strict=True)) for row in rng.multinomial(shots, list(p.values()), number)]


def test_shots_of_the_expectation_itself_scatter_by_one() -> None:
    """The interval of 400 draws covers 1 in 95 % of them: at least 363 with probability 0.999."""
    covered = 0
    for seed in range(400):
        found = hardware_variance(GHZ, chunks(GHZ, 8, 500, seed))
        assert found.overall.interval is not None
        covered += found.overall.interval[0] <= 1.0 <= found.overall.interval[1]
    assert covered >= 363


def test_a_device_that_differs_stands_out_from_the_expectation_but_does_not_drift() -> None:
    device = {"000": 0.40, "111": 0.38, "001": 0.11, "110": 0.11}
    found = hardware_variance(GHZ, chunks(device, 8, 500, 1))
    assert found.overall.interval is not None and found.overall.interval[0] > 2.0
    assert found.between is not None and found.between.interval is not None
    assert found.between.interval[0] < 1.0 < found.between.interval[1]
    assert found.outcomes["001"].index is not None and found.outcomes["001"].index > 5.0


def test_a_device_that_drifts_scatters_around_its_own_mean_too() -> None:
    early, late = {"0": 0.6, "1": 0.4}, {"0": 0.4, "1": 0.6}
    found = hardware_variance({"0": 0.5, "1": 0.5}, chunks(early, 4, 500, 1) + chunks(late, 4, 500, 2))
    assert found.between is not None and found.between.interval is not None
    assert found.between.interval[0] > 2.0


def test_by_hand() -> None:
    """60 of 100 where 50 are expected: (10² / 50) · 2 = 4, and 10² / 25 = 4 for each outcome."""
    found = hardware_variance({"0": 0.5, "1": 0.5}, {"0": 60, "1": 40})
    assert found.overall.index == 4.0 and found.overall.freedom == 1
    assert found.outcomes["0"].index == 4.0
    assert found.between is None and found.chunks == 1 and found.shots == 100


def test_rare_outcomes_are_taken_together_and_impossible_ones_apart() -> None:
    expected = {"00": 0.98, "01": 0.01, "10": 0.01}
    found = hardware_variance(expected, {"00": 190, "01": 3, "10": 5, "11": 2})
    assert set(found.outcomes) == {"00", OTHER}
    assert found.unexpected == 2


def test_a_certain_outcome_cannot_vary() -> None:
    found = hardware_variance({"0": 1.0}, {"0": 98, "1": 2})
    assert found.overall.index is None and found.unexpected == 2


def test_all_shots_may_be_unexpected() -> None:
    found = hardware_variance({"0": 0.5, "1": 0.5}, [{"2": 10}, {"2": 10}])
    assert found.unexpected == 20 and found.overall.index is None and found.between is None


@pytest.mark.parametrize(
    ("expected", "counts"),
    [({"0": 1.0}, {}), ({"0": 0.0}, {"0": 1}), ({"0": 1.5, "1": -0.5}, {"0": 1}), ({"0": 1.0}, {"0": -1})],
)
def test_what_is_no_count_or_no_probability_is_refused(expected: dict[str, float], counts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        hardware_variance(expected, counts)


@given(st.lists(st.dictionaries(st.sampled_from(list(GHZ)), st.integers(0, 300), min_size=1), min_size=1, max_size=5))
def test_the_order_of_chunks_does_not_matter_and_intervals_hold_the_index(drawn: list[dict[str, int]]) -> None:
    if not sum(sum(chunk.values()) for chunk in drawn):
        return
    found, turned = hardware_variance(GHZ, drawn), hardware_variance(GHZ, drawn[::-1])
    assert found == turned
    index, interval = found.overall.index, found.overall.interval
    assert index is None or interval is None or interval[0] <= index <= interval[1]
