"""The rule of a gate, its assumed bad rate, and the figures of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pytest_llmgate.core.decision import Outcome, Tally
from pytest_llmgate.stats import planning
from pytest_llmgate.stats.figures import plan_figures, shared_cost, suite_blocked
from pytest_llmgate.stats.goal import RateGoal
from pytest_llmgate.stats.planning import choose_rule
from pytest_llmgate.stats.rules import FixedRate, SequentialRate, ZeroTolerance


class Shelf:
    """A cache of designs that counts what it is asked."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.hits = 0

    def get(self, key: str) -> dict[str, Any] | None:
        self.hits += key in self.kept
        return self.kept.get(key)

    def put(self, key: str, design: Mapping[str, Any]) -> None:
        self.kept[key] = dict(design)


@pytest.mark.parametrize(
    ("good", "bad"), [(0.95, 0.9), (0.9, 0.8), (0.98, 0.96), (0.99, 0.98), (0.7, 0.4), (0.995, 0.99)]
)
def test_bad_is_twice_the_good_failure_rate_unless_stated(good: float, bad: float) -> None:
    plan = choose_rule(good=good)
    assert plan.bad == bad
    assert plan.bad_assumed
    assert not choose_rule(good=good, bad=bad).bad_assumed


@pytest.mark.parametrize("kind", ["sequential", "fixed"])
@pytest.mark.parametrize("ceiling", [20, 50, 100, 200])
def test_an_assumed_bad_rate_is_widened_until_the_design_fits(kind: planning.Kind, ceiling: int) -> None:
    plan = choose_rule(good=0.95, ceiling=ceiling, kind=kind)
    assert plan.bad < 0.9
    assert plan.bad == round(plan.bad, 3)
    assert plan.rule.ceiling <= ceiling
    chart = plan.rule.oc(plan.good)
    assert chart.p_fail <= 0.05
    assert chart.p_inconclusive == 0.0
    assert plan.rule.oc(plan.bad).p_pass <= 0.05


def test_widening_does_not_look_at_the_family() -> None:
    plans = [choose_rule(good=0.95, ceiling=100, family=m) for m in (1, 6, 200)]
    assert len({plan.bad for plan in plans}) == 1
    assert [plan.alpha_used for plan in plans] == [0.05, 0.05 / 6, 0.05 / 200]


def test_a_stated_bad_rate_is_never_widened() -> None:
    plan = choose_rule(good=0.95, bad=0.90, ceiling=100)
    assert (plan.bad, plan.bad_assumed) == (0.90, False)
    assert isinstance(plan.rule, SequentialRate) and plan.rule.any_time
    assert "may be inconclusive" in plan.notes[0]
    hopeless = choose_rule(good=0.95, bad=0.90, ceiling=20)
    assert "cannot pass" in hopeless.notes[1]


def test_impossible_rates_are_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="2 trials cannot tell a success rate"):
        choose_rule(good=0.9, ceiling=2)
    with pytest.raises(ValueError, match="below the good one"):
        choose_rule(good=0.9, bad=0.95)
    with pytest.raises(ValueError, match="at least 1 trial"):
        choose_rule(good=0.9, ceiling=0)
    with pytest.raises(ValueError, match="good success rate"):
        choose_rule(good=0.0)
    with pytest.raises(ValueError, match="too close"):
        choose_rule(good=0.5, bad=0.499)


def test_a_good_rate_of_1_tolerates_nothing() -> None:
    for plan in (choose_rule(good=1.0), choose_rule(good=0.95, zero_tolerance=True)):
        assert isinstance(plan.rule, ZeroTolerance)
        assert plan.rule.ceiling == 299
        assert plan.bad == 0.99
        assert plan.bad_assumed
    assert choose_rule(good=1.0, bad=0.95).rule.ceiling == 59
    assert choose_rule(good=1.0, bad_failure=0.02).rule.ceiling == 149
    assert not choose_rule(good=1.0, bad_failure=0.02).bad_assumed
    short = choose_rule(good=1.0, ceiling=100)
    assert short.bad == 0.99
    assert "299 clean trials are needed" in short.notes[0]


