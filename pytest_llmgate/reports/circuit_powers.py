"""What the page says of each change that a gate on shots was held against: ruled out or not, and the power."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pytest_llmgate.core.rates import percent
from pytest_llmgate.reports.circuit_words import Row
from pytest_llmgate.reports.escape import clipped
from pytest_llmgate.reports.numbers import counted, figure

_MOST = 40  # rows
_NAME = 200  # characters of a change
_NOT_ASKED = "–"


class PowerView(NamedTuple):
    """A change in words. power: how surely it would have failed by these shots; most: by the ceiling."""

    name: str
    tvd: str
    ruled_out: str
    power: str
    most: str


def sequential(gate: Row) -> bool:
    """Whether the gate could stop at any look, so that it has power at more shots as well."""
    return any(row.get("ruled_out") is not None for row in gate.get("alternatives") or ())


def rules_out(gate: Row) -> bool:
    """Whether it matters what was ruled out: a failure says what it looks like, and compares with no good circuit."""
    return sequential(gate) and gate["verdict"] != "fail"


def powers(gate: Row) -> Iterator[PowerView]:
    """Every declared change, the hardest first; those without a row of their own together; an undeclared one."""
    for row in (gate.get("alternatives") or ())[:_MOST]:
        ruled_out = {True: "yes", False: "no"}.get(row.get("ruled_out"), _NOT_ASKED)
        name = clipped(str(row["name"]), _NAME)
        yield PowerView(name, figure(row["tvd"]), ruled_out, _chance(row["power"]), _chance(row["power_ceiling"]))
    more = gate.get("alternatives_more")
    if more:
        yield _others(more)
    screen = gate.get("screen")
    if screen and screen.get("power") is not None:
        power, asked = percent(screen["power"]), screen["shots"] is not None and gate["shots"] >= screen["shots"]
        here = power if asked else f"{_NOT_ASKED} (looked for at {counted(screen['shots'], 'shot')})"
        yield PowerView("a change that is not declared", figure(screen["tvd"]), _NOT_ASKED, here, power)


def _others(more: Row) -> PowerView:
    ruled_out = _NOT_ASKED if more["ruled_out"] is None else f"{more['ruled_out']:,} of {more['number']:,}"
    power, most = (
        _chance(value) + (" or more" if value is not None else "") for value in (more["power"], more["power_ceiling"])
    )
    return PowerView(counted(more["number"], "further change"), _NOT_ASKED, ruled_out, power, most)


def _chance(power: float | None) -> str:
    return "not computed" if power is None else percent(power)
