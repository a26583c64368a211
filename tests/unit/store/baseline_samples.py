"""Circuit baselines that the tests share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.baseline import PARTS, CircuitBaseline

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
