"""Measured error rates of the cost rule and of the runaway rule, with the rules themselves and fixed seeds.

Simulated rates may exceed the nominal ones by 3 standard errors (a false alarm of about 0.001 for each comparison
when a seed is changed). More builds, all numbers of looks and a betting rule: `python -m benchmarks cost`.
"""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.stats.against import USUAL_N
from pytest_llmgate.stats.cost_rule import DEFAULT_LOOKS, CostGoal, CostRule, cost_rule, planned_n
from pytest_llmgate.stats.ratio import Sums
from pytest_llmgate.stats.runaways import RunawayRule

GOAL = CostGoal(margin=0.10)
RUNS = 1_000
ALLOWED = 0.05 + 3.0 * math.sqrt(0.05 * 0.95 / RUNS)
NOISE = {"lognormal": 0.35, "both-heavy": 1.0}  # standard deviation of the log of a trial's tokens

pytestmark = pytest.mark.slow


def tokens(rng: random.Random, size: float, sd: float) -> int:
    """One reply's tokens: lognormal with this mean."""
    return round(size * math.exp(rng.gauss(-0.5 * sd * sd, sd)))


def run(rule: CostRule, rng: random.Random, cases: int, sd: float, rise: float) -> Outcome:
    """Trials in rounds over the cases, with looks on the way; the baseline holds as many trials."""
    sizes = [200.0 * math.exp(rng.gauss(0.0, 0.5)) for _ in range(cases)]
    candidate, baseline = [Sums(0, 0, 0)] * cases, [Sums(0, 0, 0)] * cases
    n = 0
    for look in rule.looks:
        for i in range(n, look):
            k = i % cases
            candidate[k] = candidate[k].add(tokens(rng, sizes[k] * (1.0 + rise), sd))
            baseline[k] = baseline[k].add(tokens(rng, sizes[k], sd))
        n = look
        seen = min(n, cases)
        decision = rule.decide(n, candidate[:seen], baseline[:seen])
        if decision is not None:
            return decision.outcome
    raise AssertionError("the last look decides")


def shares(rule: CostRule, cases: int, model: str, rise: float) -> Counter[Outcome]:
    rng = random.Random(f"{rule.looks} {cases} {model} {rise}")
    return Counter(run(rule, rng, cases, NOISE[model], rise) for _ in range(RUNS))


@pytest.mark.parametrize("looks", [1, DEFAULT_LOOKS])
@pytest.mark.parametrize("model", ["lognormal", "both-heavy"])
@pytest.mark.parametrize(("cases", "n"), [(100, 100), (400, 400), (20, 400)])
def test_wrong_verdicts_are_as_rare_as_stated(looks: int, model: str, cases: int, n: int) -> None:
    """Where cases are few, they are the target: their sizes are drawn once a run and stay."""
    rule = cost_rule(GOAL, n, looks=looks, cases=cases)
    assert shares(rule, cases, model, 0.0)[Outcome.FAIL] / RUNS <= ALLOWED
    assert shares(rule, cases, model, 0.10)[Outcome.PASS] / RUNS <= ALLOWED


def test_a_good_build_passes_with_400_trials() -> None:
    """0.90 is asked for; the share lies near 0.935, four standard errors above."""
    assert shares(cost_rule(GOAL, 400, cases=400), 400, "lognormal", 0.0)[Outcome.PASS] / RUNS >= 0.90


@pytest.mark.parametrize("cases", [20, 300])
def test_a_planned_build_passes_as_often_as_planned(cases: int) -> None:
    """The spread of a pair, by the moments of the lognormal model: sd / mean of candidate - baseline."""
    sd = math.sqrt(2.0 * math.exp(0.5**2) * math.expm1(NOISE["lognormal"] ** 2))
    rule = cost_rule(GOAL, planned_n(GOAL, relative_sd=sd, cases=cases), cases=cases)
    passed = shares(rule, cases, "lognormal", 0.0)[Outcome.PASS] / RUNS
    assert passed >= 0.95 - 3.0 * math.sqrt(0.05 * 0.95 / RUNS)


@pytest.mark.parametrize(("rate", "times"), [(0.1, 2), (0.05, 3)])
def test_a_rise_of_few_replies_over_a_baseline_that_never_varied_does_not_pass(rate: float, times: int) -> None:
    """+ 10 % in the mean, as one call in ten is made twice. With 30 trials two in ten of such builds would pass."""
    rng, rule, cases = random.Random(f"{rate}"), cost_rule(GOAL, USUAL_N, cases=40), 40
    passed = 0
    for _ in range(RUNS):
        today = [times if rng.random() < rate else 1 for _ in range(USUAL_N)]
        for look in rule.looks:
            own = [today[k:look:cases] for k in range(cases)]
            sums = [Sums(len(calls), sum(calls), sum(n * n for n in calls)) for calls in own]
            decision = rule.decide(look, sums, [Sums(10, 10, 10)] * cases)
            if decision is not None:
                passed += decision.outcome is Outcome.PASS
                break
    assert passed / RUNS <= ALLOWED


def runaway_shares(rate: float, before: float, m: int) -> Counter[Outcome]:
    rng, rule = random.Random(f"{rate} {before} {m}"), RunawayRule(alpha_used=0.05, beta=0.05, n=320)

    def drawn(n: int, p: float) -> int:
        return sum(rng.random() < p for _ in range(n))

    ends = (rule.decide(320, drawn(320, rate), drawn(m, before), m) for _ in range(RUNS))
    return Counter(end.outcome for end in ends if end is not None)


@pytest.mark.parametrize("m", [320, 2_000])
def test_two_percent_of_runaways_do_not_pass(m: int) -> None:
    """320 trials: caught in 95 of 100 builds, most of them as a fail."""
    seen = runaway_shares(0.02, 0.0, m)
    assert seen[Outcome.PASS] / RUNS <= ALLOWED
    assert seen[Outcome.FAIL] / RUNS >= 0.80


@pytest.mark.parametrize("m", [320, 2_000])
@pytest.mark.parametrize("rate", [0.005, 0.055])
def test_a_build_that_always_had_runaways_is_not_blocked(m: int, rate: float) -> None:
    """5.5 % is how often the both-heavy model exceeds 3 times its mean."""
    assert runaway_shares(rate, rate, m)[Outcome.FAIL] / RUNS <= ALLOWED
