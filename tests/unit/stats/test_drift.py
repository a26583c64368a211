"""Drift: no alarm sooner than promised while nothing changes, however runs stop, and soon where something does."""

from __future__ import annotations

import math
import random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.decision import Tally
from pytest_llmgate.stats.design import design_sequential
from pytest_llmgate.stats.drift import DriftDetector, DriftState
from pytest_llmgate.stats.goal import RateGoal, llr
from pytest_llmgate.stats.rules import SequentialRate

GOAL = RateGoal(good=0.95, bad=0.90)
ratios = st.floats(min_value=-50, max_value=50)


def fixed_run(rng: random.Random, rate: float, k: int) -> float:
    """The log likelihood ratio of k trials."""
    return llr(GOAL, sum(rng.random() >= rate for _ in range(k)), k)


def runs_to_alarm(
    detector: DriftDetector, rng: random.Random, rate: float, k: int, most: int = 600, good: int = 0
) -> int:
    """How many runs at a rate there are up to the alarm, at most `most`. good: runs before them at the good rate."""
    state = DriftState()
    while state.runs < good:
        state = detector.after(state, fixed_run(rng, GOAL.good, k))
        state = DriftState() if state.drifting else state
    for number in range(1, most + 1):
        state = detector.after(state, fixed_run(rng, rate, k))
        if state.drifting:
            return number
    return most


@pytest.mark.parametrize("k", [5, 20])
def test_without_a_change_the_mean_run_length_is_at_least_the_threshold(k: int) -> None:
    """Threshold 100, runs cut off at 600, which only lowers the mean: measured 138 and 172, standard error 9 at most.
    Another seed would fail in 1 of 100,000."""
    rng = random.Random(1)
    assert fmean(runs_to_alarm(DriftDetector(100.0), rng, GOAL.good, k) for _ in range(300)) >= 100.0


@pytest.mark.parametrize(("k", "research"), [(20, 12.5), (50, 6.2)])
def test_a_rate_that_became_bad_is_seen_soon(k: int, research: float) -> None:
    """Threshold 1000, from .95 to .90 after 50 good runs; the delays in runs that were measured before, within a tenth
    (a standard error here is 2 %)."""
    rng = random.Random(2)
    delays = [runs_to_alarm(DriftDetector(), rng, GOAL.bad, k, good=50) for _ in range(1000)]
    assert fmean(delays) == pytest.approx(research, rel=0.1)


def test_runs_that_stop_early_keep_the_promise() -> None:
    """The likelihood ratio at the gate's own stop has mean 1: exactly, and so the promise does not depend on it.

    Exact: the sum over all paths of P_good(path) e^llr(path) is the sum of P_bad(path), which is 1.
    """
    rule = SequentialRate(design_sequential(GOAL))
    paths = {Tally(): (1.0, 1.0)}  # probability under good, and under bad
    total_good = total_ratio = 0.0
    while paths:
        after: dict[Tally, tuple[float, float]] = {}
        for tally, (good, bad) in paths.items():
            if tally.n and rule.decide(tally) is not None:
                total_good += good
                total_ratio += good * math.exp(llr(GOAL, tally.failed, tally.n))
                continue
            for hit, p, q in ((True, GOAL.good, GOAL.bad), (False, 1 - GOAL.good, 1 - GOAL.bad)):
                known = after.get(tally.add(hit), (0.0, 0.0))
                after[tally.add(hit)] = (known[0] + good * p, known[1] + bad * q)
        paths = after
    assert total_good == pytest.approx(1.0, abs=1e-9)
    assert total_ratio == pytest.approx(1.0, abs=1e-9)


@given(st.lists(ratios, max_size=60))
def test_the_statistic_is_shiryaev_and_roberts_cut_off_at_the_threshold(values: list[float]) -> None:
    detector, state, m = DriftDetector(50.0), DriftState(), 0.0
    for value in values:
        state = detector.after(state, value)
        m = min((1.0 + m) * math.exp(value), 50.0)
        assert math.exp(state.log_m) == pytest.approx(m, rel=1e-6, abs=1e-12)
    assert state.runs == len(values)


@given(st.lists(ratios, max_size=60))
def test_an_alarm_begins_at_the_threshold_and_ends_below_one(values: list[float]) -> None:
    detector, state = DriftDetector(50.0), DriftState()
    for value in values:
        before, state = state, detector.after(state, value)
        if state.log_m >= math.log(50.0):
            assert state.drifting
        elif state.drifting:
            assert before.drifting and state.log_m >= 0.0
        assert 0 <= state.since < state.runs


@given(st.lists(ratios, max_size=30), st.floats(min_value=0, max_value=5))
def test_worse_runs_never_lower_the_statistic(values: list[float], worse: float) -> None:
    detector, mild, hard = DriftDetector(), DriftState(), DriftState()
    for value in values:
        mild, hard = detector.after(mild, value), detector.after(hard, value + worse)
        assert hard.log_m >= mild.log_m - 1e-9


def test_a_change_is_dated_to_where_the_evidence_began_to_rise() -> None:
    detector, state = DriftDetector(), DriftState()
    for value in [-3.0] * 10 + [3.0] * 4:
        state = detector.after(state, value)
    assert (state.drifting, state.since) == (True, 10)
    for _ in range(2):
        state = detector.after(state, -3.0)
    assert (state.drifting, state.since) == (True, 10)
    for _ in range(2):
        state = detector.after(state, -3.0)
    assert not state.drifting


@pytest.mark.parametrize("length", [0.0, 0.99, -5.0, math.inf, math.nan])
def test_what_is_no_mean_run_length_is_refused(length: float) -> None:
    with pytest.raises(ValueError, match="mean run length"):
        DriftDetector(length)
