"""Gates of one's own that bear the name of a standard gate, settled before a simulator goes by the name.

OpenQASM has few standard gates; files define the others themselves, and simulators then run the gate that they know by
that name, whatever the definition says. Here such a gate becomes the standard one where it does the same up to global
phase, and its definition is written in place where it does not.
"""

from __future__ import annotations

from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.quantum_info import Operator

from pytest_llmgate.quantum.walk import definition_of, standard_names


def settled(circuit: QuantumCircuit) -> QuantumCircuit:
    """The same circuit without gates whose name promises another gate than they are; itself where it has none."""
    if not any(_conflicted(instruction.operation) for instruction in circuit.data):
        return circuit
    clean = circuit.copy_empty_like()
    for instruction in circuit.data:
        operation = instruction.operation
        if not _conflicted(operation):
            clean.append(operation, instruction.qubits, instruction.clbits)
        elif isinstance(operation, ControlFlowOp):
            blocks = [settled(block) for block in operation.blocks]
            clean.append(operation.replace_blocks(blocks), instruction.qubits, instruction.clbits)
        elif (standard := _namesake(operation)) is not None:
            clean.append(standard, instruction.qubits, instruction.clbits)
        else:
            clean.compose(settled(operation.definition), instruction.qubits, instruction.clbits, inplace=True)
    return clean


def _conflicted(operation: Any) -> bool:
    """Whether the operation, or one inside it, bears a standard gate's name without being that gate."""
    if isinstance(operation, ControlFlowOp):
        return any(_conflicted(inner.operation) for block in operation.blocks for inner in block.data)
    definition = definition_of(operation)
    if definition is None:
        return False
    if operation.name in standard_names():
        return True
    return any(_conflicted(inner.operation) for inner in definition.data)


def _namesake(operation: Any) -> Any:
    """The standard gate of this name with these parameters, where it is the same gate up to global phase."""
    known = get_standard_gate_name_mapping().get(operation.name)
    if known is None or known.num_qubits != operation.num_qubits or len(known.params) != len(operation.params):
        return None
    gate = known.base_class(*operation.params)
    try:
        same = Operator(gate).equiv(Operator(settled(operation.definition)))
    except Exception:  # free parameters, or something that is not unitary: the definition stands
        return None
    return gate if same else None
