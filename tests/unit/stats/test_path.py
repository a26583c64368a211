"""Exact operating characteristics against the enumeration of every path."""

from __future__ import annotations

import math
from itertools import product

import pytest

from pytest_llmgate.core.decision import Outcome, Rule, Tally
from pytest_llmgate.stats.design import design_sequential
from pytest_llmgate.stats.goal import RateGoal
from pytest_llmgate.stats.path import Charted, bounds, oc, survival, sweep, total
from pytest_llmgate.stats.rules import FixedRate, SequentialRate, ZeroTolerance

SHORT = {
    "calibrated": SequentialRate(design_sequential(RateGoal(good=0.9, bad=0.4, alpha=0.1, beta=0.1))),
    "budget": SequentialRate(design_sequential(RateGoal(good=0.9, bad=0.7), 11)),
    "fixed": FixedRate(RateGoal(good=0.9, bad=0.5), 10),
    "zero": ZeroTolerance(bad_failure=0.3),
    "zero, budget": ZeroTolerance(bad_failure=0.3, limit=5),
    "zero, fixed": ZeroTolerance(bad_failure=0.3, limit=11, fixed=True),
}


@pytest.mark.parametrize("rule", SHORT.values(), ids=SHORT.keys())
@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_a_chart_is_the_sum_over_all_paths(rule: Rule, p: float) -> None:
    chances = dict.fromkeys(Outcome, 0.0)
    mean = 0.0
    for path in product((True, False), repeat=rule.ceiling):
        weight = math.prod(p if good else 1 - p for good in path)
        tally = Tally()
        for good in path:
            tally = tally.add(good)
            if (decision := rule.decide(tally)) is not None:
                break
        assert decision is not None
        chances[decision.outcome] += weight
        mean += weight * tally.n
    assert isinstance(rule, SequentialRate | FixedRate | ZeroTolerance)
    chart = oc(rule, p)
    assert chart.p_pass == pytest.approx(chances[Outcome.PASS], abs=1e-12)
    assert chart.p_fail == pytest.approx(chances[Outcome.FAIL], abs=1e-12)
    assert chart.p_inconclusive == pytest.approx(chances[Outcome.INCONCLUSIVE], abs=1e-12)
    assert chart.mean_n == pytest.approx(mean, abs=1e-9)
    assert math.fsum(chart.survival) == pytest.approx(mean, abs=1e-9)


def test_quantiles_of_the_stopping_time() -> None:
    design: Charted = design_sequential(RateGoal(good=0.95, bad=0.90))
    assert oc(design, 1.0).n_quantile(0.95) == 58
    chart = oc(design, 0.95)
    n = chart.n_quantile(0.95)
    assert chart.survival[n] <= 0.05 < chart.survival[n - 1]


def test_the_mean_of_a_sweep_is_the_sum_of_survival() -> None:
    for ceiling, cut in ((300, None), (300, 20), (40, None)):
        limits = bounds(0.693, 0.054, 3.0, 3.1, ceiling, cut)
        for p in (0.5, 0.9, 0.99):
            (mean,) = sweep(limits, ceiling, (p,)).means
            assert mean == pytest.approx(math.fsum(survival(limits, p)), rel=1e-10)


def test_counts_beyond_the_range_of_a_float_are_rescaled() -> None:
    # the ordinary binomial: no boundary is ever reached
    limits = bounds(1.0, 1.0, 10_000.0, 10_000.0, 4000, None)
    found = sweep(limits, 4000)
    assert total(found.alive, 0.5) == pytest.approx(1.0, rel=1e-9)
    assert total(found.alive[:2001], 0.5) == pytest.approx(0.5063, abs=1e-3)


def test_a_rate_outside_0_to_1_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        oc(design_sequential(RateGoal(good=0.9, bad=0.5)), 1.5)
