"""Circuits as a suite names them: OpenQASM, QPY, or a Python function; and what any of them must be."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from numbers import Real
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp, Gate
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Clifford

from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.core.files import MAX_BYTES, SuiteFiles
from pytest_llmgate.quantum.limits import check_size
from pytest_llmgate.quantum.python_source import call
from pytest_llmgate.quantum.qasm import parse_qasm
from pytest_llmgate.quantum.qpy_file import parse_qpy
from pytest_llmgate.quantum.settled import settled
from pytest_llmgate.quantum.walk import MAX_OPERATIONS, Op, everything, expanded_size, is_standard, operations, too_long

_HARMLESS = frozenset({"measure", "reset", "delay"})  # in stabilizer simulation, as every Clifford gate is


def load_circuit(
    source: str, files: SuiteFiles, where: Where | None, values: Mapping[str, Any] | None = None
) -> QuantumCircuit:
    """The circuit that a suite names; its parameters stay free.

    source: a .qasm file (OpenQASM 2 or 3, by its version line), a .qpy file with one circuit, or "file.py:function".
    values: of the case; a function is called with those that it takes. where: the place that names the source.
    Raises LlmgateError: `circuit-source`, `circuit-syntax`, `circuit-gate-unknown`, `circuit-include`, `circuit-qpy`,
    `circuit-function`, `circuit-too-wide`, `circuit-too-long`, `too-deep`, and what reading a file raises.
    """
    circuit = _raw(source, files, where, values or {})
    check_size(circuit.num_qubits, circuit.num_clbits, where)
    try:
        _check_operations(circuit, where)
        return settled(circuit)
    except RecursionError:
        raise problem("too-deep", f"the gate definitions of {source!r} are nested too deep", where) from None


def _check_operations(circuit: QuantumCircuit, where: Where | None) -> None:
    """See that expanding gate definitions comes to an end, and that there is a definition wherever one is needed."""
    if expanded_size(circuit) > MAX_OPERATIONS:
        raise too_long(where)
    for op in everything(circuit):
        if isinstance(op.operation, Gate) and not is_standard(op.operation) and not hasattr(op.operation, "__array__"):
            hint = "simulators need a definition, `gate name a, b { … }`, or the gate's matrix"
            raise problem("circuit-gate-unknown", f"the gate {op.name!r} is declared without a definition", where, hint)
        if any(isinstance(value, float) and not math.isfinite(value) for value in getattr(op.operation, "params", ())):
            message = f"a parameter of the gate {op.name!r} is no finite number"
            raise problem("circuit-parameters", message, where, "give an angle in radians")


def _raw(source: str, files: SuiteFiles, where: Where | None, values: Mapping[str, Any]) -> QuantumCircuit:
    if source.endswith(".qasm"):
        return parse_qasm(files.read_text(source, where), files.shown(files.resolve(source, where)))
    if source.endswith(".qpy"):
        return parse_qpy(*_bytes_of(source, files, where))
    if ":" in source and source.rpartition(":")[0].endswith(".py"):
        return call(source, files, where, values)
    hint = 'circuits are .qasm (OpenQASM 2 or 3), .qpy, or "file.py:function"'
    raise problem("circuit-source", f"{source!r} is not a circuit by its name", where, hint)


def _bytes_of(name: str, files: SuiteFiles, where: Where | None) -> tuple[bytes, Where]:
    path = files.resolve(name, where)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise problem("file-too-large", f"{name!r} is larger than {MAX_BYTES >> 20} MiB", where)
        return path.read_bytes(), Where(files.shown(path))
    except OSError as fault:
        raise problem("file-unreadable", f"{name!r} cannot be read: {fault.strerror}", where) from None


def bind(
    circuit: QuantumCircuit, values: Mapping[str, Any], where: Where | None, *, used: Collection[str] = ()
) -> QuantumCircuit:
    """The circuit with a number for each of its parameters.

    values: numbers by the parameter's name (`theta`, `theta[0]`), or a list under the name of a vector. used: names
    that a function already took, so that they may be no parameters. Raises `circuit-parameters`, naming all at fault.
    """
    given = _spread(values, circuit)
    names = {parameter.name for parameter in circuit.parameters}
    missing = sorted(names - set(given))
    unknown = sorted(set(given) - names - set(used))
    if missing or unknown:
        parts = [f"{what}: {', '.join(map(repr, some[:9]))}" for what, some in
                 (("no value for", missing), ("no such parameter", unknown)) if some]  # fmt: skip
        hint = f"its parameters are {', '.join(sorted(names)[:20])}" if names else "the circuit has no parameters"
        raise _unbound("; ".join(parts), where, hint)
    if not names:
        return circuit
    return circuit.assign_parameters({name: _number(name, given[name], where) for name in names})


def _spread(values: Mapping[str, Any], circuit: QuantumCircuit) -> dict[str, Any]:
    """Lists under the name of a vector become one value for each of its elements."""
    vectors = {parameter.vector.name for parameter in circuit.parameters if hasattr(parameter, "vector")}
    spread: dict[str, Any] = {}
    for name, value in values.items():
        if name in vectors and isinstance(value, Sequence) and not isinstance(value, str):
            spread.update({f"{name}[{index}]": item for index, item in enumerate(value)})
        else:
            spread[name] = value
    return spread


def _number(name: str, value: Any, where: Where | None) -> float:
    """Cases from CSV files hold numbers as text, so that numerals are a number too."""
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, (Real, str)) else float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise _unbound(f"parameter {name!r} is {str(value)[:40]!r}", where, "give a finite number, an angle in radians")
    return number


def _unbound(message: str, where: Where | None, hint: str) -> LlmgateError:
    return problem("circuit-parameters", message, where, hint)


# ---- what a circuit is


def check_measured(circuit: QuantumCircuit, where: Where | None) -> None:
    """See that the circuit has outcomes. Raises `circuit-no-measurement`, `circuit-registers`."""
    if not any(op.name == "measure" for op in everything(circuit)):
        hint = "end it with circuit.measure_all(), `measure q -> c;` (OpenQASM 2) or `c = measure q;` (OpenQASM 3)"
        raise problem("circuit-no-measurement", "the circuit measures nothing, so it has no outcomes", where, hint)
    in_registers = [bit for register in circuit.cregs for bit in register]
    if circuit.cregs and (len(in_registers), set(in_registers)) != (circuit.num_clbits, set(circuit.clbits)):
        hint = "put every classical bit into exactly one register: in OpenQASM 3 `bit[1] c;`, not `bit c;`"
        raise problem("circuit-registers", "classical bits lie outside of the registers, or in two", where, hint)


def is_dynamic(circuit: QuantumCircuit) -> bool:
    """Whether shots must be run one by one: control flow, a reset, or anything after a measurement of the same bits."""
    measured: set[int] = set()
    written: set[int] = set()
    for op in operations(circuit):
        if isinstance(op.operation, ControlFlowOp) or op.name in ("reset", "store"):
            return True
        if op.name == "delay":
            continue
        if measured.intersection(op.qubits) or written.intersection(op.clbits):
            return True
        if op.name == "measure":
            measured.update(op.qubits)
            written.update(op.clbits)
    return False


def is_clifford(circuit: QuantumCircuit) -> bool:
    """Whether every gate is a Clifford gate, rotations by multiples of π/2 included."""
    seen: dict[tuple[str, str], bool] = {}
    return all(_is_clifford(op, seen) for op in everything(circuit))


def _is_clifford(op: Op, seen: dict[tuple[str, str], bool]) -> bool:
    if op.name in _HARMLESS or isinstance(op.operation, ControlFlowOp):
        return True
    key = (op.name, str(getattr(op.operation, "params", "")))
    if key not in seen:
        try:
            seen[key] = Clifford(op.operation) is not None
        except (QiskitError, TypeError):
            seen[key] = False
    return seen[key]


def used_qubits(circuit: QuantumCircuit) -> tuple[int, ...]:
    """Indices of the qubits on which anything happens; a barrier is nothing."""
    return tuple(sorted({qubit for op in operations(circuit) for qubit in op.qubits}))
