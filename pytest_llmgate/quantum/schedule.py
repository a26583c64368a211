"""What a circuit's measurements mean for a simulation: which can wait for the end, and which nobody ever looks at."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction


class Schedule(NamedTuple):
    """A circuit cut before the measurements that can wait for the end.

    steps: what runs before them. reads: which qubit is read into which classical bit, by the bit. is_static: whether
    the steps neither measure nor branch.
    """

    steps: tuple[CircuitInstruction, ...]
    reads: tuple[tuple[int, int], ...]
    is_static: bool


def schedule(circuit: QuantumCircuit) -> Schedule:
    """The same circuit with fewer measurements on the way.

    A measurement waits for the end where nothing touches its qubit or its bit later. One whose bit is written again
    before anything reads it only dephases its qubit. A reset of a qubit that nothing has touched does nothing.
    """
    steps: list[CircuitInstruction] = []
    reads: dict[int, int] = {}
    used: set[Any] = set()  # qubits of later operations
    next_use: dict[Any, Literal["write", "read"]] = {}  # of each classical bit
    for step in reversed(list(_without_idle_resets(circuit.data))):
        if step.is_standard_gate():
            steps.append(step)
            used.update(step.qubits)
            continue
        is_measure = step.name == "measure"
        if is_measure and step.clbits[0] not in next_use and step.qubits[0] not in used:
            reads[circuit.find_bit(step.qubits[0]).index] = circuit.find_bit(step.clbits[0]).index
        elif is_measure and next_use.get(step.clbits[0]) == "write":
            steps.append(CircuitInstruction(_dephasing(), step.qubits))
        else:
            steps.append(step)
        used.update(step.qubits)
        next_use.update(dict.fromkeys(step.clbits, "write" if is_measure else "read"))
    is_static = not any(step.clbits or step.is_control_flow() for step in steps)
    by_bit = sorted(reads.items(), key=lambda read: read[1])
    return Schedule(tuple(reversed(steps)), tuple(by_bit), is_static)


def _without_idle_resets(data: Iterable[CircuitInstruction]) -> Iterable[CircuitInstruction]:
    touched: set[Any] = set()
    for step in data:
        if step.name == "barrier" or (step.name == "reset" and step.qubits[0] not in touched):
            continue
        touched.update(step.qubits)
        yield step


@cache
def _dephasing() -> Any:
    """A measurement whose outcome is forgotten."""
    from qiskit.quantum_info import Kraus

    return Kraus([np.diag([1.0, 0.0]), np.diag([0.0, 1.0])]).to_instruction()
