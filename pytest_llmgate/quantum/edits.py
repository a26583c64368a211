"""Single mistakes in a circuit: where they can be made, what they are called, and the circuit with one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, ControlFlowOp, Gate

from pytest_llmgate.quantum.walk import is_standard

STEP = 0.1  # radians by which an angle is off
_ANGLES: Mapping[str, str] = {"u": "θφλ", "u3": "θφλ", "u2": "φλ", "r": "θφ", "cu3": "θφλ", "cu": "θφλγ"}
_SYMMETRIC = frozenset(
    {"cz", "cp", "cu1", "cs", "csdg", "swap", "iswap", "rxx", "ryy", "rzz", "ccz", "xx_plus_yy", "xx_minus_yy"}
)
_BASIS_CHANGES = (("sdg", "h"), ("h",), ("rx",), ("ry",), ("sx",), ("sxdg",))  # as they stand before a measurement

Path = tuple[tuple[int, int], ...]  # into bodies of control flow: position of the operation, number of the body
EditKind = Literal["basis-missing", "gate-missing", "swapped", "angle"]


class Edit(NamedTuple):
    """One mistake: at `positions` of the body at `path` stands `instead`; None is nothing at all."""

    kind: EditKind
    name: str
    path: Path
    positions: tuple[int, ...]
    instead: CircuitInstruction | None = None


def edits(circuit: QuantumCircuit) -> list[Edit]:
    """All single mistakes, those of a kind together, in the order of the circuit.

    circuit: with its gate definitions expanded. A forgotten basis change comes before the missing gate that it may be.
    """
    index = {qubit: place for place, qubit in enumerate(circuit.qubits)}
    found = [*_bases(circuit), *_gates(circuit, index, (), "")]
    order: list[EditKind] = ["basis-missing", "gate-missing", "swapped", "angle"]
    return sorted(found, key=lambda edit: order.index(edit.kind))


def _gates(circuit: QuantumCircuit, index: Mapping[Any, int], path: Path, inside: str) -> Iterator[Edit]:
    """index: number of every qubit of this body in the whole circuit."""
    for position, instruction in enumerate(circuit.data):
        operation = instruction.operation
        if isinstance(operation, ControlFlowOp):
            for number, block in enumerate(operation.blocks):
                inner = dict(zip(block.qubits, (index[qubit] for qubit in instruction.qubits), strict=True))
                yield from _gates(block, inner, (*path, (position, number)), f" (inside {operation.name})")
        elif isinstance(operation, Gate) or operation.name == "reset":
            label = f"{_written(operation)} {','.join(f'q{index[qubit]}' for qubit in instruction.qubits)}"
            for kind, what, instead in _mistakes(instruction):
                yield Edit(kind, f"{label}{what}{inside}", path, (position,), instead)


def _written(operation: Any) -> str:
    """A gate as a reader knows it: `ry(0.5)`."""
    numbers = [f"{float(item):.4g}" for item in operation.params if isinstance(item, (int, float))]
    return f"{operation.name}({','.join(numbers)})" if numbers else str(operation.name)


def _mistakes(instruction: CircuitInstruction) -> Iterator[tuple[EditKind, str, CircuitInstruction | None]]:
    operation, qubits = instruction.operation, list(instruction.qubits)
    yield "gate-missing", " missing", None
    if len(qubits) > 1 and operation.name not in _SYMMETRIC and operation.name != "unitary":
        first, last = (0, -1) if operation.name == "cswap" else (-2, -1)
        swapped = qubits.copy()
        swapped[first], swapped[last] = qubits[last], qubits[first]
        controlled = hasattr(operation, "num_ctrl_qubits")
        what = "control and target swapped" if controlled else "qubits swapped"
        yield "swapped", f": {what}", instruction.replace(qubits=tuple(swapped))
    if is_standard(operation) and operation.name not in ("delay", "unitary"):
        for place, angle in enumerate(operation.params):
            if isinstance(angle, (int, float)):
                yield from _off(instruction, place)


def _off(instruction: CircuitInstruction, place: int) -> Iterator[tuple[EditKind, str, CircuitInstruction]]:
    """The gate with one of its angles too large, and too small."""
    operation = instruction.operation
    letters = _ANGLES.get(operation.name, "")
    angle = letters[place] if letters else "angle"
    for sign, step in (("+", STEP), ("−", -STEP)):
        changed = operation.to_mutable()
        changed.params = [item + step if number == place else item for number, item in enumerate(operation.params)]
        yield "angle", f": {angle} {sign} {STEP:g}", instruction.replace(operation=changed)


def _bases(circuit: QuantumCircuit) -> Iterator[Edit]:
    """Gates right before a measurement that turn its basis: each qubit's left out, and all of them at once."""
    before: dict[Any, list[int]] = {}
    all_positions: list[int] = []
    changed = 0
    for position, instruction in enumerate(circuit.data):
        operation, qubits = instruction.operation, instruction.qubits
        if operation.name == "barrier":
            continue
        if operation.name == "measure":
            qubit = qubits[0]
            if positions := _basis_change(circuit, before.pop(qubit, [])):
                name = f"basis change before measuring q{circuit.find_bit(qubit).index} missing"
                yield Edit("basis-missing", name, (), positions)
                all_positions += positions
                changed += 1
        elif len(qubits) == 1 and isinstance(operation, Gate):
            before.setdefault(qubits[0], []).append(position)
        else:
            for qubit in qubits:
                before.pop(qubit, None)
    if changed > 1:
        yield Edit("basis-missing", "basis change before all measurements missing", (), tuple(all_positions))


def _basis_change(circuit: QuantumCircuit, run: list[int]) -> tuple[int, ...]:
    """The end of a run of gates on one qubit that measures X or Y instead of Z; empty where it has none."""
    names = tuple(circuit.data[position].operation.name for position in run)
    for change in _BASIS_CHANGES:
        if names[-len(change) :] == change:
            return tuple(run[-len(change) :])
    return ()


def with_edit(circuit: QuantumCircuit, edit: Edit) -> QuantumCircuit:
    """The circuit with one mistake; registers and everything else stay."""
    return _edited(circuit, edit.path, edit)


def _edited(circuit: QuantumCircuit, path: Path, edit: Edit) -> QuantumCircuit:
    if path:
        return _edited_inside(circuit, path, edit)
    changed = circuit.copy()
    for position in sorted(edit.positions, reverse=True):
        if edit.instead is None:
            del changed.data[position]
        else:
            changed.data[position] = edit.instead
    return changed


def _edited_inside(circuit: QuantumCircuit, path: Path, edit: Edit) -> QuantumCircuit:
    """Written anew: control flow must not be put in the place of another operation."""
    changed = circuit.copy_empty_like()
    (inner, number), rest = path[0], path[1:]
    for position, instruction in enumerate(circuit.data):
        if position == inner:
            blocks = list(instruction.operation.blocks)
            blocks[number] = _edited(blocks[number], rest, edit)
            instruction = instruction.replace(operation=instruction.operation.replace_blocks(blocks))
        changed.append(instruction)
    return changed
