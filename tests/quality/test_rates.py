"""Measured error rates and cost of every decision rule.

Exact figures come from counting paths. Simulations use a fixed seed, so that they cannot flake; a rule that is
exactly at its nominal rate exceeds it in half of all simulations, hence the allowance of 3 standard errors
(a false alarm of about 0.001 for each comparison when the seed is changed).
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable

import pytest

from pytest_llmgate.core.decision import Outcome, Rule, Tally
from pytest_llmgate.stats.design import SequentialDesign, design_sequential
from pytest_llmgate.stats.goal import RateGoal
from pytest_llmgate.stats.looks import fixed_n
from pytest_llmgate.stats.planning import wald_bound
from pytest_llmgate.stats.rules import FixedRate, SequentialRate, ZeroTolerance

RUNS = 20_000
PAIRS = [(0.95, 0.90), (0.95, 0.85), (0.9, 0.8), (0.98, 0.95), (0.99, 0.95)]
by_pair = pytest.mark.parametrize(("good", "bad"), PAIRS)


@by_pair
@pytest.mark.parametrize("family", [1, 6, 200])
@pytest.mark.parametrize("ceiling", [None, 100])
def test_exact_errors_never_exceed_the_nominal_ones(good: float, bad: float, family: int, ceiling: int | None) -> None:
    goal = RateGoal(good=good, bad=bad, family=family)
    design = design_sequential(goal, ceiling)
    assert design.oc(good).p_fail <= goal.alpha_used
    assert design.oc(bad).p_pass <= goal.beta


@by_pair
def test_cost_is_near_the_bound_of_any_test(good: float, bad: float) -> None:
    goal = RateGoal(good=good, bad=bad)
    design = design_sequential(goal)
    for p, bound in zip((good, bad), wald_bound(goal), strict=True):
        mean = design.oc(p).mean_n
        assert bound <= mean <= 1.12 * bound
        assert mean <= 0.62 * fixed_n(goal)[0]


@by_pair
def test_a_family_of_200_costs_a_good_build_little(good: float, bad: float) -> None:
    """Ceilings of three times fixed-N keep the price of suite control near the one with none."""
    alone = design_sequential(RateGoal(good=good, bad=bad))
    family = design_sequential(RateGoal(good=good, bad=bad, family=200))
    assert family.oc(good).mean_n <= 1.15 * alone.oc(good).mean_n
    clearly_good = (1 + good) / 2
    assert family.oc(clearly_good).mean_n <= 1.02 * alone.oc(clearly_good).mean_n


@pytest.mark.parametrize(
    ("good", "bad", "family", "ceiling"), [(0.9, 0.7, 1, None), (0.9, 0.7, 6, 40), (0.5, 0.3, 1, None)]
)
@pytest.mark.parametrize("p", [0.2, 0.4, 0.7, 0.8, 0.9, 0.97])
def test_the_interval_covers_at_its_stated_confidence(
    good: float, bad: float, family: int, ceiling: int | None, p: float
) -> None:
    """Exact: the probabilities of all stops whose bound misses p."""
    rule = SequentialRate(design_sequential(RateGoal(good=good, bad=bad, family=family), ceiling))
    misses_below = misses_above = 0.0
    alive = {0: 1.0}
    for n in range(1, rule.ceiling + 1):
        reached: Counter[int] = Counter()
        for f, weight in alive.items():
            reached[f] += weight * p  # type: ignore[assignment]
            reached[f + 1] += weight * (1 - p)  # type: ignore[assignment]
        alive = {}
        for f, weight in reached.items():
            if rule.decide(Tally(n, f)) is None:
                alive[f] = weight
                continue
            interval = rule.interval(Tally(n, f))
            misses_below += weight * (interval.lower > p)
            misses_above += weight * (interval.upper < p)
    assert misses_below <= rule.goal.beta + 1e-9
    assert misses_above <= rule.goal.alpha_used + 1e-9


def trial_by_trial(rule: Rule, rng: random.Random, rate: float, holes: float) -> Outcome:
    tally = Tally()
    while True:
        good: bool | None = rng.random() < rate
        if holes and rng.random() < holes:
            good = None
        tally = tally.add(good)
        if (decision := rule.decide(tally)) is not None:
            return decision.outcome


def failure_by_failure(rule: Rule, rng: random.Random, rate: float) -> Outcome:
    """The same process in fewer steps: `need` says where an unbroken row of good trials would end it."""
    tally, log_rate = Tally(), math.log(rate)
    while True:
        row, need = int(math.log(1.0 - rng.random()) / log_rate), rule.need(tally)
        n = tally.n + need if row >= need else tally.n + row + 1
        tally = Tally(n, tally.failed + (row < need))
        if (decision := rule.decide(tally)) is not None:
            return decision.outcome


def share(run: Callable[[random.Random], Outcome], outcome: Outcome, seed: str) -> float:
    rng = random.Random(seed)
    return sum(run(rng) is outcome for _ in range(RUNS)) / RUNS


def allowed(nominal: float) -> float:
    return nominal + 3 * math.sqrt(nominal * (1 - nominal) / RUNS)


@by_pair
@pytest.mark.parametrize("family", [1, 6])
@pytest.mark.parametrize("ceiling", [None, 100])
def test_simulated_errors_of_the_sequential_rule(good: float, bad: float, family: int, ceiling: int | None) -> None:
    goal = RateGoal(good=good, bad=bad, family=family)
    rule = SequentialRate(design_sequential(goal, ceiling))
    blocked = share(lambda rng: failure_by_failure(rule, rng, good), Outcome.FAIL, f"good {good} {bad}")
    missed = share(lambda rng: failure_by_failure(rule, rng, bad), Outcome.PASS, f"bad {good} {bad}")
    assert blocked <= allowed(goal.alpha_used)
    assert missed <= allowed(goal.beta)


@pytest.mark.slow
@pytest.mark.parametrize("holes", [0.0, 0.01, 0.05])
def test_simulated_errors_trial_by_trial_with_and_without_holes(holes: float) -> None:
    goal = RateGoal(good=0.9, bad=0.75)
    rule = SequentialRate(design_sequential(goal))
    blocked = share(lambda rng: trial_by_trial(rule, rng, goal.good, holes), Outcome.FAIL, f"good {holes}")
    missed = share(lambda rng: trial_by_trial(rule, rng, goal.bad, holes), Outcome.PASS, f"bad {holes}")
    assert blocked <= allowed(goal.alpha)
    assert missed <= allowed(goal.beta)


@by_pair
def test_simulated_errors_of_the_fixed_rule(good: float, bad: float) -> None:
    goal = RateGoal(good=good, bad=bad)
    for trials in (60, fixed_n(goal)[0]):
        rule = FixedRate(goal, trials)
        blocked = share(lambda rng: failure_by_failure(rule, rng, good), Outcome.FAIL, f"good {trials}")  # noqa: B023
        missed = share(lambda rng: failure_by_failure(rule, rng, bad), Outcome.PASS, f"bad {trials}")  # noqa: B023
        assert blocked <= allowed(goal.alpha)
        assert missed <= allowed(goal.beta)


@pytest.mark.parametrize("bad_failure", [0.01, 0.05])
def test_simulated_errors_of_zero_tolerance(bad_failure: float) -> None:
    rule = ZeroTolerance(bad_failure=bad_failure)
    missed = share(lambda rng: failure_by_failure(rule, rng, 1 - bad_failure), Outcome.PASS, "zero")
    assert missed <= allowed(0.05)
    assert rule.decide(Tally(rule.ceiling, 0)) == (Outcome.PASS, "boundary")


@pytest.mark.slow
def test_failure_by_failure_is_the_same_process_as_trial_by_trial() -> None:
    goal = RateGoal(good=0.9, bad=0.75)
    rule = SequentialRate(design_sequential(goal))
    for p in (goal.good, 0.83, goal.bad):
        exact = rule.oc(p).p_pass
        for run in (
            lambda rng: failure_by_failure(rule, rng, p),  # noqa: B023
            lambda rng: trial_by_trial(rule, rng, p, 0.0),  # noqa: B023
        ):
            assert abs(share(run, Outcome.PASS, "same") - exact) <= 4 * math.sqrt(exact * (1 - exact) / RUNS)


def test_a_design_that_is_not_exact_would_be_caught() -> None:
    """The fixed-n cut bolted onto Wald's thresholds breaks both rates: the check above is not blind."""
    goal = RateGoal(good=0.95, bad=0.90)
    n, cut = fixed_n(goal)
    wald = math.log(0.95 / 0.05)
    naive = SequentialDesign(goal=goal, upper=wald, lower=wald, cut=cut, ceiling=n, calibrated=True)
    assert naive.oc(goal.good).p_fail > 0.055
    assert naive.oc(goal.bad).p_pass > 0.06
