"""The history of a test: which runs are in it, which of them speak of drift, and what it calls often inconclusive."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from history_runs import TEST, gate, judged, run

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.history import DriftFound, TestHistory
from pytest_llmgate.session import history as module
from pytest_llmgate.session.finish import drew_anew
from pytest_llmgate.session.history import History, history, named
from pytest_llmgate.stats.drift import DriftDetector

BAD = gate(100, 10)


def look(root: Path, length: float = 1000.0) -> History:
    return history(root, DriftDetector(length))


def of_test(root: Path) -> TestHistory:
    return look(root).tests[TEST]


def drift(root: Path) -> DriftFound:
    (only,) = of_test(root).gates
    assert only.drift is not None
    return only.drift


def ids(root: Path) -> list[int]:
    return [int(own.id[-6:], 16) for own, _ in of_test(root).runs]


# ---- which runs are in it


def test_runs_are_found_wherever_they_were_put(tmp_path: Path) -> None:
    run(tmp_path, 0)
    run(tmp_path, 2, folder=tmp_path / "out")
    run(tmp_path, 1, folder=tmp_path / "results" / "nightly")
    assert ids(tmp_path) == [0, 1, 2]


def test_only_new_runs_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        run(tmp_path, number)
    assert ids(tmp_path) == [0, 1, 2]
    read: list[str] = []
    original = module.readable_result
    monkeypatch.setattr(module, "readable_result", lambda own: (read.append(own.path.name), original(own))[1])
    added = run(tmp_path, 3)
    assert ids(tmp_path) == [0, 1, 2, 3]
    assert read == [added.path.name]


def test_a_result_that_changed_is_read_again(tmp_path: Path) -> None:
    run(tmp_path, 0, judged(verdict="inconclusive"))
    assert of_test(tmp_path).runs[0][1].verdict == "inconclusive"
    run(tmp_path, 0)
    assert of_test(tmp_path).runs[0][1].verdict == "pass"


def test_deleted_runs_stay_and_are_said_until_the_index_is_deleted_too(tmp_path: Path) -> None:
    gone = run(tmp_path, 0)
    run(tmp_path, 1)
    look(tmp_path)
    shutil.rmtree(gone.path)
    found = look(tmp_path)
    assert [own.gone for own, _ in found.tests[TEST].runs] == [True, False]
    assert "of 1 of 2 runs only these figures are left" in found.notes[0]
    (tmp_path / ".llmgate" / "history.sqlite").unlink()
    assert ids(tmp_path) == [1]


def test_a_folder_that_another_run_took_over_keeps_both(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(tmp_path, 0, folder=out)
    look(tmp_path)
    run(tmp_path, 1, folder=out)
    assert ids(tmp_path) == [0, 1]
    assert [own.gone for own, _ in of_test(tmp_path).runs] == [True, False]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("result.json", None, "the run was not finished"),
        ("result.json", "{", "the run's file is damaged"),
        ("result.json", '{"schema": "llmgate.result/2"}', "its schema is 'llmgate.result/2'"),
        ("run.json", '{"schema": "llmgate.run/2"}', "its schema is 'llmgate.run/2'"),
        ("run.json", None, "this is not the directory of a run"),
    ],
)
def test_runs_that_cannot_be_read_are_left_out_and_said(
    tmp_path: Path, name: str, content: str | None, said: str
) -> None:
    broken = run(tmp_path, 0)
    run(tmp_path, 1)
    if content is None:
        (broken.path / name).unlink()
    else:
        (broken.path / name).write_text(content)
    found = look(tmp_path)
    assert [own.id for own, _ in found.tests[TEST].runs] == [run(tmp_path, 1).id]
    assert broken.id in found.notes[0]
    assert said in found.notes[0]


def test_without_a_run_the_next_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(LlmgateError, match=r"no run yet; start one with: pytest --llm-suite \[no-run\]"):
        look(tmp_path)
    (run(tmp_path, 0).path / "result.json").write_text("{")
    with pytest.raises(LlmgateError, match=r"no run that could be read: left out: .*damaged"):
        look(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_shows_the_figures_all_the_same(tmp_path: Path) -> None:
    run(tmp_path, 0)
    (tmp_path / ".llmgate").chmod(0o500)
    try:
        found = look(tmp_path)
    finally:
        (tmp_path / ".llmgate").chmod(0o700)
    assert "could not be written" in found.notes[0]
    assert TEST in found.tests


# ---- which runs speak of drift


def test_good_runs_show_no_drift(tmp_path: Path) -> None:
    for number in range(6):
        run(tmp_path, number)
    found = drift(tmp_path)
    assert (found.counted, found.drifting, found.since, found.alarm) == (6, False, None, None)
    assert found.evidence < 1.0


def test_drift_is_dated_to_the_run_at_which_it_began(tmp_path: Path) -> None:
    for number in range(10):
        run(tmp_path, number, judged(gate() if number < 4 else BAD))
    found = drift(tmp_path)
    assert found.drifting
    assert (found.counted, found.evidence) == (10, 1000.0)
    assert found.since is not None and found.since.endswith("-000004")
    assert found.alarm is not None and found.alarm > found.since


def test_drift_ends_soon_after_the_rate_is_good_again(tmp_path: Path) -> None:
    for number in range(16):
        run(tmp_path, number, judged(BAD if 4 <= number < 12 else gate()))
    found = drift(tmp_path)
    assert (found.drifting, found.since, found.alarm) == (False, None, None)


def test_what_was_seen_before_adds_nothing(tmp_path: Path) -> None:
    run(tmp_path, 0)
    run(tmp_path, 1, judged(BAD))
    for number in range(2, 7):
        run(tmp_path, number, judged(BAD), seed=1)
    for number in range(7, 12):
        run(tmp_path, number, judged(BAD), replayed=100)
    for number in range(12, 17):
        run(tmp_path, number, judged(BAD), replayed=1, live=True)
    found = drift(tmp_path)
    assert (found.counted, found.drifting) == (2, False)


def test_other_rates_begin_anew(tmp_path: Path) -> None:
    for number in range(8):
        run(tmp_path, number, judged(BAD))
    assert drift(tmp_path).drifting
    run(tmp_path, 8, judged(gate(100, 10, threshold=0.9, bad=0.8)))
    found = drift(tmp_path)
    assert (found.counted, found.drifting) == (1, False)
    run(tmp_path, 9, judged(BAD))
    assert drift(tmp_path).counted == 1, "the old rates are new ones once more"


def test_a_trial_that_was_never_scored_raises_no_alarm(tmp_path: Path) -> None:
    for number in range(12):
        run(tmp_path, number, judged(gate(100, 10, successes=90, holes=10)))
    assert not drift(tmp_path).drifting


@pytest.mark.parametrize(
    "fields",
    [
        {"threshold": 1.0, "bad": 0.99}, {"threshold": 0.0, "bad": 0.01}, {"successes": None},
        {"type": "distribution"}, {"compared": {"kind": "quality"}, "threshold": 0.0, "bad": 0.05},
    ],
)  # fmt: skip
def test_gates_without_a_rate_that_may_fail_have_no_detector(tmp_path: Path, fields: dict[str, object]) -> None:
    run(tmp_path, 0, judged(gate(**fields)))
    (only,) = of_test(tmp_path).gates
    assert only.drift is None


@pytest.mark.parametrize("nothing", [gate(0, 0), gate(stop_reason="census")])
def test_runs_without_chance_are_not_counted(tmp_path: Path, nothing: dict[str, object]) -> None:
    run(tmp_path, 0)
    run(tmp_path, 1, judged(nothing))
    assert drift(tmp_path).counted == 1


def test_a_gate_that_came_later_has_gaps_before(tmp_path: Path) -> None:
    run(tmp_path, 0)
    run(tmp_path, 1, judged(gate(), gate(name="later")))
    first, second = of_test(tmp_path).gates
    assert (first.estimates, second.estimates) == ((0.98, 0.98), (None, 0.98))


COMPARED = {
    "type": "contains", "n": 0, "successes": 0, "estimate": None, "threshold": None, "bad": None, "stop_reason": "new",
    "compared": {"kind": "quality"}, "n_all": 40, "successes_all": 39,
}  # fmt: skip


def test_a_gate_without_a_baseline_has_the_rate_of_all_trials(tmp_path: Path) -> None:
    run(tmp_path, 0, judged({**gate(), **COMPARED}))
    run(tmp_path, 1, judged({**gate(), **COMPARED}, holes=3))  # which trials could not be scored is not known here
    (only,) = of_test(tmp_path).gates
    assert only.good == (39 / 40, None)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "rate"),
        ({"compared": {"kind": "quality"}}, "difference"),
        ({"compared": {"kind": "latency"}, "type": "latency"}, "rate"),
        ({"compared": {"kind": "usage"}, "type": "cost-regression", "successes": None}, "ratio"),
        (
            {"compared": {"kind": "usage"}, "type": "cost-regression", "successes": None, "figures": {"runaways": 0}},
            "difference",
        ),
        ({"type": "distribution", "successes": None}, "distance"),
        ({"type": "expectation", "successes": None}, "value"),
    ],
)
def test_what_an_estimate_is_depends_on_what_the_gate_compares(
    tmp_path: Path, fields: dict[str, object], kind: str
) -> None:
    run(tmp_path, 0, judged({**gate(), **fields}))
    assert of_test(tmp_path).gates[0].newest.kind == kind


# ---- often inconclusive


def undecided(reason: str = "ceiling") -> dict[str, object]:
    return judged(gate(verdict="inconclusive", stop_reason=reason), verdict="inconclusive")


def test_three_of_the_last_ten_live_runs_are_often_and_two_are_not(tmp_path: Path) -> None:
    for number in range(2):
        run(tmp_path, number, undecided())
    for number in range(2, 9):
        run(tmp_path, number)
    assert not of_test(tmp_path).often
    run(tmp_path, 9, undecided("ceiling"))
    found = of_test(tmp_path)
    assert (found.often, found.inconclusive, found.recent) == (True, 3, 10)
    assert "raise trials" in found.hint


def test_replays_do_not_count_as_often(tmp_path: Path) -> None:
    for number in range(9):
        run(tmp_path, number, undecided(), replayed=100)
    found = of_test(tmp_path)
    assert (found.often, found.recent) == (False, 0)


def test_what_is_rare_over_all_runs_is_not_often(tmp_path: Path) -> None:
    for number in range(20):
        run(tmp_path, number, undecided() if number >= 17 else judged())
    assert not of_test(tmp_path).often


# ---- naming


def test_tests_are_named_in_full_or_by_their_last_part(tmp_path: Path) -> None:
    other = "suites/b.suite.yaml::refund"
    run(tmp_path, 0, judged(), judged(test=other), judged(test="suites/b.suite.yaml::other"))
    tests = look(tmp_path).tests
    assert [test.id for test in named(tests, "refund")] == [other, TEST]
    assert [test.id for test in named(tests, TEST)] == [TEST]
    with pytest.raises(LlmgateError, match=r"did you mean 'refund'\? \[unknown-test\]"):
        named(tests, "refnd")
    with pytest.raises(LlmgateError, match=f"did you mean {TEST!r}"):
        named(tests, TEST + "s")


def test_the_register_alone_names_no_run(tmp_path: Path) -> None:
    """A line whose folder holds another thing, or nothing, is no run."""
    run(tmp_path, 0)
    lines = [{"id": "x", "path": path, "question": "q", "commit": None, "live": True} for path in ("/", "no", "\x00")]
    with (tmp_path / ".llmgate" / "register.jsonl").open("a") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines))
    assert ids(tmp_path) == [0]


# ---- what counts as live


@pytest.mark.parametrize(
    ("calls", "kind", "trials", "replayed", "live"),
    [
        (3, "prompt", 10, 7, True), (0, "prompt", 10, 10, False), (0, "circuit", 10, 0, False),
        (0, "body", 10, 0, True), (0, "body", 10, 10, False), (0, "body", 0, 0, False),
    ],
)  # fmt: skip
def test_a_run_is_live_where_a_model_was_asked_or_a_body_ran(
    calls: int, kind: str, trials: int, replayed: int, live: bool
) -> None:
    execution = {"billed": {"calls": calls}, "replayed_trials": replayed}
    assert drew_anew([{"kind": kind, "trials": trials}], execution) is live
