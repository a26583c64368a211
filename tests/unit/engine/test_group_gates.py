"""Gates on groups of repeats: what completes them, what is counted, and that no order of completion matters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from engine_samples import Says, cases, gate, plan, prompt_plan, rule, said
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.groups import groups_in, trials_for
from pytest_llmgate.core.observation import Measurement, Observation, TrialError
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.record import TrialRecord, record_from_row
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.engine.decide import decide_test
from pytest_llmgate.engine.folds import folds_of
from pytest_llmgate.engine.judge import Judge
from pytest_llmgate.engine.stream import TestStream


class Agree:
    """Good where all replies of a group have the same first word; a hole where one is missing."""

    def __init__(self, repeats: int) -> None:
        self.repeats = repeats
        self.asked: list[list[str]] = []

    def measure(self, case: Case, seen: Observation) -> Measurement:
        raise AssertionError("a measure of groups is not asked about one reply")

    def measure_together(self, case: Case, seen: Sequence[Observation]) -> Measurement:
        texts = [one.reply.text if one.reply else "" for one in seen]
        self.asked.append(texts)
        if "" in texts:
            return Measurement(None, None, "a reply is missing")
        good = len({text.split()[0] for text in texts}) == 1
        return Measurement(good, 0.25, "" if good else f"{texts[0]} against {texts[-1]}", {"$.first": good})


def grouped(repeats: int = 3, count: int = 5, **fields: Any) -> TestPlan:
    return plan(gate("agree", repeats=repeats), cases=cases(count), **{"trials": 600, **fields})


def window_of(test: TestPlan) -> TestStream:
    size = len(test.cases)
    return TestStream(
        test, folds_of(test, lambda g: rule(g.good, g.bad, 1, g.rule, groups_in(test.trials, size, g.repeats)))
    )


def judge_of(test: TestPlan) -> Judge:
    return Judge(test, [Agree(g.repeats) if g.repeats > 1 else Says() for g in test.gates])


def reply(trial: Trial) -> Observation:
    """The same first word in every group but in those of case 0 that begin with an even repeat."""
    word = "other" if trial.case == 0 and trial.repeat % 6 == 2 else "first"
    return said(f"{word} {trial.index}")


def sample(
    test: TestPlan, seen: Any = reply, *, ahead: int = 1, chance: Random | None = None
) -> tuple[Any, list[TrialRecord]]:
    """The verdict, and the rows as they were written: up to `ahead` trials in flight, completing in a drawn order."""
    window, judge, rows, flight = window_of(test), judge_of(test), [], []
    while not window.done:
        while len(flight) < ahead and (trial := window.next()) is not None:
            flight.append(trial)
        trial = flight.pop(chance.randrange(len(flight)) if chance else 0)
        rows.append(judge.record(trial, seen(trial)))
        window.put(rows[-1])
    return decide_test(window), rows


def refolded(test: TestPlan, rows: Sequence[TrialRecord]) -> Any:
    """The verdict that the written rows give again."""
    window, by_index = window_of(test), {row.trial.index: row for row in rows}
    while (trial := window.next()) is not None:
        if (known := window.known(trial)) is None:
            known = record_from_row(json.loads(by_index[trial.index].to_line()), trial.case)
        window.put(known)
    return decide_test(window)


def test_n_counts_groups_and_the_trials_are_those_that_complete_them() -> None:
    found, rows = sample(grouped(), lambda trial: said(f"first {trial.index}"))
    (agree,) = found.gates
    assert (agree.verdict, agree.successes) == (Outcome.PASS, agree.n)
    assert found.trials == len(rows) == trials_for(agree.n, 5, 3)
    assert agree.figures == {"repeats": 3, "identical": 0, "fields": {"$.first": {"good": agree.n, "n": agree.n}}}
    assert agree.reason.startswith(f"{agree.n} of {agree.n} groups of 3: at or below")


def test_a_group_is_asked_once_with_its_replies_in_the_order_of_their_repeats() -> None:
    test = grouped(repeats=2, count=1)
    measure = Agree(2)
    judge = Judge(test, [measure])
    for repeat in (1, 3, 0, 2):
        judge.record(Trial(repeat, 0, repeat, 1), said(f"r{repeat}"))
    assert measure.asked == [["r0", "r1"], ["r2", "r3"]]


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 4), st.integers(1, 6), st.integers(1, 24), st.randoms(use_true_random=False))
def test_no_order_of_completion_changes_a_verdict_and_the_rows_give_it_again(
    repeats: int, count: int, ahead: int, chance: Random
) -> None:
    test = grouped(repeats, count)
    alone, _ = sample(test)
    among, rows = sample(test, ahead=ahead, chance=chance)
    assert among == alone
    assert refolded(test, rows) == alone


def test_a_failing_group_is_shown_at_the_trial_that_completes_it_in_order() -> None:
    found, _ = sample(grouped(), ahead=20, chance=Random(3))
    assert {(row["case"], row["repeat"] % 3) for row in found.failing} == {("c0", 2)}
    assert "first" in found.failing[0]["reason"]
    assert "other" in found.failing[0]["reason"]


def test_trials_beside_a_single_gate_are_shared_and_each_gate_counts_its_own() -> None:
    test = plan(gate("good"), gate("agree", repeats=3), trials=600)
    found, _ = sample(test, lambda trial: said(f"first {trial.index}"))
    good, agree = found.gates
    assert good.n == agree.n
    assert (good.n_all, agree.n_all) == (found.trials, groups_in(found.trials, 5, 3))


# ---- identical replies


def test_groups_of_identical_replies_are_said_and_left_out() -> None:
    found, rows = sample(grouped(), lambda trial: said("first" if trial.case < 2 else f"first {trial.index}"))
    (agree,) = found.gates
    assert agree.verdict is Outcome.PASS
    assert agree.n + agree.figures["identical"] == groups_in(found.trials, 5, 3)
    assert agree.figures["identical"] > 0
    assert f"{agree.figures['identical']} of identical replies left out" in agree.reason
    assert sum(len(row.identical) for row in rows) == agree.figures["identical"]
    assert all("agree" not in row.verdicts for row in rows if row.identical)


def test_where_all_are_identical_nothing_passes_and_the_sentence_says_why() -> None:
    found, _ = sample(grouped(trials=60), lambda trial: said(" first\n" if trial.repeat % 2 else "first"))
    (agree,) = found.gates
    assert (agree.verdict, agree.stop_reason, agree.n, agree.estimate) == (Outcome.INCONCLUSIVE, "ceiling", 0, None)
    assert (
        agree.reason == "all 20 groups of 3 have identical replies, which is no agreement: there is nothing to compare"
    )


def test_identical_replies_that_are_bad_together_stay_bad() -> None:
    class Never(Agree):
        def measure_together(self, case: Case, seen: Sequence[Observation]) -> Measurement:
            return Measurement(False, None, "no")

    made = [Judge(grouped(2), [Never(2)]).record(Trial(0, 0, 0, 1), said("x"))]
    judge = Judge(grouped(2), [Never(2)])
    made = [judge.record(Trial(5 * repeat, 0, repeat, 1), said("x")) for repeat in range(2)]
    assert (made[1].verdicts, made[1].identical) == ({"agree": False}, {})


@pytest.mark.parametrize("repeats", [2, 3])
def test_a_model_that_always_says_the_same_ends_after_the_second_look(repeats: int) -> None:
    test = prompt_plan(gate("agree", repeats=repeats), trials=600)
    found, rows = sample(test, lambda trial: said(f"reply to {trial.case}"))
    assert (found.gates[0].verdict, found.gates[0].stop_reason) == (Outcome.INCONCLUSIVE, "identical")
    assert len(rows) == 10
    assert "the same reply twice" in found.gates[0].reason


def test_of_a_model_that_says_the_same_of_some_cases_only_the_others_are_compared() -> None:
    test = prompt_plan(gate("agree", repeats=3), trials=600)
    found, rows = sample(test, lambda trial: said(f"first {trial.index if trial.case > 2 else 0}"))
    (agree,) = found.gates
    assert agree.verdict is Outcome.PASS
    assert agree.figures["identical"] >= 3
    assert refolded(test, rows) == found


# ---- holes


def test_a_missing_reply_leaves_its_whole_group_unscored() -> None:
    def seen(trial: Trial) -> Observation:
        return Observation(None, TrialError("timeout", "late")) if trial.index == 1 else said(f"first {trial.index}")

    found, _ = sample(grouped(max_errors=0.5), seen)
    assert found.gates[0].holes == 1
    assert any("a reply is missing" in said for said in found.problems)


def test_a_measure_that_raises_leaves_a_hole() -> None:
    class Breaks(Agree):
        def measure_together(self, case: Case, seen: Sequence[Observation]) -> Measurement:
            raise RuntimeError("broken")

    judge = Judge(grouped(2), [Breaks(2)])
    judge.record(Trial(0, 0, 0, 1), said("a"))
    made = judge.record(Trial(5, 0, 1, 1), said("b"))
    assert (made.verdicts, made.reasons) == ({"agree": None}, {"agree": "the measure raised RuntimeError: broken"})


def test_ten_groups_without_a_score_at_the_start_end_the_test() -> None:
    found, rows = sample(
        grouped(trials=6000), lambda trial: said("") if trial.repeat % 3 else said(f"first {trial.index}")
    )
    assert found.gates[0].verdict is Outcome.ERROR
    assert len(rows) <= trials_for(11, 5, 3)


def test_more_holes_than_allowed_are_counted_in_groups() -> None:
    empty = lambda trial: said("") if trial.case == 1 else said(f"first {trial.index}")  # noqa: E731
    found, _ = sample(grouped(), empty)
    assert found.gates[0].verdict is Outcome.ERROR
    assert "groups of 3 could not be scored" in found.gates[0].reason


# ---- going on


def test_what_an_earlier_start_recorded_completes_a_group_without_being_asked_again() -> None:
    judge, measure = None, Agree(3)
    judge = Judge(grouped(3), [measure])
    first = TrialRecord("t", "c0", Trial(0, 0, 0, 1), {}, reply="d0")
    judge.recall(first, lambda: said("first a"))
    judge.record(Trial(5, 0, 1, 1), said("first b"))
    assert judge.record(Trial(10, 0, 2, 1), said("first c")).verdicts == {"agree": True}
    assert measure.asked == [["first a", "first b", "first c"]]


def test_recorded_replies_are_read_only_for_groups_that_are_not_complete() -> None:
    judge = Judge(grouped(2), [Agree(2)])
    for repeat in range(2):
        trial = Trial(5 * repeat, 0, repeat, 1)
        judge.recall(TrialRecord("t", "c0", trial, {}), lambda: pytest.fail("nobody needs this reply"))


def test_a_group_whose_verdict_was_lost_in_a_kill_is_a_hole_and_no_pass() -> None:
    test = grouped(2, 1, trials=2, cover="sample")
    window = window_of(test)
    for repeat in range(2):
        trial = window.next()
        assert trial is not None
        window.put(TrialRecord(test.id, "c0", trial, {}, reply=f"d{repeat}"))
    found = decide_test(window)
    assert found.gates[0].holes == 1
    assert found.gates[0].verdict is not Outcome.PASS


# ---- reach


@pytest.mark.parametrize(("repeats", "count"), [(2, 1), (3, 5), (4, 3)])
def test_no_trial_is_sent_that_cannot_matter(repeats: int, count: int) -> None:
    """With every outstanding trial good, the window ends where the gate would be decided, and no later."""
    test = grouped(repeats, count, cover="sample")
    window = window_of(test)
    sent = 0
    while window.next() is not None:
        sent += 1
    assert sent == trials_for(window.gates[0].rule.need(window.gates[0].tally), count, repeats)


def test_no_pass_before_a_group_of_every_case_is_complete() -> None:
    test = grouped(2, 40, trials=600)
    found, _ = sample(test, lambda trial: said(f"first {trial.index}"))
    assert found.gates[0].n < 40
    assert found.trials == 80, "every case is drawn twice, though fewer groups would decide"


def test_a_ceiling_below_a_group_of_every_case_leaves_the_rest_out() -> None:
    found, _ = sample(grouped(2, 40, trials=70), lambda trial: said(f"first {trial.index}"))
    assert (found.gates[0].verdict, found.trials, found.gates[0].n_all) == (Outcome.PASS, 70, 30)
