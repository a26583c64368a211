"""Figures of a gate over its runs in words: each with its unit, and with what is better where that is not plain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pytest_llmgate.core.history import GateFigures, GateHistory, Kind
from pytest_llmgate.core.rates import percent
from pytest_llmgate.reports.compared_words import signed
from pytest_llmgate.reports.numbers import figure

_WITHOUT = {"new": "no baseline yet", "stale": "stale baseline"}


class Series(NamedTuple):
    """Figures of a gate that can be drawn, one a run.

    rate: from 0 to 1. written: one of them in words. name: of what they are, said before them; what: said after them.
    """

    values: Sequence[float | None]
    rate: bool
    written: Callable[[float], str]
    name: str = ""
    what: str = ""

    @property
    def known(self) -> list[float]:
        return [value for value in self.values if value is not None]

    def ends(self) -> str:
        """The lowest, the highest and the newest of them."""
        low, high, newest = (self.written(pick(self.known)) for pick in (min, max, lambda known: known[-1]))
        if low != high:
            return f"{self.name} between {low} and {high} {self.what}".strip() + f", the newest {newest}"
        always = "always " if len(self.known) > 1 else ""
        return f"{self.name} {always}{newest} {self.what}".strip()


def gates_of_run(gates: Sequence[GateFigures], verdict: str) -> str:
    """What every gate of a test measured in one run. verdict: of the test; a gate's own is said where it differs."""
    bare: dict[str, list[str]] = {}
    said = []
    for gate in gates:
        if gate.stop_reason in _WITHOUT and gate.good is None:
            bare.setdefault(_WITHOUT[gate.stop_reason], []).append(gate.name)
        else:
            said.append(_measured(gate, verdict))
    said += [f"{why}: {', '.join(names)}" for why, names in bare.items()]
    return "; ".join(said) or "no gate"


def _measured(gate: GateFigures, verdict: str) -> str:
    other = "" if gate.verdict == verdict or gate.stop_reason in _WITHOUT else f" ({gate.verdict})"
    return f"{gate.name} {', '.join(_figures(gate)) or 'not measured'}{other}"


def _figures(gate: GateFigures) -> Iterator[str]:
    if gate.unwanted and gate.estimate is not None:
        yield f"{percent(gate.estimate)} bad of {gate.good_of:,}"
    elif gate.good is not None:
        change = f" ({_change(gate.estimate)})" if gate.kind == "difference" and gate.estimate is not None else ""
        yield f"{percent(gate.good)} good of {gate.good_of:,}{change}"
    elif gate.estimate is not None:
        yield _estimate(gate.kind, gate.estimate)
    if gate.quantile is not None and gate.quantile_ms is not None:
        yield f"{_quantile(gate.quantile)} {_ms(gate.quantile_ms)}"
    if gate.stop_reason in _WITHOUT:
        yield _WITHOUT[gate.stop_reason]


def _change(more_bad: float) -> str:
    """How good replies became commoner or rarer; given is by how much bad ones are commoner than in the baseline."""
    if not round(more_bad, 4):
        return "as the baseline"
    return f"{_points(abs(more_bad))} {'worse' if more_bad > 0 else 'better'}"


def _points(share: float) -> str:
    number = f"{round(share * 100, 2):g}"
    return f"{number} {'point' if number == '1' else 'points'}"


def _estimate(kind: Kind, value: float) -> str:
    if kind == "rate":
        return percent(value)
    if kind == "ratio":
        return signed(value - 1.0, " %")
    if kind == "difference":
        return signed(value, " points")
    return f"TVD {figure(value)}" if kind == "distance" else figure(value)


def _quantile(share: float) -> str:
    return f"p{round(share * 100, 4):g}"


def _ms(value: float) -> str:
    return f"{figure(value)} ms"


def rates_of(gate: GateHistory) -> Sequence[float | None] | None:
    """The share of good replies, one a run; None where the gate has no rate."""
    return gate.good if any(value is not None for value in gate.good) else None


def drawn(gate: GateHistory) -> Iterator[Series]:
    """What is drawn of a gate: its rate, or else its estimate, and the quantile of its latencies."""
    newest, good = gate.newest, rates_of(gate)
    same = tuple(
        None if own is None or own.kind != newest.kind else value
        for own, value in zip(gate.seen, gate.estimates, strict=True)
    )
    if newest.unwanted:
        yield Series(same, True, percent, what="bad")
    elif good is not None:
        yield Series(good, True, percent, what="good")
    elif newest.kind == "distance":
        yield Series(same, False, figure, name="TVD")
    else:
        yield Series(same, False, lambda value: _estimate(newest.kind, value))
    if newest.quantile is not None:
        yield Series(gate.quantiles_ms, False, _ms, name=_quantile(newest.quantile))


def heading(gate: GateFigures) -> str:
    """The name of a gate, once, and what it asks."""
    asked = _asked(gate)
    return f"{gate.name}: {asked}" if asked else gate.name


def _asked(gate: GateFigures) -> str:
    if gate.stop_reason in _WITHOUT:
        return f"{_WITHOUT[gate.stop_reason]}; approve one with llmgate baseline accept"
    if gate.threshold is None or gate.bad is None:
        return "as its reference" if gate.kind == "distance" else "" if gate.type == gate.name else gate.type
    if gate.kind == "difference" and gate.good is not None:
        return f"good no rarer than in the baseline; {_points(gate.bad)} rarer is bad"
    if gate.kind == "difference":
        return f"no commoner than in the baseline; {_points(gate.bad)} more is bad"
    if gate.kind == "ratio":
        return f"no more than the baseline takes; {signed(gate.bad - 1.0, ' %')} is bad"
    good, bad = ("at or below", "at or above") if gate.bad > gate.threshold else ("at or above", "at or below")
    return f"good {good} {_estimate(gate.kind, gate.threshold)}, bad {bad} {_estimate(gate.kind, gate.bad)}"
