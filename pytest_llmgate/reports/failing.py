"""Failing trials as reports show them: by trial, those alike together, with how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
Trial = Sequence[Row]
"""What gates say of one trial, a row each; rows as under `failing` in `result.json`."""


def by_trial(rows: Iterable[Row]) -> list[list[Row]]:
    """The rows of each trial together."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["index"], []).append(row)
    return list(found.values())


def alike(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Trials with the same reply, by its digest, and the same objections together, ordered by the first of each."""
    found: dict[tuple[object, ...], list[Trial]] = {}
    for rows in trials:
        objections = tuple((row["gate"], str(row.get("reason") or "")) for row in rows)
        found.setdefault((rows[0].get("reply"), objections), []).append(rows)
    return list(found.values())


def failed(test: Row) -> tuple[int, bool]:
    """How many trials of a test failed; and whether there may be more, as each gate counts its own."""
    counted = max((_failures(gate) for gate in test["gates"]), default=0)
    return max(counted, len(by_trial(test.get("failing") or ()))), len(test["gates"]) > 1


def _failures(gate: Row) -> int:
    if gate["successes_all"] is None:
        return 0
    return max(0, int(gate["n_all"]) - int(gate["successes_all"]) - int(gate["holes"]))
