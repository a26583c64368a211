"""Chunks of shots, arm by arm: what is asked for, in which order it is folded, and how a test ends."""

from __future__ import annotations

import random

import pytest
import shot_samples as samples
from hypothesis import given
from hypothesis import strategies as st
from shot_samples import (
    COIN,
    LOADED,
    OneLook,
    arm,
    chunk,
    failed,
    gate,
    one_gate,
    plan,
    run_through,
)

from pytest_llmgate.core.circuit import SWITCHED
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.engine.circuit_stream import ArmsGate, CircuitStream
from pytest_llmgate.engine.shots import OutcomeFold


def outcome_of(window: CircuitStream) -> tuple[Outcome, str]:
    decision = window.gates[0].decision
    assert decision is not None
    return decision.outcome, decision.stop_reason


def test_a_good_coin_passes_and_a_loaded_one_fails() -> None:
    good, bad = one_gate(samples.coin_rule()), one_gate(samples.coin_rule())
    run_through(good)
    run_through(bad, LOADED)
    assert outcome_of(good) == (Outcome.PASS, "boundary")
    assert outcome_of(bad) == (Outcome.FAIL, "boundary")


def test_an_arm_has_one_chunk_under_way_because_the_next_may_not_matter() -> None:
    window = one_gate(OneLook(128), OneLook(128), arms=[arm("a", (64, 128)), arm("b", (64, 128))])
    first, second = window.next(), window.next()
    assert first is not None
    assert second is not None
    assert {first.case, second.case} == {0, 1}
    assert window.next() is None
    assert window.outstanding == 2


def test_indices_have_no_gaps_although_decided_arms_are_left_out() -> None:
    """What was recorded is found again by its index."""
    window = one_gate(OneLook(64), OneLook(192), arms=[arm("a"), arm("b")])
    rows = []
    while (trial := window.next()) is not None:
        rows.append((trial.index, trial.case))
        window.put(chunk(window, trial, COIN))
    assert [index for index, _ in rows] == list(range(4))
    assert [case for _, case in rows].count(0) == 1


def test_no_shot_is_drawn_beyond_the_decision() -> None:
    window = one_gate(OneLook(64), arms=[arm(totals=(64, 128, 4096))])
    assert run_through(window) == 1
    assert window.evidence.shots == 64


def test_a_baseline_that_is_to_be_counted_gets_all_of_its_shots() -> None:
    made = plan()
    fold = OutcomeFold(made.gates[0], 0, OneLook(64))
    window = CircuitStream(made, [arm(totals=(64, 128, 512))], [ArmsGate(made.gates[0], [fold])], wanted=512)
    run_through(window)
    assert window.evidence.shots == 512
    assert sum(window.drawn(0).values()) == 512
    assert fold.shots == 64


@given(st.randoms(use_true_random=False))
def test_the_order_of_completion_changes_nothing(order: random.Random) -> None:
    def decided(shuffle: bool) -> list[tuple[object, ...]]:
        rules = [samples.coin_rule(), samples.coin_rule(beta=0.01)]
        window = one_gate(*rules, arms=[arm("a", rules[0].looks), arm("b", rules[1].looks)])
        while not window.done:
            batch = []
            while (trial := window.next()) is not None:
                batch.append(chunk(window, trial, COIN))
            if shuffle:
                order.shuffle(batch)
            for row in batch:
                window.put(row)
        return [(fold.decision, fold.shots, dict(window.drawn(fold.arm))) for fold in window.gates[0].folds]

    assert decided(True) == decided(False)


def test_adding_a_noise_level_changes_no_other_levels_seeds() -> None:
    def seeds(*arms: object) -> list[int]:
        window = one_gate(*(OneLook(192) for _ in arms), arms=list(arms))
        found = []
        while (trial := window.next()) is not None:
            found += [trial.seed] if window.arms[trial.case].id == "c" else []
            window.put(chunk(window, trial, COIN))
        return found

    assert seeds(arm("c")) == seeds(arm("c"), arm("c|noise×2", scale=2.0))


def test_the_first_failure_ends_a_test() -> None:
    window = one_gate(OneLook(64, Outcome.FAIL), OneLook(192), arms=[arm("a"), arm("b")])
    run_through(window)
    assert window.ended == "first-fail"
    assert outcome_of(window)[0] is Outcome.FAIL


def test_levels_of_noise_go_on_after_a_failure_to_find_the_first_that_fails() -> None:
    arms = [arm("a"), arm("b", scale=2.0)]
    window = one_gate(OneLook(192), OneLook(64, Outcome.FAIL), arms=arms)
    run_through(window)
    assert [fold.decision.outcome for fold in window.gates[0].folds if fold.decision] == [Outcome.PASS, Outcome.FAIL]


