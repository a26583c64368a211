"""Which edits of a circuit come out as the same circuit, without building or comparing the circuits.

Operations that share no bit may change places. Two circuits are therefore the same exactly where on every bit the same
operations stand in the same order (projections of traces: Cori & Perrin 1985, RAIRO 19). So an edit is known by the
bits on which it changes something, and by what stands there afterwards.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction

from pytest_llmgate.quantum.canonical import DECIMALS, SAME_GATE
from pytest_llmgate.quantum.edits import Edit, Path

EditKey = frozenset[tuple[int, tuple[Hashable, ...]]]
"""The bits that an edit changes, each with what stands on it then; empty for an edit that changes nothing."""


class EditKeys:
    """Keys of the edits of one circuit: equal for edits that make the same circuit. For `edits` of the same circuit."""

    def __init__(self, circuit: QuantumCircuit) -> None:
        self._circuit = circuit
        self._bits = {bit: number for number, bit in enumerate((*circuit.qubits, *circuit.clbits))}
        self._numbers: dict[Hashable, int] = {}  # what stands at a place, as a small number: sequences compare fast
        self._standing = [self._number(step, position) for position, step in enumerate(circuit.data)]
        self._lines: dict[int, list[int]] = {}  # positions on each bit
        for position, step in enumerate(circuit.data):
            if step.name != "barrier":
                for bit in self._of(step):
                    self._lines.setdefault(bit, []).append(position)
        self._inside: dict[tuple[int, int], EditKeys] = {}

    def key(self, edit: Edit) -> EditKey:
        """The key of an edit."""
        return self._key(edit, edit.path)

    def _key(self, edit: Edit, path: Path) -> EditKey:
        if path:
            (position, number), rest = path[0], path[1:]
            inner = self._body(position, number)._key(edit, rest)
            return self._changed({position: (number, inner)}) if inner else frozenset()
        instead = None if edit.instead is None else self._number(edit.instead, -1)
        return self._changed(dict.fromkeys(edit.positions, instead))

    def _changed(self, placed: Mapping[int, Hashable]) -> EditKey:
        """placed: what stands at some positions now; None for nothing."""
        found = []
        for bit in {bit for position in placed for bit in self._of(self._circuit.data[position])}:
            before = [self._standing[position] for position in self._lines[bit]]
            now = [placed.get(position, self._standing[position]) for position in self._lines[bit]]
            after = tuple(item for item in now if item is not None)
            if after != tuple(before):
                found.append((bit, after))
        return frozenset(found)

    def _body(self, position: int, number: int) -> EditKeys:
        if (position, number) not in self._inside:
            block = self._circuit.data[position].operation.blocks[number]
            self._inside[position, number] = EditKeys(block)
        return self._inside[position, number]

    def _of(self, step: CircuitInstruction) -> tuple[int, ...]:
        return tuple(self._bits[bit] for bit in (*step.qubits, *step.clbits))

    def _number(self, step: CircuitInstruction, position: int) -> int:
        """Of an operation on its bits. Control flow is like nothing but itself."""
        operation = step.operation
        flow = position if getattr(operation, "blocks", None) else None
        parameters = tuple(_parameter(value) for value in operation.params) if flow is None else ()
        name = SAME_GATE.get(operation.name, operation.name)
        token = (name, flow, parameters, getattr(operation, "unit", None), self._of(step))
        return self._numbers.setdefault(token, len(self._numbers))


def _parameter(value: Any) -> Hashable:
    """Rounded as in a circuit's digest."""
    if isinstance(value, (int, float)):
        return round(value, DECIMALS) + 0.0
    return value.tobytes() if isinstance(value, np.ndarray) else str(value)
