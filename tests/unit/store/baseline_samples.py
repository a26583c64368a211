"""Circuit baselines and runs with proposals that the tests share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_llmgate.core.baseline import PARTS, CircuitBaseline
from pytest_llmgate.store.rundir import RunDir

SUITE = "suites/q.suite.yaml"
FILE = "suites/q.baseline.json"
BELL = f"{SUITE}::bell"
SHAPE = {"gates": {"cx": 1, "h": 1}, "depth": 3, "two_qubit": 1}


def entry(test: str = BELL, gate: str = "distribution", **fields: Any) -> CircuitBaseline:
    """An approved Bell circuit under noise, its probabilities known exactly."""
    half = PARTS // 2
    given = {
        "kind": "probabilities", "widths": (2,), "outcomes": {"00": half, "11": half}, "total": PARTS,
        "circuit_digest": "sha256:c1", "shape": SHAPE, "noise_digest": "sha256:n1", "transpile_digest": "sha256:t1",
        "reason": "first light", "author": "Ada",
    }  # fmt: skip
    return CircuitBaseline(test=test, gate=gate, **{**given, **fields})


def counted(outcomes: Mapping[str, int], **fields: Any) -> CircuitBaseline:
    """The same from counts."""
    return entry(kind="counts", outcomes=outcomes, total=sum(outcomes.values()), **fields)


def fresh(**fields: Any) -> CircuitBaseline:
    """A proposal: nobody has given a reason yet."""
    return entry(**{"reason": "", "author": None, **fields})


def row(test: str = BELL, *gates: Mapping[str, Any], verdict: str | None = None) -> dict[str, Any]:
    """A test as far as an accept reads `result.json`."""
    worst = next((w for w in ("fail", "error", "inconclusive") if any(g["verdict"] == w for g in gates)), "pass")
    return {"id": test, "verdict": verdict or worst, "gates": list(gates), "failing": []}


def gate(verdict: str = "inconclusive", name: str = "distribution", **fields: Any) -> dict[str, Any]:
    stop = "new" if verdict == "inconclusive" else "boundary"
    return {"name": name, "verdict": verdict, "stop_reason": stop, "reason": "as it is", "blocking": True, **fields}


def finished_run(root: Path, *tests: Mapping[str, Any], run: Mapping[str, Any] | None = None) -> RunDir:
    """A run that has ended, with its result."""
    made = RunDir.create(root)
    head = {"schema": "llmgate.run/1", "id": made.id, "seed": 0, "plan_digest": "", "record": "new", "commit": None,
            "dirty": None, "started": "", "tests": [test["id"] for test in tests], "finished": True}  # fmt: skip
    (made.path / "run.json").write_text(json.dumps(head))
    verdicts: Sequence[str] = [test["verdict"] for test in tests]
    worst = next((word for word in ("fail", "error", "inconclusive") if word in verdicts), "pass")
    made.write_result(
        {"schema": "llmgate.result/1", "verdict": worst, "run": {"id": made.id, "interrupted": False, **(run or {})},
         "totals": {}, "tests": list(tests), "execution": {}}
    )  # fmt: skip
    return made


def suite(root: Path, name: str = SUITE) -> Path:
    """A suite file that exists; what is in it plays no part."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("suite: q\n")
    return path
