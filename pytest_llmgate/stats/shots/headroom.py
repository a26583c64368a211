"""Headroom: how much more noise an assertion would bear."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def noise_headroom(levels: Sequence[float], values: Sequence[float], limit: float) -> float | None:
    """The smallest noise level at which a figure crosses its limit, None where it does not within the levels.

    Args: increasing levels (factors of the noise), the figure at each of them, and its limit. The figure is on its
    good side at the first level, or crosses it from there; it may rise or fall. Linear between levels.
    Raises ValueError for levels that do not increase, or do not match the values.
    """
    if len(levels) != len(values) or any(after <= before for before, after in pairwise(levels)):
        raise ValueError("headroom needs increasing noise levels and one value for each")
    for (level, value), (after, moved) in pairwise(zip(levels, values, strict=True)):
        if value == limit:
            return float(level)
        if (value - limit) * (moved - limit) <= 0.0:
            return level + (after - level) * (limit - value) / (moved - value)
    return float(levels[-1]) if levels and values[-1] == limit else None
