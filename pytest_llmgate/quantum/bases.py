"""The same circuit measured in another basis: what a phase fault changes, which Z measurements cannot see.

A basis is a letter for all measured bits (`X`), or a text with a letter for each (`XZY`), which stand in the order of
the outcomes' bits: the rightmost letter is that of the first bit. X is measured by H, and Y by S† then H, right before
the measurement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import shake_256
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import Clbit, Measure
from qiskit.circuit.library import HGate, SdgGate

from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.quantum.canonical import clbits_read
from pytest_llmgate.quantum.walk import everything

LETTERS = "XYZ"
MAX_BASES = 100
_ROTATIONS = {"X": (HGate,), "Y": (SdgGate, HGate), "Z": ()}


def measured_bits(circuit: QuantumCircuit) -> tuple[int, ...]:
    """Indices of the classical bits that are measured anywhere, in the order of a printed outcome, leftmost first."""
    found = {clbit for op in everything(circuit) if op.name == "measure" for clbit in op.clbits}
    registers: list[Sequence[Clbit]] = [*circuit.cregs] or [circuit.clbits]
    printed = [circuit.find_bit(bit).index for register in reversed(registers) for bit in reversed(register)]
    return tuple(index for index in printed if index in found)


def in_basis(circuit: QuantumCircuit, basis: str, where: Where | None = None) -> QuantumCircuit:
    """The circuit with rotations before its final measurements.

    basis: a letter for all, or one for each measured bit. Raises `circuit-basis` for other texts, and for bits that
    the basis would rotate although their measurement is not the last that happens to them.
    """
    bits = measured_bits(circuit)
    letters = dict(zip(bits, _letters(basis, len(bits), where), strict=True))
    rotated = {bit: letter for bit, letter in letters.items() if letter != "Z"}
    if not rotated:
        return circuit
    final = _final_measurements(circuit)
    if inner := sorted(set(rotated) - set(final)):
        raise _not_final(basis, inner, where)
    return _rotated(circuit, {final[bit]: letter for bit, letter in rotated.items()})


def _letters(basis: str, bits: int, where: Where | None) -> str:
    letters = basis.replace(" ", "")
    if not letters or set(letters) - set(LETTERS):
        raise _wrong(f"the basis {basis[:40]!r} is not made of X, Y and Z", where, "write X, or a letter for each bit")
    if len(letters) not in (1, bits):
        hint = "write one letter for all, or one for each measured bit as the outcomes are printed"
        raise _wrong(f"the basis {basis[:40]!r} has {len(letters)} letters for {bits} measured bits", where, hint)
    return letters if len(letters) == bits else letters * bits


def _wrong(message: str, where: Where | None, hint: str) -> LlmgateError:
    return problem("circuit-basis", message, where, hint)


def _not_final(basis: str, bits: Sequence[int], where: Where | None) -> LlmgateError:
    named = ", ".join(f"c{bit}" for bit in bits[:9])
    return _wrong(
        f"the basis {basis[:40]!r} turns {named}, whose measurement is used again or lies inside another operation",
        where,
        "write a letter for each measured bit, with Z for these",
    )


def _final_measurements(circuit: QuantumCircuit) -> dict[int, int]:
    """Position of the measurement of each classical bit whose qubit and bit nothing else uses afterwards."""
    last: dict[int, int] = {}  # by qubit: position of the last operation on it
    measured: dict[int, tuple[int, int]] = {}  # by classical bit: position of a measurement, and its qubit
    for position, instruction in enumerate(circuit.data):
        if instruction.operation.name == "barrier":
            continue
        qubits = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        last.update(dict.fromkeys(qubits, position))
        if isinstance(instruction.operation, Measure):
            measured[circuit.find_bit(instruction.clbits[0]).index] = position, qubits[0]
    shared = _shared_bits(circuit)
    return {bit: at for bit, (at, qubit) in measured.items() if last[qubit] == at and bit not in shared}


def _shared_bits(circuit: QuantumCircuit) -> set[int]:
    """Classical bits that more than one operation writes or looks at."""
    once: set[int] = set()
    more: set[int] = set()
    for op in everything(circuit):
        touched = clbits_read(op).union(op.clbits)
        more |= once & touched
        once |= touched
    return more


def _rotated(circuit: QuantumCircuit, letters: Mapping[int, str]) -> QuantumCircuit:
    """letters: by position of a measurement."""
    turned = circuit.copy_empty_like()
    for position, instruction in enumerate(circuit.data):
        for gate in _ROTATIONS[letters.get(position, "Z")]:
            turned.append(gate(), instruction.qubits)
        turned.append(instruction)
    return turned


def basis_names(spec: Any, measured_qubits: int, seed: int, where: Where | None = None) -> tuple[str, ...]:
    """The bases that an assertion names, or distinct random ones.

    spec: `["Z", "X", "Y"]`, or `{"random": k}` for k Pauli bases. seed: the same one gives the same bases, on every
    machine. Raises `circuit-basis`.
    """
    if isinstance(spec, Mapping):
        return _random_bases(spec, measured_qubits, seed, where)
    if isinstance(spec, str) or not isinstance(spec, Sequence) or not 1 <= len(spec) <= MAX_BASES:
        raise _wrong(f"{str(spec)[:40]!r} names no bases", where, "write [Z, X, Y] or {random: 4}")
    names = []
    for name in spec:
        letters = _letters(str(name), measured_qubits, where)
        names.append(letters[0] if len(set(letters)) == 1 else letters)
    if len(set(names)) < len(names):
        raise _wrong("a basis is named twice", where, "name each basis once")
    return tuple(names)


def _random_bases(spec: Mapping[Any, Any], bits: int, seed: int, where: Where | None) -> tuple[str, ...]:
    count = spec.get("random") if set(spec) == {"random"} else None
    most = min(MAX_BASES, 3 ** min(bits, 10))
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= most:
        hint = f"{bits} measured bits have up to {most} bases to choose from"
        raise _wrong(f"{str(dict(spec))[:40]} names no number of bases", where, hint)
    chosen: dict[str, None] = {}
    attempt = 0
    while len(chosen) < count:
        stream = shake_256(f"bases/{seed}/{attempt}".encode()).digest(bits)
        chosen["".join(LETTERS[byte % 3] for byte in stream)] = None
        attempt += 1
    return tuple(chosen)
