"""Runs that have ended, as far as the history looks at them: written without sampling anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_llmgate.store.manifest import RunManifest, write_json, write_manifest
from pytest_llmgate.store.register import note_ended
from pytest_llmgate.store.rundir import RunDir

TEST = "suites/shop.suite.yaml::refund"


def gate(n: int = 100, failed: int = 2, **fields: Any) -> dict[str, Any]:
    given = {
        "name": "contains", "type": "contains", "severity": "block", "verdict": "pass", "blocking": True, "n": n,
        "successes": n - failed, "holes": 0, "estimate": (n - failed) / n if n else None, "threshold": 0.95, "bad": 0.9,
        "stop_reason": "boundary", "reason": "so it is",
    }  # fmt: skip
    return {**given, **fields}


def judged(*gates: dict[str, Any], test: str = TEST, verdict: str = "pass", **fields: Any) -> dict[str, Any]:
    usage = {"calls": 100, "input_tokens": 2000, "output_tokens": 300, "cost_usd": "0.0023"}
    given = {"id": test, "verdict": verdict, "trials": 100, "usage": usage, "gates": list(gates or [gate()])}
    return {**given, "failing": [], **fields}


def run(
    root: Path, number: int, *tests: dict[str, Any], seed: int | None = None, replayed: int = 0,
    folder: Path | None = None, **head: Any,
) -> RunDir:  # fmt: skip
    """Run number `number`, a day after the one before, with a seed of its own unless one is given."""
    day = f"202611{number + 1:02d}" if number < 29 else f"2027{number // 29:02d}{number % 28 + 1:02d}"
    name = f"{day}T101500-{number:06x}"
    made = RunDir(folder or root / ".llmgate" / "runs" / name, name)
    made.path.mkdir(parents=True, exist_ok=True)
    tests = tests or (judged(),)
    write_manifest(
        made.path / "run.json",
        RunManifest(
            id=name, seed=number if seed is None else seed, plan_digest="sha256:aa", record="live", commit="c0ffee1234",
            dirty=False, started=f"{day[:4]}-{day[4:6]}-{day[6:]}T10:15:00+00:00", finished=True,
            tests=tuple(test["id"] for test in tests),
        ),
    )  # fmt: skip
    row = {"id": name, "record": "live", "commit": "c0ffee1234", "dirty": False, "attempt": 1, "interrupted": False}
    write_json(
        made.path / "result.json",
        {
            "schema": "llmgate.result/1", "verdict": "pass", "run": {**row, "live": not replayed, **head}, "totals": {},
            "tests": list(tests), "execution": {"replayed_trials": replayed},
        },
    )  # fmt: skip
    note_ended(root, made, "sha256:qq", "c0ffee1234", live=True)
    return made