def test_fixed_uses_all_trials() -> None:
    plan = choose_rule(good=0.95, bad=0.9, kind="fixed", ceiling=500)
    assert isinstance(plan.rule, FixedRate)
    assert plan.rule.trials == 500
    assert choose_rule(good=0.95, bad=0.9, kind="fixed").rule.ceiling == 298
    assert "inconclusive" in choose_rule(good=0.95, bad=0.9, kind="fixed", ceiling=50).notes[0]
    assert "cannot pass" in choose_rule(good=0.95, bad=0.9, kind="fixed", ceiling=20).notes[0]


def test_designs_are_kept_and_found_again() -> None:
    shelf = Shelf()
    first = choose_rule(good=0.9, bad=0.7, designs=shelf)
    second = choose_rule(good=0.9, bad=0.7, designs=shelf)
    assert first == second
    assert (len(shelf.kept), shelf.hits) == (1, 1)
    (key,) = shelf.kept
    for junk in ({}, {"goal": 3}, {**shelf.kept[key], "upper": "x"}):
        shelf.kept[key] = junk
        assert choose_rule(good=0.9, bad=0.7, designs=shelf) == first


def test_the_figures_of_a_plan() -> None:
    figures = plan_figures(choose_rule(good=0.95))
    rates = [round(p, 3) for p, _ in figures.mean_n]
    assert rates == [1.0, 0.975, 0.95, 0.925, 0.9, 0.8]
    assert [round(n) for _, n in figures.mean_n] == [58, 88, 166, 215, 140, 35]
    assert (figures.ceiling, figures.fixed_n) == (373, 298)
    assert figures.p_inconclusive_good == figures.p_inconclusive_bad == 0.0
    assert figures.curtailed_good == pytest.approx(290, abs=0.5)
    assert figures.curtailed_bad == pytest.approx(219, abs=0.5)


@pytest.mark.parametrize(
    ("ceiling", "at_good", "at_bad"), [(20, 0.999, 0.986), (100, 0.67, 0.56), (200, 0.27, 0.22), (300, 0.11, 0.09)]
)
def test_what_a_small_budget_leaves_undecided(ceiling: int, at_good: float, at_bad: float) -> None:
    """The table of docs/research: P(inconclusive) of the guaranteed version."""
    figures = plan_figures(choose_rule(good=0.95, bad=0.90, ceiling=ceiling))
    assert figures.p_inconclusive_good == pytest.approx(at_good, abs=0.006)
    assert figures.p_inconclusive_bad == pytest.approx(at_bad, abs=0.006)


def test_a_suite_of_good_gates_is_blocked_by_any_of_them() -> None:
    plans = [choose_rule(good=0.95, bad=0.9, family=6)] * 6
    assert 0.04 < suite_blocked(plans) <= 0.05
    assert suite_blocked([choose_rule(good=0.95, bad=0.9)] * 200) > 0.998
    budget = choose_rule(good=0.95, bad=0.9, ceiling=100)
    assert suite_blocked([budget], inconclusive=True) == pytest.approx(0.69, abs=0.01)


def test_the_slowest_gate_sets_the_cost_of_a_stream() -> None:
    far, near = choose_rule(good=0.9, bad=0.7).rule, choose_rule(good=0.95, bad=0.9).rule
    cost = shared_cost([(far, 0.95), (near, 0.97)])
    assert cost.costliest == 1
    assert near.oc(0.97).mean_n == pytest.approx(cost.at_least)
    assert cost.at_least <= cost.expected <= cost.at_most
    alone = shared_cost([(near, 0.95)])
    assert alone.expected == pytest.approx(alone.at_least) == pytest.approx(alone.at_most)
    with pytest.raises(ValueError, match="at least one gate"):
        shared_cost([])


def test_a_perfect_build_passes_a_plan_after_what_it_said() -> None:
    plan = choose_rule(good=0.9, bad=0.8)
    need = plan.rule.need(Tally())
    decision = plan.rule.decide(Tally(need, 0))
    assert need == 27
    assert decision is not None and decision.outcome is Outcome.PASS


def test_wald_bound_of_a_family_is_higher_only_where_it_fails() -> None:
    alone = planning.wald_bound(RateGoal(good=0.95, bad=0.9))
    family = planning.wald_bound(RateGoal(good=0.95, bad=0.9, family=200))
    assert family[0] < alone[0] * 1.2
    assert family[1] > alone[1] * 2
