"""Finds the runs on disk, and reads what they found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.reports.summary import misfit
from pytest_llmgate.store.rundir import RunDir


def open_run(root: Path, name: str | None) -> RunDir:
    """The run of this directory or id, or the newest."""
    return RunDir.find(root, name)


def result_of(root: Path, name: str | None) -> dict[str, Any]:
    """The content of a run's `result.json`."""
    run = open_run(root, name)
    result = readable_result(run)
    if result is None:
        hint = "go on with it: pytest --llm-suite --llm-resume"
        raise problem("run-unfinished", f"run {run.id} was not finished", None, hint)
    return result


def readable_result(run: RunDir) -> dict[str, Any] | None:
    """A run's `result.json`, None where it has none; refuses one that this version does not understand."""
    result = run.read_result()
    wrong = misfit(result) if result is not None else ""
    if wrong:
        hint = "read it with the version that wrote it, or start a new run with: pytest --llm-suite"
        place = Where(str(run.path / "result.json"))
        raise problem("run-damaged", f"this result cannot be read: {wrong}", place, hint)
    return result
