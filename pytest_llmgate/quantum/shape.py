"""The figures of a circuit that a reader compares when it has changed, and a drawing of bounded size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp

from pytest_llmgate.quantum.load import is_dynamic
from pytest_llmgate.quantum.outcomes import widths
from pytest_llmgate.quantum.walk import everything, operations

MAX_DRAWN_QUBITS = 32
MAX_DRAWN_OPERATIONS = 200
MAX_DRAWN_LINES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Size of a circuit, gate definitions expanded, barriers left aside.

    widths: bits of the classical registers as printed, leftmost first. gates: number of operations by name, those in
    bodies of control flow included, names sorted. depth: longest chain of operations, a control flow operation being
    one. two_qubit: gates on exactly two qubits. dynamic: whether shots must be run one by one.
    """

    qubits: int
    widths: tuple[int, ...]
    gates: Mapping[str, int]
    depth: int
    two_qubit: int
    measurements: int
    dynamic: bool


def shape_of(circuit: QuantumCircuit) -> Shape:
    """Count what the circuit is made of. Raises `circuit-too-long`."""
    ops = list(everything(circuit))
    names = Counter(op.name for op in ops)
    pairs = [op for op in ops if len(op.qubits) == 2 and not isinstance(op.operation, ControlFlowOp)]
    return Shape(
        qubits=circuit.num_qubits,
        widths=widths(circuit),
        gates=dict(sorted(names.items())),
        depth=_depth(circuit),
        two_qubit=len(pairs),
        measurements=names["measure"],
        dynamic=is_dynamic(circuit),
    )


def _depth(circuit: QuantumCircuit) -> int:
    depth_at: dict[tuple[str, int], int] = {}
    for op in operations(circuit):
        wires = [*(("q", qubit) for qubit in op.qubits), *(("c", clbit) for clbit in op.clbits)]
        step = 1 + max((depth_at.get(wire, 0) for wire in wires), default=0)
        depth_at.update(dict.fromkeys(wires, step))
    return max(depth_at.values(), default=0)


def drawing(circuit: QuantumCircuit, width: int = 100) -> str:
    """The circuit as text, idle qubits left aside; what had to be left out is said in the last line.

    width: columns, at least 40; longer circuits continue below.
    """
    shown = circuit.copy_empty_like()
    drawn: set[int] = set()
    for instruction in circuit.data:
        on = {circuit.find_bit(qubit).index for qubit in instruction.qubits}
        if len(shown.data) == MAX_DRAWN_OPERATIONS:
            break
        if len(drawn | on) <= MAX_DRAWN_QUBITS:
            shown.append(instruction)
            drawn |= on
    text = str(shown.draw("text", fold=max(width, 40), idle_wires=False))
    lines = [line.rstrip() for line in text.split("\n")]
    left_out = [(len(circuit.data) - len(shown.data), "operations"), (len(lines) - MAX_DRAWN_LINES, "lines")]
    notes = [f"{count:,} more {what}" for count, what in left_out if count > 0]
    return "\n".join([*lines[:MAX_DRAWN_LINES], *([f"… {', '.join(notes)} not drawn"] if notes else [])])