def test_a_chunk_that_could_not_be_drawn_ends_the_test_as_an_error() -> None:
    window = one_gate(samples.coin_rule())
    trial = window.next()
    assert trial is not None
    window.put(failed(window, trial, "job-failed: the device died"))
    assert outcome_of(window) == (Outcome.ERROR, "error")
    assert window.evidence.problems == ["job-failed: the device died"]


def test_a_spent_budget_leaves_the_gate_undecided() -> None:
    window = one_gate(samples.coin_rule())
    trial = window.next()
    assert trial is not None
    window.put(failed(window, trial, "budget: 8,000 shots are spent"))
    assert outcome_of(window) == (Outcome.INCONCLUSIVE, "budget")


@pytest.mark.parametrize("reason", ["interrupted", "budget"])
def test_a_cut_leaves_what_is_undecided_so(reason: str) -> None:
    window = one_gate(samples.coin_rule())
    window.cut(reason)
    assert window.done
    assert outcome_of(window) == (Outcome.INCONCLUSIVE, reason)


def test_a_stand_in_starts_all_streams_anew_and_never_mixes() -> None:
    """Two chunks of the device, then the switch; a late chunk of the device is dropped."""
    rules = [samples.coin_rule(), samples.coin_rule()]
    window = one_gate(*rules, arms=[arm("a", rules[0].looks), arm("b", rules[1].looks)])
    for _ in range(2):
        trial = window.next()
        assert trial is not None
        window.put(chunk(window, trial, COIN))
    one, late = window.next(), window.next()
    assert one is not None
    assert late is not None
    row = chunk(window, late, LOADED)
    window.put(failed(window, one, "switched: fell back, as the device died"))
    window.put(row)
    assert window.evidence.on_fallback
    assert window.evidence.shots == 0
    run_through(window, COIN, fallback=True)
    assert outcome_of(window)[0] is Outcome.PASS
    assert window.row()["fallback"] is True


def test_a_gate_that_is_settled_needs_no_shots() -> None:
    made = plan()
    window = CircuitStream(made, [arm(totals=())], [ArmsGate(made.gates[0], [samples.settled(Outcome.PASS)])])
    assert window.done
    assert window.next() is None


def test_a_settled_failure_stops_the_others() -> None:
    made = plan(gate("same"), gate("equal"))
    folds = [OutcomeFold(made.gates[0], 0, OneLook(64)), samples.settled(Outcome.FAIL)]
    window = CircuitStream(made, [arm()], [ArmsGate(g, [f]) for g, f in zip(made.gates, folds, strict=True)])
    assert window.ended == "first-fail"


def played_back(window: CircuitStream, rows: list[TrialRecord]) -> list[dict[str, int]]:
    """Fold recorded chunks one by one, as they are asked for; the counts of every arm."""
    left = iter(rows)
    while (trial := window.next()) is not None:
        row = next(left)
        assert (row.trial.index, row.trial.seed) == (trial.index, trial.seed)
        window.put(row)
    return [dict(window.drawn(place)) for place in range(len(window.arms))]


def three_arms() -> CircuitStream:
    """One arm is decided early, two need all of their shots."""
    totals = (64, 128, 512)
    return one_gate(
        OneLook(64), OneLook(512), OneLook(512), arms=[arm("a", totals), arm("b", totals), arm("c", totals)]
    )


@pytest.mark.parametrize("breaks_at", range(7))
def test_a_run_that_changed_to_its_stand_in_is_folded_again_the_same(breaks_at: int) -> None:
    """Chunks of other arms are under way when one brings the change: none of them is counted, live or again."""
    live, rows = three_arms(), []
    on_stand_in = False
    while not live.done:
        batch = []
        while (trial := live.next()) is not None:
            if trial.index == breaks_at:
                batch.append(failed(live, trial, f"{SWITCHED}: fell back, as it broke"))
                on_stand_in = True  # what is asked from now on comes from the stand-in, at the sizes known so far
            else:
                batch.append(chunk(live, trial, COIN, **({"fallback": True} if on_stand_in else {})))
        rows += batch
        for row in reversed(batch):
            live.put(row)
    assert live.evidence.on_fallback
    assert [sum(live.drawn(place).values()) for place in range(3)] == [64, 512, 512]
    assert played_back(three_arms(), rows) == [dict(live.drawn(place)) for place in range(3)]
