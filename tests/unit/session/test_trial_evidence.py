"""What the report takes from recorded trials, and that damaged ones leave it without, not broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.session.trial_evidence import evidence_of
from pytest_llmgate.store.designs import DesignCache
from pytest_llmgate.store.rundir import RunDir

CASES = [{"id": "a", "slice": {"device": "pump"}}, {"id": "b", "slice": {}}]


def trial(index: int, case: str, good: bool, **changes: Any) -> dict[str, Any]:
    return {"test": "t", "case": case, "index": index, "repeat": 0, "verdicts": {"g": good}, "error": None,
            "reply": f"d{index}", **changes}  # fmt: skip


def run_of(folder: Path, trials: str) -> RunDir:
    (folder / "plan.json").write_text(json.dumps([{"id": "t", "cases": CASES, "model": None}]))
    (folder / "trials.jsonl").write_text(trials)
    return RunDir(folder, "run")


RESULT = {"tests": [{"id": "t", "trials": 3, "gates": []}]}


def test_worst_cases_slices_and_samples_are_counted(tmp_path: Path) -> None:
    rows = [trial(0, "a", True), trial(1, "a", False), trial(2, "b", True), trial(3, "b", False)]
    rows.append(trial(1, "a", False, overrun=True))
    run = run_of(tmp_path, "".join(json.dumps(row) + "\n" for row in rows))
    found = evidence_of(run, RESULT, DesignCache(tmp_path))
    assert found.missing == ""
    own = found.of("t")
    assert [tuple(row) for row in own.worst] == [("a", 1, 2)], "trial 3 came after the verdict"
    assert [tuple(row) for row in own.slices] == [("device: pump", "g", 1, 2)]
    assert [sample.trial for sample in own.passing] == [0, 2]
    assert own.passed == 2


@pytest.mark.parametrize("trials", ["{", "[]\n", '{"test": "t"}\n', "\xff\n"])
def test_damaged_trials_leave_the_report_without_them_and_it_says_so(tmp_path: Path, trials: str) -> None:
    found = evidence_of(run_of(tmp_path, trials), RESULT, DesignCache(tmp_path))
    assert "the recorded trials could not be read" in found.missing
    assert found.of("t").worst == ()
