"""How often each field of structured replies agrees with what a gate asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_FIELDS = 200  # of one gate: replies that invent keys must fill neither the memory nor the report


class FieldCounts:
    """Counts over the trials of one gate, in the order in which they are folded; the first 200 fields are kept."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, int]] = {}

    def add(self, fields: Mapping[str, bool | None]) -> None:
        """Count one reply. A field that nobody could judge is in no count."""
        for path, agrees in fields.items():
            if agrees is None or (path not in self._counts and len(self._counts) >= MOST_FIELDS):
                continue
            good, n = self._counts.get(path, (0, 0))
            self._counts[path] = (good + agrees, n + 1)

    def rows(self) -> dict[str, dict[str, Any]]:
        """`good` and `n` by field, the lowest rate first."""
        worst_first = sorted(self._counts.items(), key=lambda item: (item[1][0] / item[1][1], item[0]))
        return {path: {"good": good, "n": n} for path, (good, n) in worst_first}
