"""The history for people and for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_llmgate.core.codec import plain
from pytest_llmgate.core.history import TestHistory
from pytest_llmgate.reports.history import overview, runs_of, told
from pytest_llmgate.session.history import History, history, named
from pytest_llmgate.stats.drift import DriftDetector

SCHEMA = "llmgate.history/1"


def lines(root: Path, name: str | None, last: int, run_length: int, width: int, *, ascii_only: bool) -> list[str]:
    """The history of one test, or of all, as text. last: runs to show. run_length: of the detector of drift."""
    found = history(root, DriftDetector(float(run_length)))
    if name is None:
        shown = overview(list(found.tests.values()), last, width, ascii_only=ascii_only)
    else:
        pages = [runs_of(test, last, width, ascii_only=ascii_only) for test in named(found.tests, name)]
        shown = [line for page in pages for line in (*page, "")][:-1]
    return [*shown, *told(found.notes, width)]


def as_json(root: Path, name: str | None, last: int, run_length: int) -> dict[str, Any]:
    """The same as an object for JSON; runs oldest first, at most `last` of each test."""
    found: History = history(root, DriftDetector(float(run_length)))
    tests = list(found.tests.values()) if name is None else named(found.tests, name)
    return {"schema": SCHEMA, "notes": list(found.notes), "tests": [_row(test, last) for test in tests]}


def _row(test: TestHistory, last: int) -> dict[str, Any]:
    runs = []
    for run, own in test.runs[-last:]:
        row = {key: value for key, value in plain(run).items() if key != "tests"}
        runs.append({**row, **{key: value for key, value in plain(own).items() if key != "id"}})
    return {
        "id": test.id,
        "runs_in_all": len(test.runs),
        "inconclusive": {"runs": test.inconclusive, "of": test.recent, "often": test.often, "hint": test.hint or None},
        "gates": [{"name": gate.name, "type": gate.newest.type, "drift": plain(gate.drift)} for gate in test.gates],
        "runs": runs,
    }
