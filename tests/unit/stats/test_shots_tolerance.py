"""Tolerances: planned looks share the errors, the interval says what the decision says, the plan knows its limits."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.stats.shots.rule import Floats, Seen
from pytest_llmgate.stats.shots.tolerance import ToleranceRule, tolerance_looks
from pytest_llmgate.stats.shots.tolerance_plan import TolerancePlan, plan_tolerance

PASS, FAIL = Decision(Outcome.PASS, "boundary"), Decision(Outcome.FAIL, "boundary")
CEILING = Decision(Outcome.INCONCLUSIVE, "ceiling")


def uniform(outcomes: int) -> Floats:
    return np.append(np.full(outcomes, 1 / outcomes), 0.0)


def rule_of(**changes: Any) -> ToleranceRule:
    parameters: dict[str, Any] = {
        "outcomes": ("00", "11"),
        "p": uniform(2),
        "max_tvd": 0.05,
        "bad_tvd": 0.1,
        "alpha": 0.01,
        "beta": 0.05,
        "looks": (500, 1000, 2000, 4000, 8000),
    }
    return ToleranceRule(**{**parameters, **changes})


def seen_of(*counts: int) -> Seen:
    """Counts, of which each half (the first one rounded up) came in even chunks."""
    first = (np.array(counts) + 1) // 2
    return Seen(sum(counts), np.array(counts), first)


def test_the_shares_of_the_errors_are_spent_once() -> None:
    rule = rule_of()
    assert sum(rule.share(look) for look in rule.looks) == pytest.approx(1.0)
    assert rule.share(8000) == 0.5


def test_clear_counts_decide_at_a_look() -> None:
    rule = rule_of()
    assert rule.decide(seen_of(1000, 1000, 0)) == PASS
    assert rule.decide(seen_of(1400, 600, 0)) == FAIL
    assert rule.decide(seen_of(1150, 850, 0)) is None


def test_shots_outside_the_known_outcomes_count_as_distance() -> None:
    assert rule_of().decide(seen_of(850, 850, 300)) == FAIL


def test_between_looks_nothing_is_decided() -> None:
    """Errors are shared among the planned looks; one look more would spend what nobody has."""
    assert rule_of().decide(seen_of(200, 1600, 0)) is None
    assert rule_of().decide(seen_of(100, 900, 0)) == FAIL


def test_the_last_look_always_speaks() -> None:
    assert rule_of(looks=(300,)).decide(seen_of(172, 128, 0)) == CEILING
    assert rule_of(max_tvd=0.99, bad_tvd=1.0, looks=(1,)).decide(seen_of(1, 0, 0)) == CEILING


def test_no_second_half_cannot_fail_anything() -> None:
    """A first look of a single chunk has nobody to answer the question that it chose."""
    everything = np.array([500, 0, 0])
    assert rule_of().decide(Seen(500, everything, everything)) is None


@given(counts=st.lists(st.integers(0, 500), min_size=2, max_size=2), look=st.sampled_from([500, 2000, 8000]))
def test_the_interval_agrees_with_the_decision(counts: list[int], look: int) -> None:
    outside = min(sum(counts), look) // 50
    share = (counts[0] + 1) / (sum(counts) + 2)
    left = round(share * (look - outside))
    seen = seen_of(left, look - outside - left, outside)
    rule = rule_of()
    decision, figures = rule.decide(seen), rule.figures(seen)
    low, high = figures["tvd_interval"]
    assert 0.0 <= low <= figures["tvd"] <= high <= 1.0
    assert decision != PASS or high <= rule.bad_tvd
    assert decision != FAIL or low >= rule.max_tvd


def test_figures_of_many_outcomes_tell_noise_from_distance() -> None:
    """The plug-in distance of a perfect circuit lies at its floor, above what the interval allows."""
    p = uniform(1024)
    rule = rule_of(outcomes=tuple(map(str, range(1024))), p=p, looks=(20_000,))
    counts = np.random.default_rng(3).multinomial(20_000, p)
    figures = rule.figures(Seen(20_000, counts, counts // 2))
    assert figures["tvd_plug_in"] == pytest.approx(figures["tvd_floor"], rel=0.05)
    assert figures["tvd"] == figures["tvd_interval"][1] < figures["tvd_plug_in"]
    assert figures["tvd_interval_method"] == "split-sample/mean-gap"


def test_figures_of_a_run_that_was_cut_are_there_all_the_same() -> None:
    figures = rule_of().figures(seen_of(350, 350, 0))
    assert figures["shots"] == 700 and figures["tvd_interval"][0] == 0.0
    assert rule_of().figures(Seen.none(2))["tvd_interval"] is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_tvd": 0.0}, "max_tvd must lie between 0 and bad_tvd"),
        ({"max_tvd": 0.2}, "max_tvd must lie between 0 and bad_tvd"),
        ({"bad_tvd": 1.5}, "max_tvd must lie between 0 and bad_tvd"),
        ({"max_tvd": float("nan")}, "max_tvd must lie between 0 and bad_tvd"),
        ({"alpha": 0.0}, "alpha and beta"),
        ({"beta": 0.9}, "alpha and beta"),
        ({"looks": ()}, "looks are increasing"),
        ({"looks": (64, 64)}, "looks are increasing"),
        ({"p": np.array([0.5, 0.6, 0.0])}, "which sum to 1"),
        ({"p": np.array([0.5, 0.5])}, "2 outcomes need as many probabilities and one"),
        ({"p": np.array([0.5, float("nan"), 0.5])}, "which sum to 1"),
    ],
)
def test_what_no_rule_can_be_made_of_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        rule_of(**changes)
    assert message in str(refused.value)


@given(ceiling=st.integers(1, 100_000), first=st.integers(1, 100_000))
def test_looks_are_few_and_end_at_the_ceiling(ceiling: int, first: int) -> None:
    looks = tolerance_looks(ceiling, first)
    assert looks[-1] == ceiling and len(looks) <= 5
    assert all(1.7 * before <= after for before, after in pairwise(looks))


def plan_of(outcomes: int, ceiling: int = 20_000, **changes: Any) -> TolerancePlan:
    parameters: dict[str, Any] = {"max_tvd": 0.05, "bad_tvd": 0.1, "alpha": 0.01, "beta": 0.05}
    return plan_tolerance(uniform(outcomes), ceiling=ceiling, **{**parameters, **changes})


def test_the_plan_needs_more_shots_for_more_outcomes() -> None:
    needed = [plan_of(outcomes).needed or 0 for outcomes in (2, 32, 256, 1024)]
    assert needed == sorted(needed) and needed[0] > 3_000 and needed[-1] > 30_000


def test_the_plan_says_what_cannot_decide_and_the_way_out() -> None:
    fits, short, hopeless = plan_of(32), plan_of(32, ceiling=1_000), plan_of(1024)
    assert fits.can_decide and fits.expected < 3_000 and len(fits.notes) == 3
    assert not short.can_decide
    assert not hopeless.can_decide and hopeless.needed is not None
    assert "1024 outcomes" in hopeless.notes[0] and "group_by" in hopeless.notes[-1]
    assert f"{hopeless.needed:,} shots to fail" in hopeless.notes[2]


def test_shots_that_are_there_are_looked_at_once_with_both_errors_in_full() -> None:
    given, planned = plan_of(2, ceiling=1_000, at_once=True), plan_of(2, ceiling=1_000)
    assert given.looks == (1_000,) and not given.can_decide
    assert given.needed and planned.needed and given.needed < planned.needed
    assert len(given.notes) == 3, "none of them says that the shots decide nothing"
    rule = given.rule(("0", "1"))
    assert rule.decide(seen_of(500, 500, 0)) == PASS
    assert rule.decide(seen_of(800, 200, 0)) == FAIL


def test_a_tolerance_without_room_is_never_decided() -> None:
    """max_tvd and bad_tvd that nearly meet need more shots than there are."""
    plan = plan_of(64, max_tvd=0.1, bad_tvd=0.100001)
    assert plan.to_fail is None and not plan.can_decide
    assert any("no shots are enough" in note for note in plan.notes)


def test_large_tolerances_can_be_planned() -> None:
    plan = plan_of(4, max_tvd=0.6, bad_tvd=0.9)
    assert plan.can_decide and plan.needed is not None and plan.needed < 1_000


def test_a_certain_outcome_can_be_planned() -> None:
    """Nothing is noise where the reference has one outcome: every other shot is distance."""
    plan = plan_tolerance(np.array([1.0, 0.0]), max_tvd=0.05, bad_tvd=0.1, alpha=0.01, beta=0.05, ceiling=20_000)
    assert plan.can_decide
    rule = plan.rule(("00",))
    shots = rule.looks[-1]
    assert rule.decide(seen_of(shots, 0)) == PASS
    assert rule.decide(seen_of(shots - shots // 8, shots // 8)) == FAIL


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ceiling": 0}, "looks are increasing"),
        ({"max_tvd": 0.2}, "max_tvd must lie between"),
        ({"bad_tvd": float("nan")}, "max_tvd must lie between"),
        ({"beta": 0.0}, "alpha and beta"),
    ],
)
def test_a_plan_without_sense_is_refused_before_it_is_computed(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan_of(2, **changes)


def test_the_plan_s_rule_is_the_one_that_was_planned() -> None:
    plan = plan_of(4)
    rule = plan.rule(("00", "01", "10", "11"))
    assert (rule.looks, rule.max_tvd, rule.bad_tvd) == (plan.looks, 0.05, 0.1)
    assert rule.looks[-1] == 20_000
