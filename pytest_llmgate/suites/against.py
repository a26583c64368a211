"""What an assertion on replies is compared with, as written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.compared import Compared
from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.ports import MeasureFactory
from pytest_llmgate.suites.node import Node

POINTS = 5.0
"""Percentage points that replies may be worse than their baseline, where nobody says how many."""


def against_baseline(keys: Mapping[str, Node], factory: MeasureFactory | None, where: Where) -> dict[str, Any]:
    """The fields of a gate that is compared with a baseline, whose own figures are still to be looked up.

    factory: None for the body of a marked test. Empty where no baseline is asked for. Raises LlmgateError.
    """
    compares = getattr(factory, "compares", None)
    asked = keys["baseline"].value if "baseline" in keys else bool(getattr(factory, "always_compared", False))
    if not asked:
        if "max_increase_points" in keys:
            hint = "add baseline: true"
            raise problem("baseline-unasked", "'max_increase_points' speaks of a baseline", where, hint)
        return {}
    if compares is None:
        points = float(keys["max_increase_points"].value) if "max_increase_points" in keys else POINTS
        return {"compared": Compared(kind="quality", standing="new"), "margin": round(points / 100.0, 12)}
    if "max_increase_points" in keys:
        hint = "write max_increase: 10%"
        raise problem(
            "baseline-unasked", "this type compares a share, not points", keys["max_increase_points"].place, hint
        )
    params = {key: item.plain() for key, item in keys.items()}
    return {"compared": Compared(kind=compares.kind, standing="new"), "margin": compares.margin(params, where)}
