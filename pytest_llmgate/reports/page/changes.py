"""What changed against the baseline, as far as the result says: what was loosened comes first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pytest_llmgate.reports.escape import clipped

MOST = 100
_TEXT = 4096


class ChangeView(NamedTuple):
    """A change. where: its test and gate."""

    kind: str
    where: str
    text: str
    loosened: bool


def views(result: Mapping[str, Any]) -> list[ChangeView] | None:
    """The changes, None where nobody looked for any."""
    rows = result.get("changes")
    if rows is None:
        return None
    ranked = sorted(rows, key=lambda row: not row.get("loosened"))
    return [_view(row) for row in ranked[:MOST]]


def _view(row: Mapping[str, Any]) -> ChangeView:
    where = " · ".join(str(row[name]) for name in ("test", "gate") if row.get(name))
    return ChangeView(
        clipped(str(row.get("kind") or "change"), 100),
        clipped(where, 500),
        clipped(str(row.get("text") or ""), _TEXT),
        bool(row.get("loosened")),
    )
