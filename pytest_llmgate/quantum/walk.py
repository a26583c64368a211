"""The operations of a circuit, one by one, with qubits and classical bits as indices of the whole circuit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp, ForLoopOp
from qiskit.circuit.library import C3XGate, C4XGate, MCXGate, UnitaryGate, get_standard_gate_name_mapping

from pytest_llmgate.core.errors import LlmgateError, Where, problem

MAX_OPERATIONS = 100_000


class Op(NamedTuple):
    """One operation at its place.

    operation: Qiskit's. qubits, clbits: indices in the outermost circuit. scope: that index of every classical bit
    which conditions at this place may name.
    """

    name: str
    operation: Any
    qubits: tuple[int, ...]
    clbits: tuple[int, ...]
    scope: Mapping[Any, int]

    @property
    def blocks(self) -> tuple[Any, ...]:
        """Bodies of control flow; empty for everything else."""
        return tuple(self.operation.blocks) if isinstance(self.operation, ControlFlowOp) else ()


@cache
def _standard() -> tuple[frozenset[type], frozenset[str]]:
    """Classes and names of what every reader of circuits knows without a definition."""
    known = get_standard_gate_name_mapping()
    classes = {gate.base_class for gate in known.values()} | {C3XGate, C4XGate, MCXGate, UnitaryGate}
    return frozenset(classes), frozenset(known) | {"mcx", "unitary"}


def standard_names() -> frozenset[str]:
    """Names of the gates that Qiskit knows without a definition."""
    return _standard()[1]


def is_standard(operation: Any) -> bool:
    """Whether the operation is one that Qiskit knows by name, rather than one with a definition of its own."""
    classes, names = _standard()
    return operation.name in names and getattr(operation, "base_class", None) in classes


def operations(circuit: QuantumCircuit, *, barriers: bool = False) -> Iterator[Op]:
    """Operations in the order of the circuit, definitions of custom gates expanded, without barriers unless asked for.

    Control flow comes as one operation; `inside` walks its bodies. Raises `circuit-too-long` beyond 100,000.
    """
    ops = _counted(_walk(circuit, range(circuit.num_qubits), range(circuit.num_clbits), {}))
    yield from (op for op in ops if barriers or op.name != "barrier")


def inside(op: Op) -> Iterator[Iterator[Op]]:
    """The operations of every body of a control flow operation."""
    for block in op.blocks:
        ops = _counted(_walk(block, op.qubits, op.clbits, op.scope))
        yield (inner for inner in ops if inner.name != "barrier")


def everything(circuit: QuantumCircuit) -> Iterator[Op]:
    """Operations of the circuit and of all bodies of its control flow, however deep."""
    yield from _with_bodies(operations(circuit))


def _with_bodies(ops: Iterator[Op]) -> Iterator[Op]:
    for op in ops:
        yield op
        for body in inside(op):
            yield from _with_bodies(body)


def _counted(ops: Iterator[Op]) -> Iterator[Op]:
    for count, op in enumerate(ops):
        if count == MAX_OPERATIONS:
            raise too_long()
        yield op


def too_long(where: Where | None = None) -> LlmgateError:
    """The error for a circuit that is too long, or whose gate definitions expand to too much."""
    hint = "gate definitions count with all that they expand to, loops with all their turns"
    return problem("circuit-too-long", f"the circuit has more than {MAX_OPERATIONS:,} operations", where, hint)


def _walk(
    circuit: QuantumCircuit, qubits: Sequence[int], clbits: Sequence[int], outer: Mapping[Any, int]
) -> Iterator[Op]:
    """qubits, clbits: outer index of every bit of this circuit, in its order."""
    qubit_at = dict(zip(circuit.qubits, qubits, strict=True))
    scope = {**outer, **dict(zip(circuit.clbits, clbits, strict=True))}
    for instruction in circuit.data:
        operation = instruction.operation
        on = tuple(qubit_at[qubit] for qubit in instruction.qubits)
        to = tuple(scope[clbit] for clbit in instruction.clbits)
        inner = definition_of(operation)
        if inner is None:
            yield Op(operation.name, operation, on, to, scope)
        else:
            yield from _walk(inner, on, to, {})


def definition_of(operation: Any) -> QuantumCircuit | None:
    """The circuit that a custom gate stands for; None for what needs or has none."""
    if is_standard(operation) or isinstance(operation, ControlFlowOp):
        return None
    return getattr(operation, "definition", None)


def expanded_size(circuit: QuantumCircuit) -> int:
    """Number of operations with all definitions expanded, without expanding them: each kind of gate is counted once.

    The body of a `for` counts in each of its turns, as simulators write them out. Gates of the same name and parameters
    are taken for the same, so that this is an early estimate, no proof.
    """
    return _size_of(circuit, {})


def _size_of(circuit: QuantumCircuit, known: dict[tuple[str, str], int]) -> int:
    total = 0
    for instruction in circuit.data:
        operation = instruction.operation
        bodies = operation.blocks if isinstance(operation, ControlFlowOp) else ()
        inner = definition_of(operation)
        if inner is None:
            total += 1 + _turns(operation) * sum(_size_of(body, known) for body in bodies)
            continue
        key = (operation.name, str(operation.params))
        if key not in known:
            known[key] = _size_of(inner, known)
        total += known[key]
    return total


def _turns(operation: Any) -> int:
    """How often the body of a control flow operation is written out."""
    if not isinstance(operation, ForLoopOp):
        return 1
    try:
        return len(operation.params[0])
    except OverflowError:  # a range that no memory holds
        return MAX_OPERATIONS


def expanded(circuit: QuantumCircuit) -> QuantumCircuit:
    """The same circuit with the definitions of custom gates in their place, in bodies of control flow too."""
    plain = circuit.copy_empty_like()
    for op in operations(circuit, barriers=True):
        operation = op.operation
        if op.blocks:
            operation = operation.replace_blocks([expanded(block) for block in op.blocks])
        plain.append(operation, op.qubits, op.clbits)
    return plain
