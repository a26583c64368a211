"""Monte Carlo p-values keep their level exactly, and min-p sees what a single statistic overlooks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multinomial

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.stats.shots.hypotheses import align
from pytest_llmgate.stats.shots.minp import FixedIdentityRule, minp_test, power_statistics
from pytest_llmgate.stats.shots.montecarlo import calibrated_p, enough_draws, in_blocks
from pytest_llmgate.stats.shots.rule import Floats, Seen

FAIR = np.array([0.25, 0.25, 0.25, 0.25, 0.0])


# ---- the p-value


def from_table(table: Floats, row: int, level: float) -> float:
    """The p-value of one row, with all others as the draws of the null."""
    others = iter(np.delete(table, row, axis=0))
    draws = len(table) - 1
    return calibrated_p(
        table[row], lambda size: np.array([next(others) for _ in range(size)]), level=level, draws=draws
    ).p_value


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from([0.01, 0.02, 0.05, 0.2]),
    st.sampled_from([(120, 3), (120, 1), (500, 3)]),
    st.booleans(),
)
def test_of_exchangeable_rows_no_more_than_the_level_are_rejected(
    seed: int, level: float, shape: tuple[int, int], ties: bool
) -> None:
    """The whole proof in one: whichever row is the observed one, at most `level` of them can be rejected."""
    table = np.random.default_rng(seed).normal(size=shape)
    if ties:
        table = np.round(table)
    rejected = sum(from_table(table, row, level) <= level for row in range(len(table)))
    assert rejected <= level * len(table)


def test_a_rejection_rests_on_all_draws_and_a_clear_pass_on_few() -> None:
    far = minp_test(np.array([400, 200, 200, 200, 0]), FAIR, level=0.002, seed=1)
    near = minp_test(np.array([250, 252, 249, 249, 0]), FAIR, level=0.002, seed=1)
    assert (far.draws, far.p_value) == (10_000, 1 / 10_001)
    assert near.draws == 256 and near.p_value > 0.5


def test_its_floor_must_lie_below_the_level() -> None:
    """499 draws can never reject at 0.01 / 50, whatever is seen."""
    with pytest.raises(ValueError, match="499 draws cannot reject"):
        minp_test(np.array([10, 0, 0, 0, 0]), FAIR, level=0.01 / 50, seed=1, draws=499)
    assert enough_draws(0.01) == 2_000
    assert enough_draws(0.01, 100) == 100
    with pytest.raises(ValueError, match="cannot reject"):
        enough_draws(0.01, 99)  # 1/100 is the level, not below it


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, float("nan")])
def test_a_level_is_a_probability(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        enough_draws(level)


def test_what_the_reference_excludes_needs_no_draw() -> None:
    found = minp_test(np.array([250, 250, 250, 249, 1]), FAIR, level=0.01, seed=1)
    assert (found.p_value, found.draws) == (0.0, 0)


def test_no_shots_are_no_test() -> None:
    with pytest.raises(ValueError, match="no shots"):
        minp_test(np.zeros(5, np.int64), FAIR, level=0.01, seed=1)


def test_the_same_seed_gives_the_same_result() -> None:
    counts = np.array([270, 240, 250, 240, 0])
    assert minp_test(counts, FAIR, level=0.01, seed=5) == minp_test(counts, FAIR, level=0.01, seed=5)
    assert minp_test(counts, FAIR, level=0.01, seed=5).p_value != minp_test(counts, FAIR, level=0.01, seed=6).p_value


def test_statistics_are_the_usual_ones() -> None:
    from scipy import stats

    counts, p = np.array([30, 50, 20]), np.array([0.3, 0.4, 0.3])
    pearson, cressie_read, distance = power_statistics(counts[np.newaxis], p)[0] * [100, 100, 1]
    assert pearson == pytest.approx(stats.power_divergence(counts, 100 * p, lambda_="pearson").statistic)
    assert cressie_read == pytest.approx(stats.power_divergence(counts, 100 * p, lambda_="cressie-read").statistic)
    assert distance == pytest.approx(0.1)


def test_min_p_sees_what_one_statistic_alone_does_not() -> None:
    """A few shots in a tail, which TVD overlooks, and a shift between two large outcomes, which drowns in Pearson."""
    p = np.array([0.48, 0.48, *[0.04 / 40] * 40, 0.0])
    tail = np.array([480, 470, *[1] * 30, *[2] * 10, 0])
    shift = np.array([555, 405, *[1] * 40, 0])
    assert minp_test(tail, p, level=0.01, seed=1).p_value > 0.01
    assert minp_test(shift, p, level=0.01, seed=1).p_value <= 0.01
    tail[2:4] = [9, 9]
    assert minp_test(tail, p, level=0.01, seed=1).p_value <= 0.01


def test_memory_is_bounded_by_blocks() -> None:
    sizes: list[int] = []

    def block(rows: int) -> Floats:
        sizes.append(rows)
        return np.zeros((rows, 1))

    assert len(in_blocks(10_000, 1 << 10, block)) == 10_000
    assert max(sizes) == 1 << 10 and sum(sizes) == 10_000


# ---- the rule


REFERENCE, ALTERNATIVES = align(
    {"00": 0.5, "11": 0.5}, [("swapped", "order", {"00": 0.9, "11": 0.1}), ("leak", "gate", {"00": 0.5, "01": 0.5})]
)


def fixed(shots: int = 500) -> FixedIdentityRule:
    return FixedIdentityRule(reference=REFERENCE, shots=shots, alpha=0.01, seed=3, alternatives=ALTERNATIVES)


def seen(*counts: int) -> Seen:
    return Seen(sum(counts), np.array(counts), np.zeros(len(counts), np.int64))


def test_it_looks_once_at_the_end() -> None:
    rule = fixed()
    assert rule.looks == (500,)
    assert rule.decide(seen(400, 0, 0, 0)) is None
    assert rule.decide(seen(251, 0, 249, 0)) == Decision(Outcome.PASS, "fixed")
    assert rule.decide(seen(400, 0, 100, 0)) == Decision(Outcome.FAIL, "fixed")


@pytest.mark.parametrize("counts", [(50, 1, 49, 0), (50, 0, 49, 1)])
def test_an_excluded_outcome_fails_before_the_end(counts: tuple[int, ...]) -> None:
    assert fixed().decide(seen(*counts)) == Decision(Outcome.FAIL, "fixed")


def test_figures_name_the_draws_and_the_likeliest_cause() -> None:
    figures = fixed().figures(seen(430, 0, 70, 0))
    assert figures["draws"] == 2_000 and figures["seed"] == 3 and figures["p_value"] < 0.01
    assert [cause["name"] for cause in figures["causes"]] == ["swapped"]
    assert figures["tvd"] == pytest.approx(0.36)


def test_a_hopeless_number_of_draws_is_refused_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="cannot reject"):
        FixedIdentityRule(reference=REFERENCE, shots=10, alpha=0.001, seed=1, draws=500)
    with pytest.raises(ValueError, match="at least 1 shot"):
        FixedIdentityRule(reference=REFERENCE, shots=0, alpha=0.01, seed=1)


@pytest.mark.parametrize("shots", [1, 2, 3, 5])
@pytest.mark.parametrize("p", [[0.2, 0.2, 0.6], [0.05, 0.25, 0.7], [0.25, 0.35, 0.4]])
def test_no_counts_are_rarer_than_all_shots_in_the_rarest_outcome(p: list[float], shots: int) -> None:
    """What tells a rule that can fail no circuit from one that can, against all counts there are, by their exact p."""
    null = np.array(p)
    counts = np.array([[a, b, shots - a - b] for a in range(shots + 1) for b in range(shots + 1 - a)])
    chance = multinomial(shots, null).pmf(counts)
    statistics = power_statistics(counts, null)
    single = np.array([[chance[column >= value].sum() for value in column] for column in statistics.T]).min(axis=0)
    exact = [chance[single <= value * (1.0 + 1e-9)].sum() for value in single]
    reference = align(dict(zip(("00", "01", "10"), p, strict=True)))[0]
    rule = FixedIdentityRule(reference=reference, shots=shots, alpha=0.01, seed=1)
    assert rule.least_p == pytest.approx(min(exact))
