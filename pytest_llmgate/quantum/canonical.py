"""A digest of what a circuit does, not of how its file is written.

Two circuits have the same digest when they apply the same operations to the same qubits and classical bits, up to the
order of operations that share no bit. What counts: operations, angles (rounded to 1e-12, not reduced by 2π), indices
of bits, widths of classical registers, control flow with its conditions, names of free parameters. What does not: names
of registers and of the circuit, metadata, barriers, global phase, labels, and whether a gate of one's own is written as
a definition or in place. `u1`, `cu1` and `u3` are the same gates as `p`, `cp` and `u`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Clbit, ParameterExpression
from qiskit.circuit.classical import expr
from qiskit.circuit.controlflow import CASE_DEFAULT, ForLoopOp, IfElseOp, SwitchCaseOp, WhileLoopOp

from pytest_llmgate.core.codec import digest
from pytest_llmgate.quantum.walk import Op, inside, operations

DECIMALS = 12  # of an angle; text formats round-trip to more
MAX_LISTED = 10_000  # indices of a loop; a longer range is named by its ends
SAME_GATE = {"u1": "p", "cu1": "cp", "u3": "u"}
_PARTS = ("op", "operand", "left", "right", "target", "index", "value", "name")  # of nodes of classical expressions

Token = Any  # JSON-ready
Wire = int | str  # qubits count from 0; classical bits and variables are texts


def circuit_digest(circuit: QuantumCircuit) -> str:
    """`sha256:…` of a circuit in canonical form. Raises `circuit-too-long`."""
    variables = {var: f"v{index}" for index, var in enumerate(circuit.iter_vars())}
    return digest(
        {
            "qubits": circuit.num_qubits,
            "clbits": circuit.num_clbits,
            "registers": [[circuit.find_bit(bit).index for bit in register] for register in circuit.cregs],
            "operations": _ordered(operations(circuit), variables),
        }
    )


def _ordered(ops: Iterable[Op], variables: Mapping[Any, str]) -> list[Token]:
    """Operations by their earliest possible step, then by bits: two in one step share no bit, so this is one order."""
    step_of: dict[Wire, int] = {}
    placed: list[tuple[_Place, Token]] = []
    for op in ops:
        reading = _Reading(op, variables)
        token = reading.token()
        wires: list[Wire] = [*op.qubits, *reading.read, *(f"c{clbit}" for clbit in op.clbits)]
        step = 1 + max((step_of.get(wire, -1) for wire in wires), default=-1)
        step_of.update(dict.fromkeys(wires, step))
        placed.append((_Place(step, op.qubits, op.clbits, sorted(reading.read)), token))
    placed.sort(key=lambda entry: entry[0])
    return [token for _, token in placed]


def clbits_read(op: Op) -> set[int]:
    """Indices of the classical bits at which an operation's own condition or expressions look."""
    reading = _Reading(op, {})
    reading.token()
    return {int(wire[1:]) for wire in reading.read if wire.startswith("c")}


class _Place(NamedTuple):
    step: int
    qubits: tuple[int, ...]
    clbits: tuple[int, ...]
    read: list[str]


class _Reading:
    """Writes one operation as JSON. variables: names of classical variables. read: what its expressions look at."""

    def __init__(self, op: Op, variables: Mapping[Any, str]) -> None:
        self._op = op
        self._variables = variables
        captured = (var for block in op.blocks for var in block.iter_captured_vars())
        self.read = {variables.get(var, var.name) for var in captured}

    def token(self) -> Token:
        """Name, bits, parameters and bodies."""
        op = self._op
        parameters = [self._value(item) for item in _parameters(op)]
        bodies = [_ordered(body, self._variables) for body in inside(op)]
        return [SAME_GATE.get(op.name, op.name), list(op.qubits), list(op.clbits), parameters, bodies]

    def _value(self, value: Any) -> Token:
        """A parameter, a condition, or a part of one."""
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, ParameterExpression):
            return str(value) if value.parameters else self._value(value.numeric())
        if isinstance(value, (int, float, complex, np.number)):
            return _number(value)
        if isinstance(value, Clbit):
            return self._reads(f"c{self._op.scope[value]}")
        if isinstance(value, expr.Expr):
            return self._expression(value)
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], (Clbit, ClassicalRegister)):
            return self._expression(expr.lift_legacy_condition(value))
        if isinstance(value, range) and len(value) > MAX_LISTED:
            return str(value)
        if isinstance(value, Iterable):  # arrays, registers, index sets, labels
            return [self._value(item) for item in value]
        return "default" if value is CASE_DEFAULT else str(value)

    def _reads(self, wire: str) -> str:
        self.read.add(wire)
        return wire

    def _expression(self, node: Any) -> Token:
        """A classical expression as nested lists; casts that Qiskit puts in by itself do not count."""
        if isinstance(node, expr.Var):
            return self._reads(self._variables.get(node, node.name)) if node.standalone else self._value(node.var)
        if isinstance(node, expr.Cast) and node.implicit:
            return self._expression(node.operand)
        parts = [getattr(node, name) for name in _PARTS if hasattr(node, name)]
        return [type(node).__name__, *(part.name if isinstance(part, Enum) else self._value(part) for part in parts)]


def _parameters(op: Op) -> Iterator[Any]:
    """What an operation says besides its bits and bodies."""
    operation = op.operation
    if isinstance(operation, (IfElseOp, WhileLoopOp)):
        yield operation.condition
    elif isinstance(operation, SwitchCaseOp):
        yield operation.target
        yield [list(labels) for labels, _ in operation.cases_specifier()]
    elif isinstance(operation, ForLoopOp):
        yield from operation.params[:2]
    elif op.blocks:
        yield from (getattr(operation, key, None) for key in ("duration", "unit"))
    elif hasattr(operation, "params"):
        yield from operation.params
        yield operation.unit if op.name == "delay" else None
        yield getattr(operation, "condition", None)  # before Qiskit 2.0 every gate could have one
    else:
        yield operation.to_matrix() if hasattr(operation, "to_matrix") else repr(operation)


def _number(value: Any) -> Token:
    """Rounded, so that the last bits of an angle do not count; 1 and 1.0 are the same, and so are -0.0 and 0.0."""
    if isinstance(value, (complex, np.complexfloating)):
        return [_number(value.real), _number(value.imag)]
    if isinstance(value, int) and abs(value) >= 2**53:
        return str(value)
    return repr(round(float(value), DECIMALS) + 0.0)
