"""When a cost regression is decided: looks, levels, plans."""

from __future__ import annotations

import math
import random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.stats.cost_rule import CostGoal, cost_rule, planned_n
from pytest_llmgate.stats.ratio import Sums
from pytest_llmgate.stats.spending import look_levels, pass_power, spent

GOAL = CostGoal(margin=0.10)


def cases(n: int, ratio: float, noise: float, seed: int = 1) -> tuple[list[Sums], list[Sums]]:
    """One trial of each of n cases on both sides."""
    rng = random.Random(seed)
    baseline = [rng.randrange(1_000, 3_000) for _ in range(n)]
    candidate = [round(b * ratio * rng.uniform(1 - noise, 1 + noise)) for b in baseline]
    return [Sums(1, c, c * c) for c in candidate], [Sums(1, b, b * b) for b in baseline]


@pytest.mark.parametrize(
    ("shape", "published"),
    [
        ("obrien-fleming", (4.877, 3.357, 2.680, 2.290, 2.031)),
        ("pocock", (2.438, 2.427, 2.410, 2.397, 2.386)),
    ],
)
def test_boundaries_are_the_published_ones(shape: str, published: tuple[float, ...]) -> None:
    """Five equal looks at one-sided 0.025, as in the literature on alpha spending."""
    found = look_levels((1, 2, 3, 4, 5), 0.025, shape, 5)  # type: ignore[arg-type]
    assert [-NormalDist().inv_cdf(level) for level in found] == pytest.approx(published, abs=6e-4)


def test_looks_together_err_as_often_as_allowed() -> None:
    """A random walk of unequal steps crosses in 5 % of 40,000 runs (3 standard errors: 0.0033)."""
    looks, rng, runs = (30, 50, 120, 200), random.Random(3), 40_000
    limits = [-NormalDist().inv_cdf(level) for level in look_levels(looks, 0.05, "obrien-fleming", 200)]
    crossed = 0
    for _ in range(runs):
        score, before = 0.0, 0
        for n, limit in zip(looks, limits, strict=True):
            score += rng.gauss(0.0, math.sqrt(n - before))
            before = n
            if score >= limit * math.sqrt(n):
                crossed += 1
                break
    assert crossed / runs == pytest.approx(0.05, abs=3.0 * math.sqrt(0.05 * 0.95 / runs))


def test_the_power_of_one_look_is_that_of_the_z_test() -> None:
    z = NormalDist()
    for drift in (0.0, 1.0, 3.0):
        power = pass_power((100,), ((0.05, 0.05),), 100, drift)
        assert power == pytest.approx(z.cdf(drift + z.inv_cdf(0.05)), abs=1e-9)


def test_the_power_counts_early_fails_against_a_good_build() -> None:
    """A random walk with two limits, 20,000 runs (3 standard errors: 0.005)."""
    looks, rng, runs, z = (50, 100, 200), random.Random(5), 20_000, NormalDist()
    drift, passed = 3.4, 0
    levels = tuple(zip(*[look_levels(looks, 0.05, "pocock", 200)] * 2, strict=True))
    for _ in range(runs):
        score, before = 0.0, 0
        for n, (passing, failing) in zip(looks, levels, strict=True):
            score += rng.gauss(0.0, math.sqrt((n - before) / 200))
            before = n
            if score < drift * n / 200 + math.sqrt(n / 200) * z.inv_cdf(passing):
                passed += 1
                break
            if score > -math.sqrt(n / 200) * z.inv_cdf(failing):
                break
    assert pass_power(looks, levels, 200, drift) == pytest.approx(passed / runs, abs=0.005)


@given(st.floats(1e-6, 0.5), st.sampled_from(["obrien-fleming", "pocock"]), st.floats(0.01, 0.99))
def test_spending_grows_to_the_whole_error(level: float, shape: str, fraction: float) -> None:
    used = spent(shape, level, fraction)  # type: ignore[arg-type]
    assert 0.0 <= used <= spent(shape, level, min(1.0, 1.01 * fraction)) <= level * (1 + 1e-12)  # type: ignore[arg-type]
    assert spent(shape, level, 1.0) == level  # type: ignore[arg-type]


def test_one_look_is_the_fixed_rule() -> None:
    rule = cost_rule(CostGoal(margin=0.1, alpha=0.04, beta=0.03, family=4), 100, looks=1, cases=100)
    assert (rule.looks, rule.levels) == ((100,), ((pytest.approx(0.03), pytest.approx(0.01)),))
    assert rule.decide(99, *cases(99, 1.0, 0.01)) is None
    assert rule.decide(100, *cases(100, 1.0, 0.01)) == Decision(Outcome.PASS, "fixed")
    assert rule.decide(100, *cases(100, 1.2, 0.01)) == Decision(Outcome.FAIL, "fixed")
    assert rule.decide(100, *cases(100, 1.05, 0.9)) == Decision(Outcome.INCONCLUSIVE, "fixed")
    assert (rule.any_time, rule.ceiling, rule.need(0), rule.need(60), rule.need(100)) == (False, 100, 100, 40, 0)


def test_a_clear_answer_comes_at_an_early_look() -> None:
    rule = cost_rule(GOAL, 400, cases=400)
    assert rule.looks == (80, 160, 240, 320, 400)
    assert rule.decide(79, *cases(79, 2.0, 0.1)) is None
    assert rule.decide(80, *cases(80, 2.0, 0.1)) == Decision(Outcome.FAIL, "boundary")
    assert rule.decide(80, *cases(80, 0.8, 0.1)) == Decision(Outcome.PASS, "boundary")
    assert rule.decide(80, *cases(80, 1.0, 0.9)) is None
    assert cost_rule(GOAL, 100, cases=100).decide(100, *cases(100, 1.0, 0.9)) == Decision(
        Outcome.INCONCLUSIVE, "ceiling"
    )
    assert rule.need(80) == 80 and rule.need(81) == 79


