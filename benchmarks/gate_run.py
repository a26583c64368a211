"""One measured run of `pytest --llm-suite`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.child import ChildFailed, Used, pytest_command, run


@dataclass(frozen=True, slots=True)
class GateRun:
    """What a run used, and its `result.json`."""

    used: Used
    result: dict[str, Any]


def gate_run(
    folder: Path, suite: str, *arguments: str, trials: int | None = None, keep: Sequence[str] = (), ends: int = 0
) -> GateRun:
    """Run a suite in its project; raises ChildFailed unless it counted `trials` trials and ended with `ends`."""
    results = folder / "results"
    shutil.rmtree(results, ignore_errors=True)
    command = pytest_command("--llm-suite", suite, f"--llm-results={results}", *arguments, keep=keep)
    used = run(command, folder, {"BENCH_KEY": "unused"}, ends)
    result = json.loads((results / "result.json").read_text(encoding="utf-8"))
    counted = result["totals"]["trials"]
    with (results / "trials.jsonl").open("rb") as file:  # not as a whole: see child.own_peak_mb
        lines = sum(1 for _ in file)
    if trials is not None and (counted, lines) != (trials, trials):
        raise ChildFailed(f"{suite}: {trials} trials wanted, {counted} counted, {lines} written")
    return GateRun(used, result)
