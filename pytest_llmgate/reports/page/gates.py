"""Gates of the page: their figures drawn to scale, and those that went wrong by how far they are beyond the limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from markupsafe import Markup

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.rates import percent
from pytest_llmgate.reports import circuit_words, compared_words, words
from pytest_llmgate.reports.circuit_page import notes
from pytest_llmgate.reports.escape import clipped
from pytest_llmgate.reports.numbers import figure
from pytest_llmgate.reports.page.drawing import interval

SENTENCE = 1000  # characters of a reason
_OPEN = {"error": "not judged", "inconclusive": "not decided"}


class GateView(NamedTuple):
    """A gate as the page shows it. place: the anchor of its test. standing: why it does not block, or empty."""

    name: str
    type: str
    verdict: str
    reason: str
    standing: str
    notes: list[str]
    measured: str
    limits: list[str]
    drawing: Markup
    test: str
    place: str


def view(gate: Mapping[str, Any], test: str = "", place: str = "") -> GateView:
    """One gate."""
    measured, limits = words.measured(gate), words.rates(gate)
    return GateView(
        name=clipped(gate["name"], SENTENCE),
        type=gate["type"] if gate["type"] != gate["name"] else "",
        verdict=gate["verdict"],
        reason=clipped(gate["reason"], SENTENCE),
        standing=words.standing(gate),
        notes=notes(gate),
        measured=measured,
        limits=limits.replace(", ", ",\n").split("\n") if limits else [],
        drawing=interval(gate, f"{measured}; {limits}"),
        test=test,
        place=place,
    )


class Regression(NamedTuple):
    """A gate that does not pass. beyond: how far it is beyond its limit, in words."""

    gate: GateView
    beyond: str


def excess(gate: Mapping[str, Any]) -> float:
    """How far beyond its limit a gate is, in distances from good to bad; 0 within, and where that is not known."""
    good, bad, estimate = gate["threshold"], gate["bad"], gate["estimate"]
    if estimate is None:
        return 0.0
    if good is None or bad is None:
        return float(estimate) if gate["type"] == "distribution" else 0.0
    return max(0.0, (estimate - good) / (bad - good)) if bad != good else 0.0


def beyond(gate: Mapping[str, Any]) -> str:
    """The same in words, in the gate's own unit; of a gate that did not decide, that it did not."""
    if gate["verdict"] in _OPEN:
        return _OPEN[gate["verdict"]]
    good, bad, estimate = gate["threshold"], gate["bad"], gate["estimate"]
    if estimate is None:
        return "not measured"
    if good is None or bad is None:
        return words.measured(gate)
    far = excess(gate)
    if not far:
        return "within its limit"
    side = "above" if bad > good else "below"
    if compared_words.is_compared(gate):
        gap = f"{compared_words.figure(gate, estimate)} against the baseline"
    elif circuit_words.is_figure(gate):
        gap = f"{figure(abs(estimate - good))} {side} {figure(good)}"
    else:
        gap = f"{figure(abs(estimate - good) * 100)} points {side} {percent(good)}"
    return f"{gap}, {far:.1f} × the way from good to bad"


def rank(gate: Mapping[str, Any]) -> tuple[bool, int, float]:
    """Sorts the worst first: what blocks, by verdict, then by how far it is beyond."""
    passes = gate["verdict"] == "pass"  # these stay in the order of the suite
    return (passes or not gate.get("blocking", True), -Outcome(gate["verdict"]).rank, 0.0 if passes else -excess(gate))
