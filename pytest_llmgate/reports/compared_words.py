"""Gates that are compared with a baseline in words: differences and ratios instead of rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.rates import percent

Row = Mapping[str, Any]


def is_compared(gate: Row) -> bool:
    """Whether a gate asks for a difference from a baseline; one on latencies asks for a rate, at its limit."""
    found: Row = gate.get("compared") or {}
    return str(found.get("kind", "latency")) != "latency"


def limits(gate: Row) -> str:
    """What counts as good and as bad; nothing where there is no baseline."""
    if gate["bad"] is None or gate["threshold"] is None:
        return ""
    return f"good at or below {figure(gate, gate['threshold'])}, bad at or above {figure(gate, gate['bad'])}"


def measured(gate: Row) -> str:
    """The difference from the baseline with its interval."""
    if gate["estimate"] is None:
        return ""
    if gate["interval"] is None:
        return figure(gate, gate["estimate"])
    low, high = gate["interval"]
    return f"{figure(gate, gate['estimate'])}, interval {figure(gate, low)} to {figure(gate, high)}"


def figure(gate: Row, value: float) -> str:
    """One of a gate's figures: `+ 12 %` of what replies take, `+ 5 points` of bad replies."""
    if _of_ratio(gate):
        return signed(value - 1.0, " %")
    return signed(value, " points")


def _of_ratio(gate: Row) -> bool:
    return bool(gate["compared"]["kind"] == "usage" and "runaways" not in (gate.get("figures") or {}))


def signed(share: float, unit: str) -> str:
    """A share with its sign and a unit of hundredths: `+ 12 %`, `− 5 points`, `0 points`."""
    shown = percent(abs(share)).removesuffix(" %")
    sign = "" if float(shown) == 0 else "−" if share < 0 else "+"
    return f"{sign} {shown}{unit}".strip()
