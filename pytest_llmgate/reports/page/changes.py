"""What changed against the baseline, as far as the result says: what was loosened comes first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pytest_llmgate.reports.escape import clipped

MOST = 100
_TEXT = 4096
_SHA = 12


class ChangeView(NamedTuple):
    """A change. where: its test and gate, or its file."""

    kind: str
    where: str
    text: str
    loosened: bool


class Changes(NamedTuple):
    """The changes that are shown, how many are not, and a sentence on what they are compared with."""

    rows: list[ChangeView]
    dropped: int
    against: str


def views(result: Mapping[str, Any]) -> Changes:
    """The changes since the branch left its target, and what gates say of their baselines.

    Where there is nothing to compare with, the sentence says why: that nothing changed is said only if somebody looked.
    """
    known = result["execution"].get("changes")
    ranked = sorted([*(known or ()), *_of_gates(result)], key=lambda row: not row.get("loosened"))
    against = result["execution"].get("changes_against") or {}
    shown = [_view(row) for row in ranked[:MOST]]
    return Changes(shown, max(0, len(ranked) - MOST), _sentence(against, known, bool(ranked), _compared(result)))


def _sentence(against: Mapping[str, Any], known: Any, found: bool, compared: bool) -> str:
    reason, commit = against.get("reason"), against.get("commit")
    if reason:
        branch = f"Not compared with a target branch: {clipped(str(reason), 500)}."
        return f"{branch} Against their baselines nothing changed." if compared and not found else branch
    if commit:
        since = f"Compared with {str(commit)[:_SHA]} of {clipped(str(against.get('target')), 100)}"
        return f"{since}." if found else f"{since}: nothing changed."
    if found:
        return ""
    return (
        "Not compared: this result does not say what changed." if known is None and not compared else "Nothing changed."
    )


def _compared(result: Mapping[str, Any]) -> bool:
    """Whether a gate was compared with its baseline."""
    return any(gate.get("compared") or "changes" in gate for test in result["tests"] for gate in test["gates"])


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
