"""Designs keep their exact errors, and what lets a build pass does not depend on the family."""

from __future__ import annotations

import json
import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.stats.design import SequentialDesign, design_sequential
from pytest_llmgate.stats.goal import RateGoal, llr
from pytest_llmgate.stats.looks import fixed_n, natural_ceiling

PAIRS = [(0.95, 0.90), (0.95, 0.85), (0.9, 0.8), (0.98, 0.95), (0.99, 0.95), (0.5, 0.4)]


@st.composite
def goals(draw: st.DrawFn) -> RateGoal:
    """Goals from near to far apart, over the whole range of rates and error rates."""
    good = draw(st.floats(0.2, 0.995))
    bad = good * draw(st.floats(0.2, 0.85)) if good < 0.8 else 1 - (1 - good) * draw(st.floats(1.8, 4.0))
    return RateGoal(
        good=good,
        bad=max(0.01, min(bad, good - 0.01)),
        alpha=draw(st.sampled_from([0.01, 0.05, 0.1, 0.2])),
        beta=draw(st.sampled_from([0.01, 0.05, 0.1, 0.2])),
        family=draw(st.sampled_from([1, 2, 6, 200])),
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(goals())
def test_exact_errors_of_any_calibrated_design_are_within_the_goal(goal: RateGoal) -> None:
    design = design_sequential(goal)
    assert design.calibrated
    assert design.oc(goal.good).p_fail <= goal.alpha_used * (1 + 1e-9)
    assert design.oc(goal.bad).p_pass <= goal.beta * (1 + 1e-9)
    assert design.oc(goal.good).p_inconclusive == 0.0


@settings(max_examples=40, deadline=None, derandomize=True)
@given(goals(), st.integers(1, 400))
def test_a_budget_keeps_both_errors_and_its_ceiling(goal: RateGoal, ceiling: int) -> None:
    design = design_sequential(goal, ceiling)
    assert design.ceiling <= ceiling
    assert design.oc(goal.good).p_fail <= goal.alpha_used * (1 + 1e-9)
    assert design.oc(goal.bad).p_pass <= goal.beta * (1 + 1e-9)


@pytest.mark.parametrize(("good", "bad"), PAIRS)
@pytest.mark.parametrize("ceiling", [None, 60, 150, 400, 2000])
def test_the_pass_boundary_is_the_same_in_every_family(good: float, bad: float, ceiling: int | None) -> None:
    designs = [design_sequential(RateGoal(good=good, bad=bad, family=m), ceiling) for m in (1, 6, 200)]
    assert len({design.lower for design in designs}) == 1
    shortest = min(designs, key=lambda d: len(d.bounds.pass_from)).bounds.pass_from
    assert all(design.bounds.pass_from[: len(shortest)] == shortest for design in designs)
    assert designs[0].lower >= math.log(1 / 0.05)


def test_58_of_58_rules_out_90_percent() -> None:
    design = design_sequential(RateGoal(good=0.95, bad=0.90))
    assert design.bounds.pass_from[0] == 58
    assert design.ceiling == natural_ceiling(design.goal) == 373
    assert design.cut == 26


@pytest.mark.parametrize(("good", "bad"), PAIRS)
@pytest.mark.parametrize("family", [1, 6, 200])
def test_boundaries_are_monotone_and_follow_the_likelihood_ratio(good: float, bad: float, family: int) -> None:
    design = design_sequential(RateGoal(good=good, bad=bad, family=family))
    limits = design.bounds
    assert list(limits.pass_from) == sorted(set(limits.pass_from))
    assert list(limits.fail_until) == sorted(limits.fail_until)
    for f, n in enumerate(limits.pass_from):
        assert llr(design.goal, f, n) <= -design.lower + 1e-9
        assert llr(design.goal, f, n - 1) > -design.lower
        last = limits.fail_until[f]
        if f <= last < design.ceiling:
            assert llr(design.goal, f, last) >= design.upper - 1e-9
            assert llr(design.goal, f, last + 1) < design.upper


@pytest.mark.parametrize(("good", "bad"), PAIRS)
def test_a_ceiling_below_the_natural_one_gives_the_version_valid_at_any_stop(good: float, bad: float) -> None:
    goal = RateGoal(good=good, bad=bad)
    short = design_sequential(goal, natural_ceiling(goal) - 1)
    assert not short.calibrated
    assert short.cut is None
    assert (short.upper, short.lower) == (math.log(20), math.log(20))
    assert design_sequential(goal, natural_ceiling(goal)) == design_sequential(goal)


def test_a_design_survives_json() -> None:
    for ceiling in (None, 40):
        design = design_sequential(RateGoal(good=0.9, bad=0.8, family=3), ceiling)
        assert SequentialDesign.from_json(json.loads(json.dumps(design.to_json()))) == design


@pytest.mark.parametrize("family", [1, 6, 200])
def test_fixed_n_is_minimal_by_brute_force(family: int) -> None:
    goal = RateGoal(good=0.9, bad=0.7, family=family)
    n, c = fixed_n(goal)
    assert [_some_cut(goal, m) for m in range(1, n)] == [None] * (n - 1)
    assert _some_cut(goal, n) == c


def _some_cut(goal: RateGoal, n: int) -> int | None:
    def below(c: int, q: float) -> float:
        return math.fsum(math.comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(c + 1))

    for c in range(n):
        if 1 - below(c, 1 - goal.good) <= goal.alpha_used and below(c, 1 - goal.bad) <= goal.beta:
            return c
    return None


def test_a_huge_design_takes_seconds_and_little_memory() -> None:
    start = time.process_time()
    design = design_sequential(RateGoal(good=0.999, bad=0.998, family=200))
    assert time.process_time() - start < 10.0
    assert design.ceiling == 3 * 36635


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"good": 0.9, "bad": 0.95}, "below the good one"),
        ({"good": 0.9, "bad": 0.9}, "below the good one"),
        ({"good": 1.1, "bad": 0.9}, "at most at 1"),
        ({"good": 0.9, "bad": 0.0}, "above 0"),
        ({"good": float("nan"), "bad": 0.5}, "good success rate"),
        ({"good": 0.9, "bad": 0.8, "alpha": 0.0}, "alpha"),
        ({"good": 0.9, "bad": 0.8, "beta": 0.6}, "beta"),
        ({"good": 0.9, "bad": 0.8, "family": 0}, "family"),
    ],
)
def test_impossible_goals_are_refused(arguments: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        RateGoal(**arguments)  # type: ignore[arg-type]


def test_a_design_without_room_for_failures_is_refused() -> None:
    with pytest.raises(ValueError, match="zero-tolerance"):
        design_sequential(RateGoal(good=1.0, bad=0.9))
    with pytest.raises(ValueError, match="at least 1 trial"):
        design_sequential(RateGoal(good=0.9, bad=0.8), 0)