def test_a_small_rise_that_is_certain_passes() -> None:
    """The margin is what the team allowed: 5 % above, and 10 % ruled out."""
    rule = cost_rule(GOAL, 400, cases=400)
    side = cases(400, 1.05, 0.01)
    assert rule.bounds(400, *side).lower > 1.0
    assert rule.decide(400, *side) == Decision(Outcome.PASS, "boundary")


def test_exactly_on_the_margin_is_no_pass() -> None:
    rule = cost_rule(GOAL, 40, looks=1, cases=40)
    baseline = [Sums(1, 10 * (i + 1), 100 * (i + 1) ** 2) for i in range(40)]
    candidate = [Sums(1, 11 * (i + 1), 121 * (i + 1) ** 2) for i in range(40)]
    assert rule.decide(40, candidate, baseline) == Decision(Outcome.FAIL, "fixed")


@pytest.mark.parametrize(
    ("n", "count", "looks"),
    [
        (400, 400, (80, 160, 240, 320, 400)),  # within the first round any number of 30 or more
        (100, 500, (30, 40, 60, 80, 100)),
        (100, 30, (30, 60, 90, 100)),  # then whole rounds
        (400, 20, (80, 160, 240, 320, 400)),
        (50, 20, (40, 50)),  # few cases: two rounds and 30 trials
        (20, 20, (20,)),
        (400, 1, (80, 160, 240, 320, 400)),
        (1, 1, (1,)),
    ],
)
def test_looks_see_a_fair_sample_of_the_cases(n: int, count: int, looks: tuple[int, ...]) -> None:
    assert cost_rule(GOAL, n, cases=count).looks == looks


@given(st.integers(1, 2_000), st.integers(1, 600), st.integers(1, 5))
def test_looks_rise_to_the_planned_n(n: int, count: int, looks: int) -> None:
    found = cost_rule(GOAL, n, looks=looks, cases=count).looks
    assert found[-1] == n and list(found) == sorted(set(found)) and len(found) <= looks
    assert all(look >= 30 and (look < count or look % count == 0) for look in found[:-1])


@given(st.floats(0.5, 2.0), st.floats(0.01, 0.95), st.integers(0, 10_000), st.sampled_from([80, 160, 400]))
def test_bounds_agree_with_the_decision(ratio: float, noise: float, seed: int, n: int) -> None:
    rule, side = cost_rule(GOAL, 400, cases=400), cases(n, ratio, noise, seed)
    decision, found = rule.decide(n, *side), rule.bounds(n, *side)
    outcome = decision.outcome if decision else None
    assert (outcome is Outcome.PASS) == (found.upper < 1.1)
    assert (outcome is Outcome.FAIL) == (found.lower > 1.0 and found.upper >= 1.1)


def test_a_stop_between_looks_has_the_bounds_of_a_look_there() -> None:
    rule, side = cost_rule(GOAL, 400, cases=400), cases(100, 1.0, 0.5)
    cut = rule.bounds(100, *side, cut=True)
    final = cost_rule(GOAL, 100, looks=1, cases=100).bounds(100, *side)
    assert cut.lower < final.lower < final.upper < cut.upper
    assert rule.bounds(0, *side)[1:3] == (0.0, math.inf)


@pytest.mark.parametrize("count", [1, 20, 100, 1_000])
def test_a_plan_grows_with_the_spread_and_shrinks_with_the_margin(count: int) -> None:
    def needs(sd: float, margin: float, power: float) -> int:
        return planned_n(CostGoal(margin=margin), relative_sd=sd, cases=count, power=power)

    assert needs(0.5, 0.1, 0.9) < needs(0.5, 0.1, 0.95) < needs(1.0, 0.1, 0.95) < needs(1.0, 0.05, 0.95)
    assert needs(0.001, 0.1, 0.95) == (30 if count >= 30 else 2 * count)


def test_half_a_round_more_helps_little() -> None:
    """Beyond one round over 300 cases, every one of the same weight, it takes more trials than with new cases."""
    whole = planned_n(GOAL, relative_sd=0.55, cases=1_000)
    assert 300 < whole < planned_n(GOAL, relative_sd=0.55, cases=300) < 600


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"margin": 0.0}, "allowed increase"),
        ({"margin": math.nan}, "allowed increase"),
        ({"margin": math.inf}, "allowed increase"),
        ({"margin": 0.1, "alpha": 0.0}, "alpha must lie"),
        ({"margin": 0.1, "beta": 0.6}, "beta must lie"),
        ({"margin": 0.1, "family": 0}, "at least 1 gate"),
    ],
)
def test_impossible_goals_are_refused(given: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        CostGoal(**given)  # type: ignore[arg-type]


def test_impossible_plans_are_refused() -> None:
    for n, looks, count in ((0, 1, 1), (10, 6, 1), (10, 0, 1), (10, 1, 0)):
        with pytest.raises(ValueError, match="a cost rule needs"):
            cost_rule(GOAL, n, looks=looks, cases=count)
    for sd, count, power in ((0.0, 1, 0.9), (math.nan, 1, 0.9), (0.5, 0, 0.9), (0.5, 1, 1.0)):
        with pytest.raises(ValueError, match="a plan needs"):
            planned_n(GOAL, relative_sd=sd, cases=count, power=power)
