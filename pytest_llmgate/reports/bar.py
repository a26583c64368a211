"""A gate's interval as a small drawing: inline SVG without script or style attributes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from pytest_llmgate.core.rates import percent
from pytest_llmgate.reports import compared_words
from pytest_llmgate.reports.circuit_words import is_figure
from pytest_llmgate.reports.numbers import figure

WIDTH, _MARGIN = 240.0, 8.0


class Bar(NamedTuple):
    """Places along the drawing, in its own units (0 to 240), and what stands at its ends.

    good, bad: None where a gate has no limits, such as one that asks for the reference's own distribution.
    """

    low: float
    high: float
    estimate: float
    good: float | None
    bad: float | None
    first: str
    last: str

    @property
    def width(self) -> float:
        """Length of the interval, long enough to be seen."""
        return max(self.high - self.low, 2.0)


def bar_of(gate: Mapping[str, Any]) -> Bar | None:
    """The drawing of a gate, or None where there is no interval. The scale shows all its figures, and no more."""
    if gate["interval"] is None or gate["estimate"] is None:
        return None
    values = (*gate["interval"], gate["estimate"], gate["threshold"], gate["bad"])
    known = [value for value in values if value is not None]
    compared = compared_words.is_compared(gate)
    plain = gate["type"] == "expectation" or compared
    low, high = _round_ends(min(known), max(known)) if plain else _scale(min(known), max(known))
    left, right, estimate, good, bad = (None if value is None else _place(value, low, high) for value in values)
    assert left is not None
    assert right is not None
    assert estimate is not None
    shown: Callable[[float], str] = figure if is_figure(gate) else percent
    if compared:
        shown = partial(compared_words.figure, gate)
    return Bar(left, right, estimate, good, bad, shown(low), shown(high))


def _place(value: float, low: float, high: float) -> float:
    return round(_MARGIN + (value - low) / (high - low) * (WIDTH - 2 * _MARGIN), 1)


def _scale(low: float, high: float) -> tuple[float, float]:
    """Round ends between 0 and 1, five percent points apart at least, that hold both."""
    first, last = math.floor(low * 20 + 1e-9), math.ceil(high * 20 - 1e-9)
    if last <= first:
        first, last = (first - 1, last) if first > 0 else (first, first + 1)
    return max(first / 20, 0.0), min(last / 20, 1.0)


def _round_ends(low: float, high: float) -> tuple[float, float]:
    """Round ends of any two numbers: multiples of 5, or 0.5, or 0.05, …, of which their distance has 2 to 20."""
    step = 0.5 * 10.0 ** math.floor(math.log10(max(high - low, 1e-9 * max(1.0, abs(low), abs(high)))))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return first * step, max(last, first + 1) * step
