"""A gate's interval as a small drawing: inline SVG without script or style attributes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

_WIDTH, _MARGIN = 240.0, 8.0


class Bar(NamedTuple):
    """Places along the drawing, in its own units (0 to 240), and the rates at its ends."""

    low: float
    high: float
    estimate: float
    good: float
    bad: float
    from_rate: float
    to_rate: float

    @property
    def width(self) -> float:
        """Length of the interval, long enough to be seen."""
        return max(self.high - self.low, 2.0)


def bar_of(gate: Mapping[str, Any]) -> Bar | None:
    """The drawing of a gate, or None where there is no interval. The scale shows all its rates, and no more."""
    if gate["interval"] is None or gate["estimate"] is None:
        return None
    marks = (*gate["interval"], gate["estimate"], gate["threshold"], gate["bad"])
    low, high = _scale(min(marks), max(marks))
    left, right, estimate, good, bad = (
        round(_MARGIN + (mark - low) / (high - low) * (_WIDTH - 2 * _MARGIN), 1) for mark in marks
    )
    return Bar(left, right, estimate, good, bad, low, high)


def _scale(low: float, high: float) -> tuple[float, float]:
    """Round ends, five percent points apart at least, that hold both rates."""
    first, last = math.floor(low * 20 + 1e-9), math.ceil(high * 20 - 1e-9)
    if last <= first:
        first, last = (first - 1, last) if first > 0 else (first, first + 1)
    return max(first / 20, 0.0), min(last / 20, 1.0)
