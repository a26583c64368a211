"""A row of figures as a row of blocks."""

from __future__ import annotations

from collections.abc import Sequence

_BLOCKS, _PLAIN = "▁▂▃▄▅▆▇█", "_.-~=+*#"
_LEAST_SPREAD = 0.05  # of rates: what is nearer together than that is not drawn as if it were far apart


def sparkline(values: Sequence[float | None], *, rate: bool = True, ascii_only: bool = False) -> str:
    """One sign a value, the lowest at the bottom, a gap for None. rate: values from 0 to 1, drawn on a scale of at
    least five percent points. ascii_only: for terminals that have no blocks."""
    known = [value for value in values if value is not None]
    if not known:
        return " " * len(values)
    signs = _PLAIN if ascii_only else _BLOCKS
    low, high = min(known), max(known)
    if rate and high - low < _LEAST_SPREAD:
        low = max(0.0, min(low, 1.0 - _LEAST_SPREAD, (low + high - _LEAST_SPREAD) / 2))
        high = low + _LEAST_SPREAD
    return "".join(" " if value is None else signs[_step(value, low, high, len(signs))] for value in values)


def _step(value: float, low: float, high: float, steps: int) -> int:
    if high <= low:
        return steps // 2
    return min(steps - 1, int(round((value - low) / (high - low) * steps, 6)))  # without the dust of binary fractions
