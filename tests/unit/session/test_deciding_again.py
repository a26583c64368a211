"""A recorded run is decided again without asking again, and gives the same verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.codec import text_digest
from pytest_llmgate.core.observation import TrialError
from pytest_llmgate.core.plan import GatePlan, ModelPlan, TestPlan
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.core.verdict import TestVerdict
from pytest_llmgate.engine.decide import decide_test
from pytest_llmgate.session import assembly
from pytest_llmgate.session.finish import decide_recorded

Row = Mapping[str, Any]


class NoCache:
    def get(self, key: str) -> Mapping[str, Any] | None:
        return None

    def put(self, key: str, design: Mapping[str, Any]) -> None: ...


def plan(**fields: Any) -> TestPlan:
    given: dict[str, Any] = {
        "id": "a.suite.yaml::t", "suite": "a", "file": "a.suite.yaml", "kind": "function", "base": ".", "trials": 60,
        "cases": tuple(Case(id=f"c{number}") for number in range(4)),
        "gates": (GatePlan(name="good", type="good", good=0.9, bad=0.7),), **fields,
    }  # fmt: skip
    return TestPlan(**given)


def sampled(
    test: TestPlan, text: Any, good: Any = lambda trial: True, broken: Mapping[str, None] | None = None
) -> tuple[TestVerdict, list[Row]]:
    """The verdict of a live run, and the rows that it left on disk. broken: gates that have no score."""
    window, rows = assembly.stream(test, NoCache()), []
    while (trial := window.next()) is not None:
        known = window.known(trial)
        if known is None:
            known = TrialRecord(
                test=test.id, case=test.cases[trial.case].id, trial=trial,
                verdicts=dict.fromkeys((gate.name for gate in test.gates), good(trial)) | (broken or {}),
                reply=text_digest(text(trial)),
            )  # fmt: skip
            rows.append(json.loads(known.to_line()))
        window.put(known)
    return decide_test(window), rows


def test_all_rows_give_the_same_verdict() -> None:
    for bad in ((), (3,), (1, 4, 5, 6)):
        live, rows = sampled(plan(), str, lambda trial: trial.index not in bad)  # noqa: B023
        assert decide_recorded(plan(), rows, NoCache()) == live


@pytest.mark.parametrize("stop", ["first-fail", "all"])
@pytest.mark.parametrize("severity", ["block", "info"])
@pytest.mark.parametrize("bad", [(), range(6, 60)], ids=["good", "bad"])
def test_a_gate_that_cannot_be_judged_is_given_up_at_the_same_trial(stop: str, severity: Any, bad: Any) -> None:
    other = GatePlan(name="broken", type="broken", good=0.9, bad=0.7, severity=severity)
    test = plan(gates=(*plan().gates, other), stop=stop, trials=300)
    live, rows = sampled(test, str, lambda trial: trial.index not in bad, {"broken": None})
    assert [gate.stop_reason for gate in live.gates][1] == "holes"
    assert decide_recorded(test, rows, NoCache()) == live


def test_what_was_certain_and_not_asked_again_left_no_row() -> None:
    """Temperature 0, one case of four differs: the other cases' third answers are known and are not on disk."""
    model = ModelPlan(alias="m", provider="python", model="x", params={"temperature": 0})
    test = plan(kind="prompt", model=model)
    live, rows = sampled(test, lambda trial: f"{trial.case} {trial.repeat if trial.case == 1 else ''}")
    assert len(rows) < live.trials
    assert live.gates[0].verdict.value == "pass"
    assert decide_recorded(test, rows, NoCache()) == live


def test_rows_of_overrun_trials_change_nothing() -> None:
    live, rows = sampled(plan(), str)
    further = [{**rows[-1], "index": live.trials + more, "verdicts": {"good": False}} for more in range(5)]
    assert decide_recorded(plan(), rows + further, NoCache()) == live


@pytest.mark.parametrize("damage", [lambda rows: rows[:5], lambda rows: rows[:5] + rows[6:], lambda rows: []])
def test_a_gap_leaves_the_gate_undecided(damage: Any) -> None:
    _, rows = sampled(plan(), str)
    verdict = decide_recorded(plan(), damage(rows), NoCache())
    assert verdict.verdict.value == "inconclusive"
    assert verdict.gates[0].stop_reason == "interrupted"
    assert verdict.trials == len(damage(rows)[:5])


def test_rows_of_another_seed_are_not_those_of_this_plan() -> None:
    _, rows = sampled(plan(), str)
    assert decide_recorded(plan(seed=1), rows, NoCache()).trials == 0


# ---- trials of an interrupted start


def test_a_recorded_trial_counts_only_as_itself() -> None:
    test = plan()
    _, rows = sampled(test, str)
    first = rows[0]
    trial = Trial(0, [case.id for case in test.cases].index(first["case"]), 0, first["seed"])
    ids = [case.id for case in test.cases]
    kept = assembly.RecordedTrials(lambda index: rows[index] if index < len(rows) else None, ids)
    found = kept.get(trial)
    assert found is not None
    assert found.trial == trial
    assert kept.get(trial._replace(seed=trial.seed + 1)) is None
    assert kept.get(trial._replace(case=(trial.case + 1) % 4)) is None
    assert kept.get(trial._replace(index=999)) is None


@pytest.mark.parametrize(("error", "again"), [("budget: none left", True), ("timeout: no answer", False)])
def test_what_failed_for_a_passing_reason_is_asked_again(error: str, again: bool) -> None:
    test = plan()
    _, rows = sampled(test, str)
    row = {**rows[0], "error": error}
    trial = Trial(0, [case.id for case in test.cases].index(row["case"]), 0, row["seed"])
    assert (assembly.RecordedTrials(lambda index: row, [case.id for case in test.cases]).get(trial) is None) is again


# ---- replies that groups of repeats need again


def test_a_recorded_trial_is_told_with_the_reply_that_was_kept_of_it() -> None:
    told: list[tuple[int, Any]] = []
    rows = [json.loads(TrialRecord("t", "c0", Trial(n, 0, n, 7), {}, reply=f"d{n}").to_line()) for n in range(3)]
    rows[1]["error"] = "timeout: late"
    kept = {"d0": {"text": "Berlin", "data": {"a": 1}, "context": ["x"]}}
    found = assembly.recorded(
        lambda index: rows[index], ["c0"], lambda record, seen: told.append((record.trial.index, seen())), kept.get
    )
    assert found is not None
    for index in range(3):
        assert found.get(Trial(index, 0, index, 7)) is not None
    assert [index for index, _ in told] == [0, 1, 2]
    assert told[0][1].reply == Reply("Berlin", data={"a": 1}, context=["x"])
    assert told[1][1].error == TrialError("timeout", "late")
    assert told[2][1].error == TrialError("missing-recording", "its text was not kept")
