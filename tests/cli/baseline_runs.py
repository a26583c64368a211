"""Runs that have ended and propose baselines, as far as `llmgate baseline` looks at them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_llmgate.core.baseline import PARTS, CircuitBaseline
from pytest_llmgate.store.proposals import write_proposals
from pytest_llmgate.store.rundir import RunDir

SUITE = "suites/q.suite.yaml"
FILE = "suites/q.baseline.json"
BELL, GHZ = f"{SUITE}::bell", f"{SUITE}::ghz"
SHAPE = {"gates": {"cx": 1, "h": 1}, "depth": 3, "two_qubit": 1}


def proposal(test: str = BELL, gate: str = "distribution", **fields: Any) -> CircuitBaseline:
    half = PARTS // 2
    given = {
        "kind": "probabilities", "widths": (2,), "outcomes": {"00": half, "11": half}, "total": PARTS,
        "circuit_digest": "sha256:c1", "shape": SHAPE, "noise_digest": "sha256:n1", "transpile_digest": "sha256:t1",
    }  # fmt: skip
    return CircuitBaseline(test=test, gate=gate, **{**given, **fields})


def counts(outcomes: Mapping[str, int], test: str = BELL, **fields: Any) -> CircuitBaseline:
    return proposal(test, kind="counts", outcomes=outcomes, total=sum(outcomes.values()), **fields)


def gate(verdict: str, name: str = "distribution", **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "verdict": verdict,
        "stop_reason": "boundary",
        "reason": "so it is",
        "blocking": True,
        **fields,
    }


NEW = gate("inconclusive", stop_reason="new", blocking=False)


def judged(test: str = BELL, *gates: Mapping[str, Any], verdict: str = "pass") -> dict[str, Any]:
    """A test's row of `result.json`; without gates its baseline is new."""
    return {"id": test, "verdict": verdict, "gates": list(gates or (NEW,)), "failing": []}


def run(root: Path, *tests: Mapping[str, Any], proposes: list[CircuitBaseline] | None, **head: Any) -> RunDir:
    """The newest run, with its result and what it proposes; None where it was not asked to."""
    made = RunDir.create(root)
    made.note_latest(root)
    manifest = {
        "schema": "llmgate.run/1", "id": made.id, "seed": 0, "plan_digest": "", "record": "new", "commit": None,
        "dirty": None, "started": "", "tests": [test["id"] for test in tests], "finished": True,
    }  # fmt: skip
    (made.path / "run.json").write_text(json.dumps(manifest))
    verdicts = [test["verdict"] for test in tests]
    worst = next((word for word in ("fail", "error", "inconclusive") if word in verdicts), "pass")
    made.write_result(
        {
            "schema": "llmgate.result/1",
            "verdict": worst,
            "run": {"id": made.id, "interrupted": False, **head},
            "totals": {},
            "tests": list(tests),
            "execution": {},
        }
    )
    if proposes is not None:
        write_proposals(made, proposes)
    return made
