"""What the page shows of circuits: outcomes with bars beside what was expected, causes, streams, the circuit drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from pytest_llmgate.core.rates import percent
from pytest_llmgate.reports import circuit_powers, circuit_rows, circuit_words
from pytest_llmgate.reports.circuit_rows import OutcomeRow
from pytest_llmgate.reports.escape import clipped, visible
from pytest_llmgate.reports.numbers import counted, figure
from pytest_llmgate.reports.page.drawing import pair

DRAWINGS_SIZE = 1_000_000  # characters of all drawings together
OUTCOMES = 16  # rows of a table, and one for all others
TABLES = 500  # tables of outcomes; the worst tests come first
_NAME = 200  # characters of an outcome, a change or a stream
_STREAMS = 60
_UNRESOLVED = 60
_NAMED = 3  # changes that a note names; all of them stand behind the fold
_FAR = 3.0  # standard deviations from which an outcome is marked


class OutcomeView(NamedTuple):
    """A row of the table, with its two bars: what was expected above what was seen."""

    name: str
    expected: str
    observed: str
    residual: str
    far: bool
    bars: Markup


class CauseView(NamedTuple):
    """A change that would explain what was seen."""

    name: str
    said: str


class Pictures:
    """Hands out drawings and tables while the page has room for them."""

    def __init__(self) -> None:
        self._room = DRAWINGS_SIZE
        self._tables = TABLES
        self.dropped = 0

    def circuit(self, test: Mapping[str, Any]) -> dict[str, Any] | None:
        """The circuit of a test, None where there is none."""
        circuit = test.get("circuit")
        if not circuit:
            return None
        drawing = visible(circuit.get("drawing") or "", keep="\n")
        size = len(escape(drawing))
        if size > self._room:
            self.dropped += 1
            drawing = ""
        else:
            self._room -= size
        shape = circuit.get("shape") or {}
        two = [counted(shape["two_qubit"], "two-qubit gate")] if "two_qubit" in shape else []
        return {
            "summary": ", ".join([*circuit_words.size(shape), *two]),
            "facts": list(_facts(circuit)),
            "drawing": drawing,
            "fallback": circuit_words.fallback(test),
        }

    def gate(self, gate: Mapping[str, Any]) -> dict[str, Any] | None:
        """What stands below the table of gates for one of them, None where nothing does."""
        if "shots" not in gate:
            return None
        rows = circuit_rows.largest(gate, OUTCOMES) if gate["shots"] else []
        if rows and self._tables <= 0:
            self.dropped += 1
            rows = []
        self._tables -= bool(rows)
        found = {
            "shots": counted(gate["shots"], "shot"),
            "outcomes": _views(rows),
            "causes": [] if gate["verdict"] == "pass" else list(_causes(gate)),
            "arms": [row._replace(name=clipped(row.name, _NAME)) for row in circuit_rows.arms(gate)[:_STREAMS]],
            "distance": circuit_words.measured(gate) if gate.get("tvd") is not None else "",
            "powers": list(circuit_powers.powers(gate)),
            "sequential": circuit_powers.sequential(gate),
            "rules_out": circuit_powers.rules_out(gate),
            "risk": percent(gate["beta"]),
            "quantity": _capital(circuit_rows.quantity(gate)),
            "unresolved": _unresolved(gate),
        }
        return found if any(found[name] for name in ("outcomes", "causes", "arms", "powers", "unresolved")) else None


def notes(gate: Mapping[str, Any]) -> list[str]:
    """What stands with the sentence of a gate: headroom, levels of noise, what a pass does not rule out."""
    if "shots" not in gate:
        return []
    left = circuit_words.unresolved(gate, _NAMED) if gate["verdict"] == "pass" else []
    return [*filter(None, [circuit_words.levels(gate), circuit_words.headroom(gate)]), *left]


def _unresolved(gate: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """What a pass does not rule out, one by one, where the notes of the gate do not name them all."""
    if gate["verdict"] != "pass":
        return []
    near, never = circuit_words.too_near(gate), circuit_words.never_seen(gate)
    return [
        (title, [*(clipped(name, _NAME) for name in names[:_UNRESOLVED]), *_more(len(names) - _UNRESOLVED)])
        for title, names in (("Too near to be told apart", near), ("Never revealed by this measurement", never))
        if len(names) > _NAMED
    ]


def _more(number: int) -> list[str]:
    return [f"and {number:,} more"] if number > 0 else []


def _capital(word: str) -> str:
    return word[0].upper() + word[1:]


def _views(rows: list[OutcomeRow]) -> list[OutcomeView]:
    # All others together may be nearly everything: on their scale each outcome would be a dot.
    longest = max((max(row.expected, row.observed) for row in rows if not row.rest), default=0.0) or 1.0
    return [
        OutcomeView(
            clipped(row.name, _NAME),
            percent(row.expected),
            row.seen,
            row.residual,
            row.deviations is None or abs(row.deviations) >= _FAR,
            pair(round(100 * row.expected / longest, 1), round(100 * row.observed / longest, 1)),
        )
        for row in rows
    ]


def _causes(gate: Mapping[str, Any]) -> Iterator[CauseView]:
    """Declared changes that are likelier than the reference, the likeliest first."""
    for cause in gate.get("causes") or ():
        if circuit_rows.explains(cause):
            small = ", too small to explain this" if circuit_rows.too_small(cause, gate) else ""
            said = f"{circuit_rows.likelihood(cause)}, TVD {figure(cause['tvd'])}{small}"
            yield CauseView(clipped(cause["name"], _NAME), said)


def _facts(circuit: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a reviewer asks of a circuit."""
    shape, described = circuit.get("shape") or {}, circuit.get("described") or {}
    if circuit.get("source"):
        yield "source", circuit["source"]
    if shape.get("gates"):
        yield "gates", ", ".join(f"{name} {number:,}" for name, number in shape["gates"].items())
    if shape:
        yield "depth", f"{shape['depth']:,}{_compiled(described, 'depth')}"
        yield "two-qubit gates", f"{shape['two_qubit']:,}{_compiled(described, 'two_qubit_gates')}"
    if circuit.get("backend", "aer") not in ("aer", "given"):
        yield "device", circuit_words.device(circuit)
    elif described:
        yield "noise", "; ".join([described["noise"], *described.get("noise_notes", ())])
        yield "shots", f"{described['method']}: {described['why']}"
    if described.get("layout"):
        yield "physical qubits", ", ".join(map(str, described["layout"]))
    if circuit.get("shots_ceiling"):
        yield "at most", counted(circuit["shots_ceiling"], "shot") + " a stream"
    if circuit.get("digest"):
        yield "digest", circuit["digest"]


def _compiled(described: Mapping[str, Any], name: str) -> str:
    """The same figure of the circuit as it is run, where it was compiled for a device."""
    return f" ({described[name]:,} as compiled)" if described.get("transpile") and name in described else ""
