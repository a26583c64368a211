"""The ordered window of a test: laws 1, 3, 5 and 6 of the engine."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from engine_samples import cases, gate, outcomes, plan, prompt_plan, record, run_through, stream
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.core.decision import Outcome, Tally
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.engine.decide import decide_test
from pytest_llmgate.engine.stream import HOPELESS, TestStream

TWO = (gate("loose"), gate("strict", good=0.95, bad=0.8))
answers = st.lists(st.sampled_from([True, True, True, True, False, None]), min_size=60, max_size=60)
tests_ = st.builds(
    lambda count, cover, stop, ceiling: plan(
        *TWO, cases=cases(count), cover=cover, stop=stop, trials=ceiling, max_errors=0.5
    ),
    st.integers(1, 30), st.sampled_from(["each", "sample"]), st.sampled_from(["first-fail", "all"]),
    st.sampled_from([1, 9, 25, 60]),
)  # fmt: skip


def outside_in(test: TestPlan, given_answers: list[Any], in_flight: int, choose: Any) -> tuple[TestStream, int]:
    """Complete trials in the order that `choose` says, with at most `in_flight` under way."""
    window, waiting, sent = stream(test), [], 0
    while True:
        while len(waiting) < in_flight and (trial := window.next()) is not None:
            sent += 1
            waiting.append(trial)
        if not waiting:
            return window, sent
        trial = waiting.pop(choose(len(waiting)))
        window.put(record(test, trial, given_answers[trial.index], latency_ms=float(trial.index)))


@settings(max_examples=150, deadline=None)
@given(tests_, answers, st.integers(1, 20), st.randoms(use_true_random=False))
def test_any_order_of_completion_gives_the_same_verdict(test: TestPlan, said: list[Any], many: int, rng: Any) -> None:
    """Law 1: verdict, trials, evidence and latencies are those of one trial after another."""
    alone, asked = outside_in(test, said, 1, lambda _: 0)
    mixed, sent = outside_in(test, said, many, lambda count: rng.randrange(count))
    assert decide_test(mixed) == decide_test(alone)
    assert mixed.evidence.latencies("good") == alone.evidence.latencies("good")
    assert mixed.folded == alone.folded == asked <= sent


@settings(max_examples=100, deadline=None)
@given(tests_, answers)
def test_no_trial_is_sent_that_cannot_matter(test: TestPlan, said: list[Any]) -> None:
    """Law 3: however many may be in flight, the last one sent is the first at which all gates could be decided."""
    window, sent = stream(test), list[Any]()
    while not window.done:
        wanted = max((all_good_from(fold) for fold in window.gates if fold.decision is None), default=0)
        cover = min(len(test.cases), test.trials) if test.cover == "each" else 0
        while (trial := window.next()) is not None:
            assert trial.index < min(max(window.folded + wanted, cover), test.trials)
            sent.append(trial)
        nxt = sent[window.folded]
        window.put(record(test, nxt, said[nxt.index]))


def all_good_from(fold: Any) -> int:
    """Good trials in a row that decide a gate, by asking its rule."""
    tally, further = fold.tally, 0
    while fold.rule.decide(tally) is None:
        tally, further = tally.add(True), further + 1
    return further


def test_a_clear_pass_costs_what_the_rule_needs_and_a_fail_ends_at_once() -> None:
    good, bad = stream(plan()), stream(plan())
    assert run_through(good, lambda _: True) == 13
    assert outcomes(good) == ["pass boundary"]
    assert run_through(bad, lambda _: False) == 3
    assert outcomes(bad) == ["fail boundary"]


def test_the_ceiling_ends_undecided_gates_inconclusive() -> None:
    window = stream(plan(trials=8))
    assert run_through(window, lambda _: True) == 8
    assert outcomes(window) == ["inconclusive ceiling"]


def test_no_pass_before_every_case_has_run() -> None:
    many = cases(30)
    each, sample = stream(plan(cases=many)), stream(plan(cases=many, cover="sample"))
    assert (run_through(each, lambda _: True), each.evidence.cases) == (30, 30)
    assert (run_through(sample, lambda _: True), sample.evidence.cases) == (13, 13)
    assert each.gates[0].tally.n == 13  # frozen at its own stop
    assert each.gates[0].seen.n == 30


def test_a_pass_that_not_all_cases_saw_is_no_pass_when_the_run_is_cut() -> None:
    window = stream(plan(cases=cases(30)))
    for _ in range(20):
        window.put(record(window.plan, window.next(), True))  # type: ignore[arg-type]
    assert outcomes(window) == ["pass boundary"]
    window.cut("budget")
    assert outcomes(window) == ["inconclusive budget"]


def test_first_fail_ends_the_test_and_all_goes_on() -> None:
    def half(_: Any) -> dict[str, bool]:
        return {"loose": False, "strict": True}

    first, everything = stream(plan(*TWO)), stream(plan(*TWO, stop="all"))
    run_through(first, half)
    run_through(everything, half)
    assert outcomes(first) == ["fail boundary", "inconclusive first-fail"]
    assert outcomes(everything) == ["fail boundary", "pass boundary"]


def test_a_gate_that_does_not_block_does_not_end_the_test() -> None:
    window = stream(plan(gate("loose", severity="info"), TWO[1]))
    run_through(window, lambda _: {"loose": False, "strict": True})
    assert outcomes(window) == ["fail boundary", "pass boundary"]
    assert decide_test(window).verdict is Outcome.PASS


def test_one_hole_is_bracketed_and_the_gate_still_decides() -> None:
    window = stream(plan(max_errors=0.2))
    run_through(window, lambda trial: None if trial.index == 2 else True)
    assert outcomes(window) == ["pass boundary"]
    assert window.gates[0].tally.holes == 1
    assert window.folded > 13  # the hole counts as a failure for passing


def test_a_hole_is_neither_a_failure_nor_a_pass() -> None:
    every_third = stream(plan(max_errors=1.0))
    run_through(every_third, lambda trial: None if trial.index % 3 == 0 else True)
    assert outcomes(every_third) == ["inconclusive ceiling"]
    tally = every_third.gates[0].tally
    assert tally == Tally(tally.n, 0, len([i for i in range(tally.n) if i % 3 == 0]))


def test_more_errors_than_allowed_end_the_test_as_an_error() -> None:
    window = stream(plan(max_errors=0.05))  # 3 of 60
    asked = run_through(window, lambda trial: None if trial.index % 2 else True, error="transport: reset")
    assert asked == 8
    assert outcomes(window) == ["error error"]
    assert decide_test(window).verdict is Outcome.ERROR


def test_a_start_without_hope_ends_early_whatever_the_ceiling() -> None:
    window = stream(plan(trials=5000, max_errors=0.05))
    assert run_through(window, lambda _: None, error="refused: 401") == HOPELESS
    assert outcomes(window) == ["error error"]
    assert "refused: 401" in decide_test(window).gates[0].reason


def test_a_measure_that_never_answers_is_as_hopeless_as_a_model_that_does_not() -> None:
    """Its trials have replies and no error: they were paid for to the ceiling, and nobody said why."""
    window = stream(plan(trials=5000))
    asked = run_through(window, lambda _: None, reasons={"good": "the measure raised KeyError: 'total'"})
    assert asked == HOPELESS
    assert "KeyError: 'total'" in decide_test(window).gates[0].reason


def test_holes_of_a_gate_that_does_not_block_do_not_end_the_test() -> None:
    window = stream(plan(gate("extra", severity="info"), gate("good")))
    run_through(window, lambda _: {"extra": None, "good": True})
    assert outcomes(window)[1] == "pass boundary"
    assert decide_test(window).verdict is Outcome.PASS


def test_a_failure_that_is_proved_stays_one_among_errors() -> None:
    window = stream(plan(max_errors=0.01))
    run_through(window, lambda trial: False if trial.index < 3 else None)
    assert decide_test(window).verdict is Outcome.FAIL


def test_a_fatal_error_ends_the_test_once_it_counts() -> None:
    window = stream(plan())
    first, second = window.next(), window.next()
    assert first is not None
    assert second is not None
    window.put(record(window.plan, second, None, error="missing-recording: x", fatal=True))
    assert not window.done  # an earlier trial may yet make it not count
    window.put(record(window.plan, first, True))
    assert outcomes(window) == ["error error"]


def test_a_fatal_error_beyond_the_decision_does_not_count() -> None:
    window = stream(plan())
    trials = [window.next() for _ in range(13)]
    for trial in trials[:12]:
        assert trial is not None
        window.put(record(window.plan, trial, trial.index >= 3))
    assert outcomes(window) == ["fail boundary"]
    window.put(record(window.plan, trials[12], None, error="missing-recording: x", fatal=True))  # type: ignore[arg-type]
    assert outcomes(window) == ["fail boundary"]


@pytest.mark.parametrize("reason", ["budget", "interrupted"])
def test_a_cut_leaves_undecided_what_was_undecided(reason: str) -> None:
    window = stream(plan())
    trials = [window.next() for _ in range(13)]
    for trial in trials[:5] + trials[6:]:  # the sixth is missing: what came after it does not count
        assert trial is not None
        window.put(record(window.plan, trial, True))
    window.cut(reason)
    assert outcomes(window) == [f"inconclusive {reason}"]
    assert decide_test(window).trials == 5
    window.cut("later")
    assert outcomes(window) == [f"inconclusive {reason}"]
    assert window.next() is None


def test_cases_come_in_reshuffled_rounds() -> None:
    window = stream(plan(gate(good=0.99, bad=0.98), cases=cases(7), trials=40))
    order = [trial.case for trial in iter(window.next, None)]
    rounds = [order[start : start + 7] for start in range(0, 35, 7)]
    assert all(sorted(one) == list(range(7)) for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1


# ---- identical replies


def test_declared_identical_replies_are_a_census() -> None:
    good, bad = stream(prompt_plan(deterministic=True)), stream(prompt_plan(deterministic=True))
    assert run_through(good, lambda _: True) == 5
    assert outcomes(good) == ["pass census"]
    assert run_through(bad, lambda trial: trial.case != 3) == 5
    assert outcomes(bad) == ["fail census"]
    assert decide_test(bad).gates[0].interval == (0.8, 0.8)


def test_a_census_with_more_cases_than_trials_cannot_say_what_the_rest_would() -> None:
    window = stream(prompt_plan(deterministic=True, cases=cases(30), trials=20))
    assert run_through(window, lambda _: True) == 20  # 20 good ones would do for a sample
    assert outcomes(window) == ["inconclusive ceiling"]


def test_temperature_0_seen_twice_alike_is_a_census_and_not_asked_again() -> None:
    window = stream(prompt_plan())
    assert run_through(window, lambda trial: trial.case != 3) == 10
    assert outcomes(window) == ["fail census"]
    verdict = decide_test(window)
    assert (verdict.gates[0].n, verdict.trials, verdict.distinct_replies) == (5, 10, 5)
    assert "4 of 5" in verdict.gates[0].reason


def test_temperature_0_in_any_order_of_completion() -> None:
    """The second round may overtake the first."""
    test = prompt_plan()
    window = stream(test)
    trials = [window.next() for _ in range(10)]
    assert window.next() is None  # nothing is asked a third time before the second look is complete
    for trial in reversed(trials):
        assert trial is not None
        window.put(record(test, trial, True))
    assert outcomes(window) == ["pass census"]
    assert window.folded == 10


def test_a_case_that_differs_the_second_time_makes_it_a_sample() -> None:
    """Only the cases that may differ are asked again; the others' replies are certain."""
    test = prompt_plan()
    window, asked = stream(test), Counter[int]()
    while (trial := window.next()) is not None:
        known = window.known(trial)
        if known is None:
            asked[trial.case] += 1
            known = record(test, trial, True, text=f"{trial.case} {trial.repeat if trial.case == 2 else ''}")
        window.put(known)
    assert outcomes(window) == ["pass boundary"]
    assert window.folded == 13
    assert asked[2] >= 2
    assert all(count == 2 for case, count in asked.items() if case != 2)


