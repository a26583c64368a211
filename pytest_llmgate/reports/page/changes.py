"""What changed against the baseline, as far as the result says: what was loosened comes first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pytest_llmgate.reports.escape import clipped

MOST = 100
_TEXT = 4096


class ChangeView(NamedTuple):
    """A change. where: its test and gate, or its file."""

    kind: str
    where: str
    text: str
    loosened: bool


def views(result: Mapping[str, Any]) -> list[ChangeView] | None:
    """The changes: of thresholds and prompts since the branch left its target, and what gates say of their baselines.

    None where nobody could look for any: outside git, and without a gate that has a baseline.
    """
    known = result["execution"].get("changes")
    of_gates = list(_of_gates(result))
    compared = any(gate.get("compared") or "changes" in gate for test in result["tests"] for gate in test["gates"])
    if known is None and not compared:
        return None
    ranked = sorted([*(known or ()), *of_gates], key=lambda row: not row.get("loosened"))
    return [_view(row) for row in ranked[:MOST]]


def _of_gates(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for test in result["tests"]:
        for gate in test["gates"]:
            against = gate.get("compared") or {}
            for text in (*against.get("changes", ()), *gate.get("changes", ())):
                yield {"kind": "baseline", "test": test["id"], "gate": gate["name"], "text": text}


def _view(row: Mapping[str, Any]) -> ChangeView:
    where = " · ".join(str(row[name]) for name in ("test", "gate") if row.get(name))
    return ChangeView(
        clipped(str(row.get("kind") or "change"), 100),
        clipped(where, 500),
        clipped(str(row.get("text") or ""), _TEXT),
        bool(row.get("loosened")),
    )
