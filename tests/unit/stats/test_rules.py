"""Rules are folds whose verdict, need and interval agree with each other at every stop."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.core.decision import Decision, Outcome, Rule, Tally
from pytest_llmgate.stats.design import design_sequential
from pytest_llmgate.stats.goal import RateGoal
from pytest_llmgate.stats.rules import Census, FixedRate, SequentialRate, ZeroTolerance

GOAL = RateGoal(good=0.95, bad=0.90)
SEQUENTIAL = {
    "calibrated": SequentialRate(design_sequential(GOAL)),
    "family of 6": SequentialRate(design_sequential(RateGoal(good=0.9, bad=0.7, family=6))),
    "family of 200": SequentialRate(design_sequential(RateGoal(good=0.9, bad=0.7, family=200))),
    "budget": SequentialRate(design_sequential(GOAL, 100)),
    "budget in a family": SequentialRate(design_sequential(RateGoal(good=0.95, bad=0.85, family=6), 120)),
    "even": SequentialRate(design_sequential(RateGoal(good=0.5, bad=0.3))),
    "tiny": SequentialRate(design_sequential(RateGoal(good=0.95, bad=0.3))),
}
RULES: dict[str, Rule] = {
    **SEQUENTIAL,
    "fixed": FixedRate(GOAL, 298),
    "fixed, too few": FixedRate(GOAL, 50),
    "fixed, hopeless": FixedRate(GOAL, 10),
    "fixed, perfect": FixedRate(RateGoal(good=1.0, bad=0.9), 60),
    "zero tolerance": ZeroTolerance(bad_failure=0.1),
    "zero tolerance, budget": ZeroTolerance(bad_failure=0.1, limit=10),
    "zero tolerance, fixed": ZeroTolerance(bad_failure=0.1, limit=40, fixed=True),
    "census": Census(0.9, 20),
}
by_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
by_sequential = pytest.mark.parametrize("rule", SEQUENTIAL.values(), ids=SEQUENTIAL.keys())


def fold(rule: Rule, trials: Iterator[bool | None]) -> tuple[Tally, Decision]:
    """The tally at which the rule decides, and its decision."""
    tally = Tally()
    for good in trials:
        tally = tally.add(good)
        if (decision := rule.decide(tally)) is not None:
            return tally, decision
    raise AssertionError("undecided")


def replies(seed: int, rate: float, holes: float = 0.0) -> Iterator[bool | None]:
    rng = random.Random(seed)
    while True:
        yield None if rng.random() < holes else rng.random() < rate


def every_stop(rule: SequentialRate) -> Iterator[Tally]:
    """Every tally at which a run without holes can end, found by walking all reachable ones."""
    alive = {0}
    for n in range(1, rule.ceiling + 1):
        reached = alive | {f + 1 for f in alive}
        stopped = {f for f in reached if rule.decide(Tally(n, f))}
        yield from (Tally(n, f) for f in sorted(stopped))
        alive = reached - stopped
    assert not alive


@by_rule
@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), rate=st.floats(0.0, 1.0), holes=st.sampled_from([0.0, 0.02, 0.3]))
def test_every_run_ends_by_the_ceiling(rule: Rule, seed: int, rate: float, holes: float) -> None:
    tally, decision = fold(rule, replies(seed, rate, holes))
    assert tally.n <= rule.ceiling
    assert decision.outcome in {Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE}


@by_rule
@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), rate=st.floats(0.3, 1.0), holes=st.sampled_from([0.0, 0.02]))
def test_need_is_the_exact_number_of_good_trials_to_a_decision(
    rule: Rule, seed: int, rate: float, holes: float
) -> None:
    tally = Tally()
    for good in replies(seed, rate, holes):
        need = rule.need(tally)
        assert need >= 1
        ahead = [Tally(tally.n + k, tally.failed, tally.holes) for k in range(1, need + 1)]
        assert rule.decide(ahead[-1]) is not None
        assert all(rule.decide(t) is None for t in ahead[:-1])
        tally = tally.add(good)
        if rule.decide(tally) is not None:
            return


@by_rule
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_hole_never_decides_what_its_answer_could_undo(rule: Rule, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, rule.ceiling))
    failed = data.draw(st.integers(0, min(n, 40)))
    holes = data.draw(st.integers(1, 5).filter(lambda h: failed + h <= n) if failed < n else st.just(0))
    decision = rule.decide(Tally(n, failed, holes))
    if decision is None:
        return
    if decision.outcome is Outcome.PASS:
        worst = rule.decide(Tally(n, failed + holes))
        assert worst is not None and worst.outcome is Outcome.PASS
    if decision.outcome is Outcome.FAIL:
        best = rule.decide(Tally(n, failed))
        assert best is not None and best.outcome is Outcome.FAIL


@by_sequential
def test_the_interval_agrees_with_the_decision_at_every_stop(rule: SequentialRate) -> None:
    goal = rule.goal
    stops = list(every_stop(rule))
    for tally in stops[:: max(1, len(stops) // 150)] + stops[-3:]:
        decision, interval = rule.decide(tally), rule.interval(tally)
        assert decision is not None
        undecided = decision.outcome is Outcome.INCONCLUSIVE  # the ceiling was too low: a run limited by budget
        assert interval.method == ("robbins" if undecided else "stagewise")
        assert 0.0 <= interval.lower <= interval.upper <= 1.0
        assert interval.confidence == (1 - goal.beta, 1 - goal.alpha_used)
        if decision.outcome is Outcome.PASS:
            assert interval.lower >= goal.bad
        if decision.outcome is Outcome.FAIL:
            assert interval.upper <= goal.good


@by_sequential
@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), rate=st.floats(0.3, 1.0))
def test_the_interval_agrees_with_the_decision_with_holes(rule: SequentialRate, seed: int, rate: float) -> None:
    tally, decision = fold(rule, replies(seed, rate, holes=0.03))
    interval = rule.interval(tally)
    assert 0.0 <= interval.lower <= interval.upper <= 1.0
    if decision.outcome is Outcome.PASS:
        assert interval.lower >= rule.goal.bad
    if decision.outcome is Outcome.FAIL:
        assert interval.upper <= rule.goal.good
    if tally.holes:
        assert interval.method == ("robbins" if decision.outcome is Outcome.INCONCLUSIVE else "stagewise+robbins")


@by_sequential
def test_stagewise_bounds_fall_as_outcomes_get_worse(rule: SequentialRate) -> None:
    passes = [t for t in every_stop(rule) if _outcome(rule, t) is Outcome.PASS and t.n < rule.ceiling]
    lowers = [rule.interval(t).lower for t in passes[:: max(1, len(passes) // 20)]]
    assert lowers == sorted(lowers, reverse=True)
    fails = [t for t in every_stop(rule) if _outcome(rule, t) is Outcome.FAIL]
    uppers = [rule.interval(t).upper for t in fails[:: max(1, len(fails) // 20)]]
    assert uppers == sorted(uppers)


def _outcome(rule: Rule, tally: Tally) -> Outcome:
    decision = rule.decide(tally)
    assert decision is not None
    return decision.outcome


def test_58_of_58_passes_with_an_interval_above_bad() -> None:
    rule = SEQUENTIAL["calibrated"]
    assert rule.decide(Tally(57, 0)) is None
    assert rule.decide(Tally(58, 0)) == Decision(Outcome.PASS, "boundary")
    assert rule.interval(Tally(58, 0)).lower == pytest.approx(0.9497, abs=1e-4)
    assert rule.interval(Tally(58, 0)).upper == 1.0
    assert not rule.any_time
    assert SEQUENTIAL["budget"].any_time


def test_a_calibrated_design_decides_at_its_ceiling() -> None:
    rule = SEQUENTIAL["calibrated"]
    assert rule.decide(Tally(373, 26)) == Decision(Outcome.PASS, "boundary")
    assert rule.decide(Tally(373, 27)) == Decision(Outcome.FAIL, "boundary")
    assert rule.decide(Tally(373, 400)) == Decision(Outcome.FAIL, "boundary")


def test_holes_are_bracketed_and_never_decided_by_truncation() -> None:
    rule = SEQUENTIAL["calibrated"]
    assert rule.decide(Tally(58, 0, 1)) is None
    assert rule.decide(Tally(71, 0, 1)) is None
    first = next(n for n in range(58, 374) if rule.decide(Tally(n, 0, 1)))
    assert first == rule.design.bounds.pass_from[1]
    assert rule.decide(Tally(first, 0, 1)) == Decision(Outcome.PASS, "boundary")
    assert rule.decide(Tally(373, 25, 2)) == Decision(Outcome.INCONCLUSIVE, "ceiling")
    assert rule.decide(Tally(10, 7, 3)) == Decision(Outcome.FAIL, "boundary")


def test_a_cut_run_reports_the_sequence_that_holds_at_every_stop() -> None:
    rule = SEQUENTIAL["calibrated"]
    interval = rule.interval(Tally(40, 1), cut=True)
    assert interval.method == "robbins"
    assert interval.lower < 0.9 < interval.upper
    assert rule.interval(Tally(), cut=True)[:2] == (0.0, 1.0)


@pytest.mark.parametrize("trials", [1, 5, 29, 50, 298, 500])
@pytest.mark.parametrize("family", [1, 20])
@pytest.mark.parametrize("good", [0.95, 1.0])
def test_fixed_n_agrees_with_its_interval(trials: int, family: int, good: float) -> None:
    goal = RateGoal(good=good, bad=0.9, family=family)
    rule = FixedRate(goal, trials)
    assert rule.decide(Tally(trials - 1, 0)) is None
    assert rule.most_passing == FixedRate(RateGoal(good=good, bad=0.9), trials).most_passing
    for failed in range(min(trials, 60) + 1):
        decision, interval = rule.decide(Tally(trials, failed)), rule.interval(Tally(trials, failed))
        assert decision is not None and decision.stop_reason == "fixed"
        if decision.outcome is Outcome.PASS:
            assert interval.lower >= goal.bad
        if decision.outcome is Outcome.FAIL:
            assert interval.upper <= goal.good
        if good == 1.0 and failed:
            assert decision.outcome is Outcome.FAIL


def test_too_few_fixed_trials_can_never_pass() -> None:
    rule = FixedRate(GOAL, 28)
    assert rule.most_passing == -1
    assert rule.decide(Tally(28, 0)) == Decision(Outcome.INCONCLUSIVE, "fixed")
    assert FixedRate(GOAL, 29).decide(Tally(29, 0)) == Decision(Outcome.PASS, "fixed")
    assert FixedRate(GOAL, 29).decide(Tally(29, 0, 1)) == Decision(Outcome.INCONCLUSIVE, "fixed")


def test_zero_tolerance_fails_at_the_first_violation_and_passes_299_clean_trials() -> None:
    rule = ZeroTolerance()
    assert rule.ceiling == rule.needed == 299
    assert rule.decide(Tally(1, 1)) == Decision(Outcome.FAIL, "violation")
    assert rule.decide(Tally(298, 0)) is None
    assert rule.decide(Tally(299, 0)) == Decision(Outcome.PASS, "boundary")
    assert rule.decide(Tally(299, 0, 1)) == Decision(Outcome.INCONCLUSIVE, "holes")
    assert rule.decide(Tally(200, 1, 5)) == Decision(Outcome.FAIL, "violation")
    assert rule.interval(Tally(299, 0)).lower >= 0.99
    assert rule.interval(Tally(7, 1)).upper < 1.0
    assert rule.interval(Tally(1, 1)).lower == 0.0


def test_zero_tolerance_below_its_need_is_inconclusive_at_best() -> None:
    rule = ZeroTolerance(limit=100)
    assert rule.decide(Tally(100, 0)) == Decision(Outcome.INCONCLUSIVE, "ceiling")
    looked = ZeroTolerance(limit=400, fixed=True)
    assert looked.decide(Tally(399, 2)) is None
    assert looked.decide(Tally(400, 2)) == Decision(Outcome.FAIL, "violation")
    assert looked.decide(Tally(400, 0)) == Decision(Outcome.PASS, "fixed")
    assert not looked.any_time


def test_a_census_is_the_whole_truth() -> None:
    rule = Census(0.9, 20)
    assert rule.decide(Tally(19, 0)) is None
    assert rule.decide(Tally(20, 2)) == Decision(Outcome.PASS, "census")
    assert rule.decide(Tally(20, 3)) == Decision(Outcome.FAIL, "census")
    assert rule.decide(Tally(20, 2, 1)) == Decision(Outcome.INCONCLUSIVE, "census")
    assert rule.interval(Tally(20, 2)) == (0.9, 0.9, "census", (1.0, 1.0))
    assert rule.interval(Tally(20, 2, 1))[:2] == (0.85, 0.9)
    assert rule.interval(Tally(10, 1), cut=True)[:2] == (0.45, 0.95)
    assert Census(1 - 0.7, 10).decide(Tally(10, 7)) == Decision(Outcome.PASS, "census")
    assert Census(1.0, 5).decide(Tally(5, 0)) == Decision(Outcome.PASS, "census")


def test_impossible_rules_are_refused() -> None:
    for build in (
        lambda: FixedRate(GOAL, 0),
        lambda: ZeroTolerance(limit=0),
        lambda: ZeroTolerance(bad_failure=0.0),
        lambda: Census(0.9, 0),
        lambda: Census(1.2, 4),
    ):
        with pytest.raises(ValueError):
            build()
