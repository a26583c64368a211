"""`assert_distribution`: counts judged at once, with all the shots that there are."""

from __future__ import annotations

import pytest

from pytest_llmgate import assert_distribution
from pytest_llmgate.core.errors import LlmgateError

EVEN = {"00": 0.5, "11": 0.5}


def counts(first: int, second: int) -> dict[str, int]:
    return {"00": first, "11": second}


@pytest.mark.parametrize("shots", [360, 1_000, 20_000])
def test_counts_within_a_tolerance_pass_as_soon_as_twice_the_distance_is_ruled_out(shots: int) -> None:
    assert_distribution(counts(shots // 2, shots // 2), EVEN, max_tvd=0.05)


def test_counts_beyond_a_tolerance_fail() -> None:
    with pytest.raises(AssertionError, match=r"TVD 0\.3 .*at most 0\.05 is ruled out \(1 % risk\)"):
        assert_distribution(counts(800, 200), EVEN, max_tvd=0.05)


@pytest.mark.parametrize("given", [(575, 425), (10, 0), (1, 0), (20, 20)])
def test_too_few_shots_fail_and_the_message_says_how_many_are_needed(given: tuple[int, int]) -> None:
    with pytest.raises(AssertionError, match=r"too few shots to tell 0\.05 from 0\.1: about 2,\d{3} are needed"):
        assert_distribution(counts(*given), EVEN, max_tvd=0.05)


def test_without_a_tolerance_the_distance_of_what_fails_is_above_zero() -> None:
    with pytest.raises(AssertionError, match=r"not as expected \(1 % risk\): TVD 0\.3 \(0\.26\d to 0\.33\d\)"):
        assert_distribution(counts(800, 200), EVEN)
    with pytest.raises(AssertionError, match=r"TVD 0\.02 \(0\.01\d* to"):
        assert_distribution({**counts(500, 480), "01": 20}, EVEN)
    four = {"00": 0.25, "01": 0.25, "10": 0.25, "11": 0.25}
    with pytest.raises(AssertionError, match=r"TVD 0\.2 \(0\.1\d* to"):
        assert_distribution({"00": 450, "01": 250, "10": 250, "11": 50}, four)


def test_what_is_no_tolerance_is_still_refused() -> None:
    with pytest.raises(LlmgateError):
        assert_distribution(counts(500, 500), EVEN, max_tvd=1.5)
