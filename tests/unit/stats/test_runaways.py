"""Runaways against the baseline's own rate of them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.stats import binomial
from pytest_llmgate.stats.runaways import RunawayRule, runaway_excess, runaway_p


@pytest.mark.parametrize(
    ("table", "published"), [((7, 12, 1, 15), 0.0019819), ((8, 20, 2, 20), 0.0192853), ((5, 40, 0, 60), 0.0035215)]
)
def test_the_p_value_is_that_of_the_z_pooled_test(table: tuple[int, int, int, int], published: float) -> None:
    """Reference: scipy.stats.barnard_exact, pooled, one-sided."""
    assert runaway_p(*table) == pytest.approx(published, abs=2e-6)


RATES = (0.0, 0.01, 0.05, 0.3, 0.5)


@pytest.mark.parametrize(("n", "m"), [(10, 10), (8, 20), (25, 8)])
def test_equal_rates_rarely_look_different(n: int, m: int) -> None:
    """Exact: the probability of all tables with p <= 0.05."""
    wrong = [(x, y) for x in range(n + 1) for y in range(m + 1) if runaway_p(x, n, y, m) <= 0.05]
    assert wrong
    for rate in RATES:
        assert math.fsum(binomial.pmf(x, n, rate) * binomial.pmf(y, m, rate) for x, y in wrong) <= 0.05


@pytest.mark.parametrize(("n", "m", "excess"), [(15, 15, 0.3), (8, 20, 0.4), (20, 8, 0.4), (50, 20, 0.1)])
def test_an_excess_is_rarely_ruled_out_where_it_exists(n: int, m: int, excess: float) -> None:
    """Exact: the probability of all tables that pass."""
    rule = RunawayRule(alpha_used=0.05, beta=0.05, n=n, excess=excess)
    passed = Decision(Outcome.PASS, "fixed")
    wrong = [(x, y) for x in range(n + 1) for y in range(m + 1) if rule.decide(n, x, y, m) == passed]
    assert wrong
    for rate in RATES:
        risen = rate + excess
        assert math.fsum(binomial.pmf(x, n, risen) * binomial.pmf(y, m, rate) for x, y in wrong) <= 0.05


def test_no_more_than_before_is_no_evidence() -> None:
    assert runaway_p(0, 50, 0, 50) == runaway_p(1, 50, 2, 100) == runaway_p(0, 10, 5, 10) == 1.0


tables = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
    lambda sizes: st.tuples(st.integers(0, sizes[0]), st.just(sizes[0]), st.integers(0, sizes[1]), st.just(sizes[1]))
)


@settings(max_examples=25, deadline=None)
@given(tables)
def test_more_runaways_are_never_better(table: tuple[int, int, int, int]) -> None:
    x, n, y, m = table
    if x < n:
        assert runaway_p(x + 1, n, y, m) <= runaway_p(*table) + 2e-6
    if y < m:
        assert runaway_p(x, n, y + 1, m) >= runaway_p(*table) - 2e-6


@settings(max_examples=25, deadline=None)
@given(tables)
def test_bounds_hold_the_estimate_and_agree_with_the_decision(table: tuple[int, int, int, int]) -> None:
    x, n, y, m = table
    rule = RunawayRule(alpha_used=0.05, beta=0.05, n=n, excess=0.1)
    estimate, lower, upper = rule.bounds(n, x, y, m)
    assert -1.0 <= lower <= estimate <= upper <= 1.0
    decision = rule.decide(n, x, y, m)
    assert decision is not None
    assert (decision.outcome is Outcome.PASS) == (upper <= 0.1 and estimate < 0.1)
    if decision.outcome is Outcome.FAIL:
        assert lower >= 0.0


def test_early_it_only_fails_and_only_for_good() -> None:
    rule = RunawayRule(alpha_used=0.05, beta=0.05, n=320)
    assert rule.decide(100, 0, 0, 320) is None
    assert rule.decide(100, 2, 0, 320) is None
    assert rule.decide(100, 3, 0, 320) == Decision(Outcome.FAIL, "boundary")
    assert rule.decide(320, 20, 0, 320) == Decision(Outcome.FAIL, "fixed")
    assert rule.decide(320, 0, 0, 320) == Decision(Outcome.PASS, "fixed")
    assert rule.decide(320, 2, 0, 320) == Decision(Outcome.INCONCLUSIVE, "fixed")
    assert (rule.any_time, rule.ceiling, rule.need(100), rule.need(400)) == (False, 320, 220, 0)


def test_a_small_excess_that_is_certain_passes() -> None:
    """One percent more, in 20,000 trials each: one and a half are ruled out."""
    rule = RunawayRule(alpha_used=0.05, beta=0.05, n=20_000)
    assert runaway_p(600, 20_000, 400, 20_000) < 0.001
    assert rule.decide(20_000, 600, 400, 20_000) == Decision(Outcome.PASS, "fixed")
    assert rule.decide(19_000, 600, 400, 20_000) is None


@pytest.mark.parametrize("table", [(-1, 5, 0, 5), (6, 5, 0, 5), (0, 0, 0, 5), (0, 5, 0, 0), (0, 5, 6, 5)])
def test_impossible_counts_are_refused(table: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="runaways are counted"):
        runaway_p(*table)
    with pytest.raises(ValueError, match="runaways are counted"):
        runaway_excess(*table, below=0.05, above=0.05)


def test_impossible_rules_are_refused() -> None:
    with pytest.raises(ValueError, match="alpha_used must lie"):
        RunawayRule(alpha_used=0.0, beta=0.05, n=10)
    with pytest.raises(ValueError, match="runaways need"):
        RunawayRule(alpha_used=0.05, beta=0.05, n=10, excess=0.0)
    with pytest.raises(ValueError, match="runaways need"):
        RunawayRule(alpha_used=0.05, beta=0.05, n=0)
    with pytest.raises(ValueError, match="one-sided bound"):
        runaway_excess(0, 5, 0, 5, below=0.05, above=0.7)
