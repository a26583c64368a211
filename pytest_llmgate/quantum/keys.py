"""The key under which results of a circuit are kept: everything that a compiler sees, in the order of the circuit.

`circuit_digest` says whether two circuits mean the same; it forgets the order of independent gates and barriers,
which move a compiler to another result and so to other noise. Two circuits with one key run exactly alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp, ParameterExpression

from pytest_llmgate.quantum.canonical import circuit_digest
from pytest_llmgate.quantum.walk import definition_of, is_standard


def circuit_key(circuit: QuantumCircuit) -> str:
    """64 hex digits: equal for circuits with the same operations in the same order on the same bits."""
    digest = sha256()
    registers = [[circuit.find_bit(bit).index for bit in register] for register in circuit.cregs]
    digest.update(repr((circuit.num_qubits, circuit.num_clbits, registers)).encode())
    for token in _tokens(circuit):
        digest.update(token)
    return digest.hexdigest()


def _tokens(circuit: QuantumCircuit) -> Iterator[bytes]:
    qubit_at = {bit: index for index, bit in enumerate(circuit.qubits)}
    clbit_at = {bit: index for index, bit in enumerate(circuit.clbits)}
    with_flow = False
    for instruction in circuit.data:
        qubits = [qubit_at[bit] for bit in instruction.qubits]
        clbits = [clbit_at[bit] for bit in instruction.clbits]
        if instruction.is_standard_gate():  # told without an object for each gate
            yield f"\n{instruction.name} {qubits} {clbits} None ".encode()
            yield from (_parameter(value) for value in instruction.params)
            continue
        operation = instruction.operation
        yield f"\n{operation.name} {qubits} {clbits} {getattr(operation, 'unit', None)} ".encode()
        if isinstance(operation, ControlFlowOp):
            with_flow = True
            for block in operation.blocks:
                yield from _tokens(block)
            continue
        yield from (_parameter(value) for value in getattr(operation, "params", ()))
        if not is_standard(operation) and (inner := definition_of(operation)) is not None:
            yield from _tokens(inner)
    if with_flow:  # conditions and expressions are written out there
        yield circuit_digest(circuit).encode()


def _parameter(value: Any) -> bytes:
    """Exact to the last bit."""
    if isinstance(value, ParameterExpression):
        value = str(value) if value.parameters else value.numeric()
    if isinstance(value, np.ndarray):
        return repr(value.shape).encode() + np.ascontiguousarray(value).tobytes()
    return f"{value!r};".encode()
