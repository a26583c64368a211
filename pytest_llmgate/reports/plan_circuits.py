"""What `llmgate plan` says of a circuit: shots to expect, what each gate will catch, and what it can never show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pytest_llmgate.core.rates import percent
from pytest_llmgate.reports.circuit_words import TOO_MANY, listed
from pytest_llmgate.reports.columns import table
from pytest_llmgate.reports.numbers import counted, figure, rough
from pytest_llmgate.reports.plan_gates import chance, gate_lines

SHOWN_CHANGES = 12
WHOLE_STREAMS = 3  # streams of a gate that are told in full
SHOWN_STREAMS = 12
_NAMED = 4  # changes that are named in a sentence

Kind = Literal["identity", "fixed", "two-sample", "tolerance", "expectation", "rate", "settled"]
Lines = Iterator[tuple[int, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFigures:
    """One gate on one stream of shots.

    label: how it differs from the others; empty where there is only one. plan: by kind, of `identity` an IdentityPlan,
    of `tolerance` a TolerancePlan, of `expectation` an ExpectationPlan, of `rate` GateFigures; of others None.
    outcomes: how many the reference can show. expected_shots: of a good circuit. ceiling: the most. against: what it is
    compared with. changes: declared changes of a fixed rule, as (name, TVD, power). left_out: changes that were too
    many to simulate. said: of a gate that no shot decides. refusal: why it cannot decide, or nothing.
    """

    kind: Kind
    label: str = ""
    plan: Any = None
    outcomes: int = 0
    expected_shots: float = 0.0
    ceiling: int = 0
    against: str = "the reference"
    changes: Sequence[tuple[str, float, float]] = ()
    left_out: int = 0
    said: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitGateFigures:
    """What one gate will take; alpha_used is that of each of its streams."""

    name: str
    alpha_used: float
    family: int
    beta: float
    streams: Sequence[StreamFigures]
    severity: str = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitTestFigures:
    """What one circuit test will take. ceiling: shots of a stream. costliest: the gate that sets it, or nothing."""

    id: str
    source: str
    streams: int
    ceiling: int
    expected_shots: float
    costliest: str
    gates: Sequence[CircuitGateFigures]
    notes: Sequence[str] = ()


def circuit_lines(test: CircuitTestFigures, width: int) -> Lines:
    """Indents and sentences. width: columns of a line."""
    yield 0, test.id
    most = f"{test.ceiling:,} at most" + (f" in each of {test.streams} streams" if test.streams > 1 else "")
    sets = f"; {test.costliest} sets the cost" if test.costliest else ""
    yield 2, f"{rough(test.expected_shots)} shots to expect of a good circuit, {most}{sets}"
    yield 2, test.source
    for gate in test.gates:
        yield from _gate(gate, width)
    for note in test.notes:
        yield 2, f"note: {note}"


def _gate(gate: CircuitGateFigures, width: int) -> Lines:
    if gate.streams and gate.streams[0].kind == "rate":
        yield from _rate(gate)
        return
    for place, stream in enumerate(gate.streams[:SHOWN_STREAMS]):
        if place < WHOLE_STREAMS or stream.refusal:
            yield from _stream(gate, stream, width)
        else:
            yield 2, f"{_head(gate, stream)}: {_brief(stream)}"
    if len(gate.streams) > SHOWN_STREAMS:
        yield 2, f"{gate.name}: {len(gate.streams) - SHOWN_STREAMS:,} more streams"
    never = _never_at_all(gate.streams) if len(gate.streams) > 1 else []
    if never:
        yield 4, f"never revealed in any of the {len(gate.streams)} streams: {listed(never, _NAMED)}"


def _rate(gate: CircuitGateFigures) -> Lines:
    """A rate is decided in every stream by the same rule."""
    yield from gate_lines(gate.streams[0].plan, "shot")
    if len(gate.streams) > 1:
        yield 4, f"the same in each of {len(gate.streams)} streams"


def _head(gate: CircuitGateFigures, stream: StreamFigures) -> str:
    severity = "" if gate.severity == "block" else f" [{gate.severity}: does not block]"
    return f"{gate.name}{severity}{f', {stream.label}' if stream.label else ''}"


def _brief(stream: StreamFigures) -> str:
    """A stream beyond the first few."""
    if stream.kind == "settled":
        return stream.said
    return f"{rough(stream.expected_shots)} shots to expect"


def _stream(gate: CircuitGateFigures, stream: StreamFigures, width: int) -> Lines:
    yield 2, f"{_head(gate, stream)}: {_asked(stream)}"
    if stream.kind == "settled":
        return
    shared = f", 1 of {gate.family} that share it" if gate.family > 1 else ""
    yield 4, f"{_rule(stream)}: blocks a good circuit at {percent(gate.alpha_used)} risk{shared}{_beta(gate, stream)}"
    if stream.kind == "identity":
        yield from _identity(stream, width)
    elif stream.kind == "fixed":
        yield from _fixed(stream, width)
    elif stream.kind == "two-sample":
        yield 4, f"one look, at {stream.ceiling:,} shots; a change smaller than both samples' noise is not seen"
    elif stream.kind == "tolerance":
        yield from _tolerance(stream)
    else:
        yield from _expectation(stream)
    if stream.refusal:
        yield 4, "refused: this gate cannot decide, see below"


def _asked(stream: StreamFigures) -> str:
    plan, outcomes = stream.plan, counted(stream.outcomes, "outcome")
    if stream.kind == "settled":
        return f"no shot decides it: {stream.said}"
    if stream.kind == "tolerance":
        limits = f"good at or below TVD {figure(plan.max_tvd)}, bad at or above {figure(plan.bad_tvd)}"
        return f"near {stream.against}, {outcomes}; {limits}"
    if stream.kind == "expectation":
        rule = plan.rule
        good, bad = ("at or above", "at or below") if rule.side == "min" else ("at or below", "at or above")
        return f"an expectation; good {good} {figure(rule.limit)}, bad {bad} {figure(rule.bad)}"
    return f"as {stream.against}, {outcomes}"


def _rule(stream: StreamFigures) -> str:
    return {"fixed": "fixed", "two-sample": "fixed, two samples"}.get(stream.kind, "sequential")


def _beta(gate: CircuitGateFigures, stream: StreamFigures) -> str:
    """What the other error is about; a rule with one look has none that it states."""
    if stream.kind == "identity":
        return f"; lets each declared change pass at {percent(gate.beta)}"
    return f"; lets a bad one pass at {percent(gate.beta)}" if stream.kind in ("tolerance", "expectation") else ""


# ---- the reference's own distribution


def _identity(stream: StreamFigures, width: int) -> Lines:
    plan = stream.plan
    if plan.pass_expectation is not None:
        undecided = f"is inconclusive at {stream.ceiling:,} in {chance(1.0 - plan.pass_probability)}"
        yield (
            4,
            f"rehearsed, a good circuit passes with {rough(plan.pass_expectation)} shots on average and {undecided}",
        )
    yield 4, _screen(plan.screen)
    changes = sorted(plan.declared, key=lambda item: (-item.shots_to_catch, -item.shots_to_rule_out, item.name))
    rows = [
        [item.name, figure(item.tvd), rough(item.shots_to_rule_out), rough(item.shots_to_catch), percent(item.power)]
        for item in changes[:SHOWN_CHANGES]
    ]
    if rows:
        yield (
            4,
            f"{counted(len(changes), 'declared change')}, the hardest first; shots to rule it out, and to catch it:",
        )
        head = ["change", "TVD", "rule out", "catch", "power"]
        yield from ((6, line) for line in table(head, rows, width - 6))
    if len(changes) > SHOWN_CHANGES:
        least = min(item.power for item in changes[SHOWN_CHANGES:])
        yield 6, f"and {len(changes) - SHOWN_CHANGES:,} more, each caught in {percent(least)} or more"
    if stream.left_out:
        yield 4, f"{counted(stream.left_out, 'further change')} not tried: {TOO_MANY}"
    yield from _unresolved(plan.unresolved)


def _screen(screen: Any) -> str:
    if screen is None:
        return "undeclared changes not tested (screen: quick)"
    what = f"an undeclared TVD of {figure(screen.tvd)}"
    if screen.shots is None:
        return f"{what} is caught by no number of shots that can be drawn"
    before = "no pass before" if screen.within else "above the ceiling"
    return f"{what} is caught in {100 * screen.power:.0f} % at N = {screen.shots:,}: {before}"


def _unresolved(unresolved: Sequence[Any]) -> Lines:
    """What the gate says nothing about: nearer than it can tell apart, or invisible in this measurement."""
    near = [f"{item.name} (TVD {figure(item.tvd)})" for item in unresolved if not item.never]
    never = [item.name for item in unresolved if item.never]
    if near:
        yield 4, f"unresolved, too near to be told apart (TVD below 0.02): {listed(near, _NAMED)}"
    if never:
        way_out = "every outcome is as likely with it; other bases or inputs may show it"
        yield 4, f"never revealed: {listed(never, _NAMED)} ({way_out})"


def _never_at_all(streams: Sequence[StreamFigures]) -> list[str]:
    """Changes that no stream of a gate can show."""
    found = [
        [item.name for item in stream.plan.unresolved if item.never] for stream in streams if stream.kind == "identity"
    ]
    return [name for name in found[0] if all(name in names for names in found)] if found else []


def _fixed(stream: StreamFigures, width: int) -> Lines:
    yield 4, f"one look, at {stream.ceiling:,} shots"
    rows = [[name, figure(tvd), percent(power)] for name, tvd, power in stream.changes[:SHOWN_CHANGES]]
    if rows:
        yield 4, f"{counted(len(stream.changes), 'change')} and the power to catch it, the hardest first:"
        yield from ((6, line) for line in table(["change", "TVD", "power"], rows, width - 6))
    if len(stream.changes) > SHOWN_CHANGES:
        least = min(power for _, _, power in stream.changes[SHOWN_CHANGES:])
        yield 6, f"and {len(stream.changes) - SHOWN_CHANGES:,} more, each caught in {percent(least)} or more"


# ---- limits


def _tolerance(stream: StreamFigures) -> Lines:
    plan = stream.plan
    needed = [
        f"{_shots(plan.to_pass)} to pass a perfect circuit",
        f"{_shots(plan.to_pass_half)} to pass one at TVD {figure(plan.max_tvd / 2)}",
        f"{_shots(plan.to_fail)} to fail one at TVD {figure(plan.bad_tvd)}",
    ]
    yield 4, f"shots needed: {', '.join(needed)}; the ceiling is {stream.ceiling:,}"


def _expectation(stream: StreamFigures) -> Lines:
    plan = stream.plan
    passing = f"{_shots(plan.to_pass)} to pass a circuit exactly at the limit"
    yield 4, f"shots needed: {passing}, {_shots(plan.to_fail)} to fail one at {figure(plan.rule.bad)}"
    for note in plan.notes:
        yield 4, f"note: {note}"


def _shots(number: int | None) -> str:
    return "no number is enough" if number is None else f"about {number:,}"
