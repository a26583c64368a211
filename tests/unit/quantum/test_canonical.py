"""The digest of a circuit: what counts, what does not, and that the order of independent gates does not."""

from __future__ import annotations

import io
import math
from random import Random

import pytest
from gate_samples import Gate, built, gate_lists, ghz, teleportation
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, qasm2, qasm3, qpy
from qiskit.circuit import ClassicalRegister, Parameter, QuantumRegister

from pytest_llmgate.quantum.canonical import circuit_digest


def through_qasm2(circuit: QuantumCircuit) -> QuantumCircuit:
    return qasm2.loads(qasm2.dumps(circuit), custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)


def through_qasm3(circuit: QuantumCircuit) -> QuantumCircuit:
    return qasm3.loads(qasm3.dumps(circuit))


def through_qpy(circuit: QuantumCircuit) -> QuantumCircuit:
    file = io.BytesIO()
    qpy.dump(circuit, file)
    file.seek(0)
    (loaded,) = qpy.load(file)
    return loaded


def every_gate() -> QuantumCircuit:
    circuit = QuantumCircuit(3, 2, name="named", metadata={"made": "today"})
    circuit.rx(0.1 + 0.2, 1)
    circuit.ry(math.pi / 3, 1)
    circuit.u(1, 2, 3, 0)
    circuit.ccx(0, 1, 2)
    circuit.cp(-0.3, 0, 1)
    circuit.sx(2)
    circuit.swap(0, 2)
    circuit.barrier()
    circuit.measure([0, 1], [1, 0])
    return circuit


@pytest.mark.parametrize("through", [through_qasm2, through_qasm3, through_qpy])
def test_the_format_does_not_count(through: object) -> None:
    assert circuit_digest(through(every_gate())) == circuit_digest(every_gate())  # type: ignore[operator]


@pytest.mark.parametrize("through", [through_qasm3, through_qpy])
def test_feed_forward_survives_formats(through: object) -> None:
    assert circuit_digest(through(teleportation())) == circuit_digest(teleportation())  # type: ignore[operator]


def test_all_kinds_of_control_flow_have_a_digest_of_their_own() -> None:
    def one(kind: str, value: int) -> QuantumCircuit:
        circuit = QuantumCircuit(1, 2)
        if kind == "if":
            with circuit.if_test((circuit.cregs[0], value)):
                circuit.x(0)
        elif kind == "while":
            with circuit.while_loop((circuit.clbits[value], 1)):
                circuit.x(0)
        elif kind == "for":
            with circuit.for_loop(range(value + 1)):
                circuit.x(0)
        else:
            with circuit.switch(circuit.cregs[0]) as case, case(value):
                circuit.x(0)
        return circuit

    circuits = [one(kind, value) for kind in ("if", "while", "for", "switch") for value in (0, 1)]
    digests = [circuit_digest(circuit) for circuit in circuits]
    assert len(set(digests)) == len(circuits)
    assert [circuit_digest(through_qpy(circuit)) for circuit in circuits] == digests


def swapped_neighbours(some: list[Gate], random: Random) -> list[Gate]:
    """The same gates in another order that each qubit cannot tell: neighbours without a common qubit change places."""
    moved = list(some)
    for _ in range(4 * len(moved)):
        place = random.randrange(len(moved))
        pair = moved[place : place + 2]
        if len(pair) == 2 and not set(pair[0][2]) & set(pair[1][2]):
            moved[place : place + 2] = pair[::-1]
    return moved


@given(gate_lists, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_names_barriers_and_the_order_of_independent_gates_do_not_count(some: list[Gate], random: Random) -> None:
    other = built(swapped_neighbours(some, random), qubits="work", clbits="out", barriers=True)
    assert circuit_digest(other) == circuit_digest(built(some))


@given(gate_lists, st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_missing_gate_counts_wherever_it_was(some: list[Gate], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(some) - 1))
    assert circuit_digest(built(some[:place] + some[place + 1 :])) != circuit_digest(built(some))


def test_what_changes_the_outcomes_counts() -> None:
    swapped, other_bit, wide, phase = ghz(3), QuantumCircuit(1, 2), QuantumCircuit(1, 2), ghz(3)
    swapped.data[1] = swapped.data[1].replace(qubits=swapped.data[1].qubits[::-1])
    other_bit.measure(0, 1)
    wide.measure(0, 0)
    phase.global_phase = 1.0
    assert circuit_digest(swapped) != circuit_digest(ghz(3))
    assert circuit_digest(other_bit) != circuit_digest(wide)
    assert circuit_digest(phase) == circuit_digest(ghz(3))


def test_the_widths_of_registers_count_and_their_names_do_not() -> None:
    def with_registers(*registers: ClassicalRegister) -> str:
        return circuit_digest(QuantumCircuit(QuantumRegister(2), *registers))

    assert with_registers(ClassicalRegister(2, "a")) == with_registers(ClassicalRegister(2, "b"))
    assert with_registers(ClassicalRegister(2)) != with_registers(ClassicalRegister(1), ClassicalRegister(1))


def test_angles_count_to_twelve_decimals_and_whole_turns_too() -> None:
    def rz(angle: float) -> str:
        circuit = QuantumCircuit(1)
        circuit.rz(angle, 0)
        return circuit_digest(circuit)

    assert rz(0.3) == rz(0.1 + 0.2)
    assert rz(0.3) != rz(0.3 + 1e-11)
    assert rz(0.0) == rz(-0.0)
    assert rz(0.0) != rz(2 * math.pi)  # minus the identity, which a control would see


def test_gates_of_ones_own_are_what_they_are_made_of() -> None:
    inner = QuantumCircuit(2, name="mine")
    inner.h(0)
    inner.cx(0, 1)
    whole, plain = QuantumCircuit(3), QuantumCircuit(3)
    whole.append(inner.to_gate(), [2, 0])
    plain.h(2)
    plain.cx(2, 0)
    assert circuit_digest(whole) == circuit_digest(plain)


def test_old_names_of_gates_are_the_same_gates() -> None:
    old = qasm2.loads('OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; u1(0.5) q[0]; cu1(1) q[0],q[1]; u3(1,2,3) q[1];')
    new = QuantumCircuit(2)
    new.p(0.5, 0)
    new.cp(1, 0, 1)
    new.u(1, 2, 3, 1)
    assert circuit_digest(old) == circuit_digest(new)


def test_free_parameters_count_by_name() -> None:
    def rx(name: str) -> str:
        circuit = QuantumCircuit(1)
        circuit.rx(2 * Parameter(name), 0)
        return circuit_digest(circuit)

    assert rx("a") == rx("a")
    assert rx("a") != rx("b")
