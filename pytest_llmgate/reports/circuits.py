"""What a terminal prints of a gate on shots beside its sentence: outcomes in columns, causes, streams, headroom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.rates import percent
from pytest_llmgate.reports import circuit_rows, circuit_words
from pytest_llmgate.reports.columns import table
from pytest_llmgate.reports.numbers import counted

SHOWN_OUTCOMES = 8
SHOWN_ARMS = 12
_ORDER = ("fail", "error", "inconclusive", "pass")


def lines(gate: Mapping[str, Any], width: int) -> list[str]:
    """Texts for one gate, none of them where it is an ordinary one. width: columns that a table may take.

    A pass says what it does not rule out, and its headroom; all else says in outcomes and causes why.
    """
    if "shots" not in gate:
        return []
    passed = gate["verdict"] == "pass"
    found = circuit_words.unresolved(gate, 1) if passed else [*outcome_lines(gate, width), *_streams(gate)]
    return [*found, *filter(None, [circuit_words.levels(gate), circuit_words.headroom(gate)])]


def outcome_lines(gate: Mapping[str, Any], width: int = 76) -> list[str]:
    """Why a gate on a distribution does not pass: the outcomes that are farthest off, and what would explain them.

    gate: as in `result.json`. width: columns that the table may take.
    """
    rows = circuit_rows.outcomes(gate, SHOWN_OUTCOMES) if gate["shots"] else []
    cells = [[row.name, percent(row.expected), row.seen, row.residual] for row in rows]
    found = table(["outcome", "expected", "observed", "residual"], cells, width) if cells else []
    return [*found, *filter(None, [circuit_rows.causes(gate)])]


def _streams(gate: Mapping[str, Any]) -> list[str]:
    """One line for each stream, the bad ones first where there are many."""
    rows = circuit_rows.arms(gate)
    if len(rows) > SHOWN_ARMS:
        rows = sorted(rows, key=lambda row: _ORDER.index(row.verdict))
    word = circuit_rows.quantity(gate)
    found = [f"{row.name}: {row.verdict}, {counted(row.shots, 'shot')}, {word} {row.measured}" for row in rows]
    more = [counted(len(rows) - SHOWN_ARMS, "more stream")] if len(rows) > SHOWN_ARMS else []
    return [*found[:SHOWN_ARMS], *more]
