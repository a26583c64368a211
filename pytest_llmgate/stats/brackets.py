"""Intervals of a tally in which holes are bracketed: failed for the lower bound, good for the upper one."""

from __future__ import annotations

from pytest_llmgate.core.decision import Interval, Tally
from pytest_llmgate.stats.intervals import (
    clopper_pearson_lower,
    clopper_pearson_upper,
    robbins_lower,
    robbins_upper,
)


def robbins_interval(tally: Tally, alpha: float, beta: float) -> Interval:
    """Robbins' sequence, valid at every stop: lower with every hole failed, upper with every hole good."""
    n, failed, holes = tally
    lower = robbins_lower(n - failed - holes, failed + holes, beta) if n else 0.0
    upper = robbins_upper(n - failed, failed, alpha) if n else 1.0
    return Interval(lower, upper, "robbins", (1.0 - beta, 1.0 - alpha))


def exact_interval(tally: Tally, alpha: float, beta: float) -> Interval:
    """Clopper and Pearson's bound on each side, for a fixed n; holes are bracketed."""
    n, failed, holes = tally
    lower = clopper_pearson_lower(n - failed - holes, n, beta)
    upper = clopper_pearson_upper(n - failed, n, alpha)
    return Interval(lower, upper, "clopper-pearson", (1.0 - beta, 1.0 - alpha))
