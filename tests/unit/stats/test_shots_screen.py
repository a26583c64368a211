"""The screen finds the shots at which an undeclared change would be caught, and says what a low ceiling can do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.stats.shots.hypotheses import tvd
from pytest_llmgate.stats.shots.rule import Floats
from pytest_llmgate.stats.shots.screen import balanced_changes, critical_value, screen_shots

FAIR = np.full(16, 1 / 16)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.001, 1.0), min_size=2, max_size=30), st.floats(0.01, 0.45))
def test_changes_are_distributions_at_the_stated_distance(weights: list[float], distance: float) -> None:
    p = np.array(weights) / sum(weights)
    changes = balanced_changes(p, distance, 10)
    assert (changes >= -1e-12).all()
    assert np.allclose(changes.sum(axis=1), 1.0)
    for change in changes:
        assert tvd(p, change) == pytest.approx(distance)


def test_changes_are_the_hardest_by_chi_square_distance() -> None:
    """4 tvd^2 is the least that any change of this TVD can have; even halves reach it."""
    changes = balanced_changes(FAIR, 0.1, 20)
    assert ((changes - FAIR) ** 2 / FAIR).sum(axis=1) == pytest.approx(np.full(20, 4 * 0.1**2))


def test_more_is_needed_for_more_outcomes_smaller_changes_and_smaller_levels() -> None:
    def shots(p: Floats, **asked: float) -> int:
        found = screen_shots(p, **{"level": 0.002, **asked}).shots
        assert found is not None and found % 32 == 0
        return found

    base = shots(FAIR)
    assert base < shots(np.full(128, 1 / 128))
    assert base < shots(FAIR, tvd=0.05)
    assert base < shots(FAIR, level=0.00002)
    assert base < shots(FAIR, power=0.98)


def test_it_is_deterministic() -> None:
    assert screen_shots(FAIR, level=0.002) == screen_shots(FAIR, level=0.002)


def test_impossible_outcomes_do_not_count() -> None:
    padded = np.concatenate([FAIR, np.zeros(500)])
    assert screen_shots(padded, level=0.002) == screen_shots(FAIR, level=0.002)


def test_a_ceiling_that_is_too_small_is_told_what_it_can_do() -> None:
    found = screen_shots(FAIR, level=0.002, most=300)
    assert not found.within
    assert found.shots is not None and found.shots > 300
    assert found.power >= 0.8
    assert found.power_at_most is not None and found.power_at_most < 0.8
    assert found.tvd_at_most is not None and 0.1 < found.tvd_at_most < 0.5
    assert screen_shots(FAIR, level=0.002, most=300, tvd=1.05 * found.tvd_at_most).within


def test_a_ceiling_just_below_the_rounded_n_is_enough() -> None:
    """N is rounded up to whole steps; nobody is sent away for that."""
    rounded = screen_shots(FAIR, level=0.002).shots
    assert rounded is not None
    found = screen_shots(FAIR, level=0.002, most=rounded - 5)
    assert found.within and found.shots == rounded - 5 and found.power >= 0.8


def test_a_handful_of_shots_catches_nothing() -> None:
    assert screen_shots(FAIR, level=0.002, most=3).tvd_at_most is None


def test_with_one_possible_outcome_any_other_is_caught() -> None:
    found = screen_shots(np.array([1.0, 0.0]), level=0.002, most=1000)
    assert (found.shots, found.within) == (64, True)
    assert found.power == pytest.approx(1 - 0.9**64)
    short = screen_shots(np.array([1.0, 0.0]), level=0.002, most=10)
    assert not short.within and short.power_at_most == pytest.approx(1 - 0.9**10)
    assert short.tvd_at_most == pytest.approx(1 - 0.2**0.1)


@pytest.mark.parametrize("wrong", [{"tvd": 0.0}, {"tvd": 0.5}, {"power": 1.0}])
def test_what_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="screen"):
        screen_shots(FAIR, level=0.01, **wrong)


def test_critical_values_go_beyond_what_was_drawn() -> None:
    """Chi-square with 5 degrees: the value that is exceeded once in 10,000, from 400 draws."""
    from scipy import stats

    draws = np.random.default_rng(1).chisquare(5, 4000)
    assert critical_value(draws, 1e-4) == pytest.approx(stats.chi2.isf(1e-4, 5), rel=0.1)
    assert critical_value(np.ones(10), 0.01) == 1.0
