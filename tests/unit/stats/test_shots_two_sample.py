"""Recorded counts are a sample: compared by dealing the shots anew, never taken for probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.stats.shots.rule import Seen
from pytest_llmgate.stats.shots.two_sample import Cells, TwoSampleRule, cells, two_sample_power, two_sample_test

OLD = np.array([480, 520, 0])


def test_the_permutation_test_agrees_with_fishers_exact_test() -> None:
    """With two outcomes dealing the shots anew is the hypergeometric law of Fisher's test."""
    from scipy import stats

    for new in ([60, 40], [55, 45], [40, 60], [62, 38]):
        counts = np.array([*new, 0])
        exact = stats.fisher_exact([[480, 520], new]).pvalue
        found = two_sample_test(OLD, counts, level=0.01, seed=1, draws=20_000)
        sigma = math.sqrt(exact * (1 - exact) / found.draws)
        assert found.p_value == pytest.approx(exact, abs=4 * sigma + 0.01)


def test_its_floor_must_lie_below_the_level() -> None:
    with pytest.raises(ValueError, match="cannot reject"):
        two_sample_test(OLD, OLD, level=0.01 / 50, seed=1, draws=499)


@pytest.mark.parametrize(("old", "new"), [([0, 0, 0], [1, 2, 0]), ([1, 2, 0], [0, 0, 0])])
def test_an_empty_sample_is_no_comparison(old: list[int], new: list[int]) -> None:
    with pytest.raises(ValueError, match="no shots"):
        two_sample_test(np.array(old), np.array(new), level=0.01, seed=1)


def test_a_new_outcome_is_no_impossible_one() -> None:
    """One leaked shot is unremarkable beside 1,000 recorded ones without; fifty are not."""
    few, many = np.array([500, 499, 1]), np.array([475, 475, 50])
    assert two_sample_test(OLD, few, level=0.01, seed=1).p_value > 0.01
    assert two_sample_test(OLD, many, level=0.01, seed=1).p_value <= 0.01


# ---- the cells


def test_all_recorded_shots_count_where_the_outcomes_can_be_listed() -> None:
    known = cells({"0": 7, "1": 5}, seed=1, every=("0", "1", "2"))
    assert known.outcomes == ("0", "1", "2")
    assert known.counts.tolist() == [7, 5, 0, 0]


def test_an_outcome_that_the_circuit_cannot_show_is_refused() -> None:
    with pytest.raises(ValueError, match="'11'"):
        cells({"0": 7, "11": 5}, seed=1, every=("0", "1"))


@settings(deadline=None)
@given(st.dictionaries(st.text("01", min_size=3, max_size=8), st.integers(1, 50), min_size=2, max_size=40))
def test_otherwise_a_quarter_of_the_shots_chooses_the_cells_and_is_not_compared(recorded: dict[str, int]) -> None:
    known = cells(recorded, seed=4)
    total = sum(recorded.values())
    assert int(known.counts.sum()) == total - total // 4
    assert set(known.outcomes) <= set(recorded)
    assert cells(dict(reversed(recorded.items())), seed=4).outcomes == known.outcomes  # order of the file: no matter


def test_a_good_circuit_with_many_outcomes_is_not_blocked_for_new_ones() -> None:
    """With the recorded outcomes as cells, 37 % of the new shots would lie outside, where nothing was recorded."""
    rng, runs = np.random.default_rng(3), 15
    blocked = {"by cells": 0, "by naming what was recorded": 0}
    for run in range(runs):
        recorded, new = (np.bincount(rng.integers(0, 256, 256), minlength=256) for _ in range(2))
        named = {str(i): int(c) for i, c in enumerate(recorded) if c}
        known = cells(named, seed=run)
        naive = Cells(tuple(named), np.array([*named.values(), 0]))
        for name, chosen in zip(blocked, (known, naive), strict=True):
            folded = np.array([new[int(outcome)] for outcome in chosen.outcomes])
            counts = np.array([*folded, 256 - folded.sum()])
            blocked[name] += two_sample_test(chosen.counts, counts, level=0.01, seed=run).p_value <= 0.01
    assert blocked == {"by cells": 0, "by naming what was recorded": runs}


# ---- the rule


def rule(shots: int = 1000) -> TwoSampleRule:
    return TwoSampleRule(known=Cells(("0", "1"), OLD), shots=shots, alpha=0.01, seed=9)


def seen(*counts: int) -> Seen:
    return Seen(sum(counts), np.array(counts), np.zeros(len(counts), np.int64))


def test_it_looks_once_at_the_end() -> None:
    assert rule().looks == (1000,)
    assert rule().decide(seen(900, 0, 0)) is None
    assert rule().decide(seen(500, 500, 0)) == Decision(Outcome.PASS, "fixed")
    assert rule().decide(seen(600, 400, 0)) == Decision(Outcome.FAIL, "fixed")


def test_figures_tell_how_much_was_compared() -> None:
    figures = rule().figures(seen(600, 400, 0))
    assert figures["recorded"] == 1000 and figures["seed"] == 9 and figures["draws"] == 2000
    assert figures["p_value"] <= 0.01
    assert figures["tvd"] == pytest.approx(0.12)


def test_power_grows_with_both_samples() -> None:
    """A small recorded sample limits what any number of new shots can see."""
    few, many = np.array([48, 52, 0]), np.array([4800, 5200, 0])
    assert two_sample_power(many, 200, level=0.01) < two_sample_power(many, 2000, level=0.01)
    assert two_sample_power(few, 10_000, level=0.01) < 0.6 < two_sample_power(many, 2000, level=0.01)
    assert rule().power() == pytest.approx(two_sample_power(OLD, 1000, level=0.01))


def test_what_compares_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        TwoSampleRule(known=Cells(("0", "1"), np.zeros(3, np.int64)), shots=10, alpha=0.01, seed=1)
    with pytest.raises(ValueError, match="cannot reject"):
        TwoSampleRule(known=Cells(("0", "1"), OLD), shots=10, alpha=0.001, seed=1, draws=500)