def test_an_error_in_the_second_look_is_no_equality() -> None:
    test = prompt_plan(max_errors=0.5)
    window = stream(test)
    while (trial := window.next()) is not None and trial.index < 10:
        answer = None if trial.index == 7 else True
        window.put(record(test, trial, answer, error=None if answer else "transport: reset"))
    assert outcomes(window) != ["pass census"]
    assert window.gates[0].tally.holes == 1


def test_with_fewer_than_two_rounds_nothing_can_be_seen_twice() -> None:
    window = stream(prompt_plan(cases=cases(35), trials=60, cover="sample"))
    assert run_through(window, lambda _: True) == 13
    assert outcomes(window) == ["pass boundary"]


def test_a_denied_equality_is_a_sample() -> None:
    window = stream(prompt_plan(deterministic=False))
    assert run_through(window, lambda _: True) == 13
    assert outcomes(window) == ["pass boundary"]


def test_a_cut_in_the_second_look_never_passes() -> None:
    """The repeats would have made 9 + 5 = 14 clean trials of 9 replies."""
    test = prompt_plan(cases=cases(9))
    window = stream(test)
    for _ in range(14):
        window.put(record(test, window.next(), True))  # type: ignore[arg-type]
    assert outcomes(window) == []
    window.cut("budget")
    assert outcomes(window) == ["inconclusive budget"]
    assert decide_test(window).trials == 9


def test_a_known_record_costs_nothing() -> None:
    test = prompt_plan()
    window = stream(test)
    for _ in range(10):
        trial = window.next()
        assert trial is not None
        text = f"{trial.case} {trial.repeat if trial.case == 2 else ''}"
        window.put(record(test, trial, True, text=text)._replace(latency_ms=9.0))
    known: list[TrialRecord] = []
    while (trial := window.next()) is not None:
        found = window.known(trial)
        known += [found] if found else []
        window.put(found or record(test, trial, True))
    assert known
    assert all((found.usage.calls, found.latency_ms) == (0, None) for found in known)
    assert all(found.trial.index >= 10 for found in known)
