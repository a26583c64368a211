"""Equality of states and unitaries up to global phase, and doubt where it cannot be told."""

from __future__ import annotations

import pytest
from gate_samples import Gate, built, gate_lists, ghz, teleportation
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter

from pytest_llmgate.quantum.equivalence import equivalent


def bricks(qubits: int, layers: int) -> QuantumCircuit:
    """Neighbours entangled in turn, with angles that make it no Clifford circuit."""
    circuit = QuantumCircuit(qubits)
    for layer in range(layers):
        for qubit in range(layer % 2, qubits - 1, 2):
            circuit.ry(0.3 + qubit + layer, qubit)
            circuit.cx(qubit, qubit + 1)
            circuit.rz(0.2 * qubit, qubit + 1)
    return circuit


def rewritten(circuit: QuantumCircuit) -> QuantumCircuit:
    return transpile(circuit, basis_gates=["rz", "sx", "cx"], optimization_level=1, seed_transpiler=3)


@pytest.mark.parametrize("qubits", [5, 60])
@pytest.mark.parametrize("mode", ["state", "unitary"])
def test_a_stray_z_on_ghz_is_another_state(qubits: int, mode: str) -> None:
    assert equivalent(ghz(qubits), ghz(qubits, stray_z=True), mode=mode).equal is False
    assert equivalent(ghz(qubits), ghz(qubits), mode=mode).equal is True


def test_global_phase_does_not_count_and_a_relative_one_does() -> None:
    plain, turned, relative = QuantumCircuit(1), QuantumCircuit(1), QuantumCircuit(1)
    for circuit in (plain, turned, relative):
        circuit.h(0)
    turned.rz(0.4, 0)
    turned.p(-0.4, 0)
    relative.p(0.4, 0)
    assert equivalent(plain, turned, mode="unitary").equal is True
    found = equivalent(plain, relative)
    assert found.equal is False
    assert found.fidelity == pytest.approx(0.960530497)  # cos²(0.2)


def test_the_same_state_from_another_unitary() -> None:
    nothing, z = QuantumCircuit(1), QuantumCircuit(1)
    z.z(0)
    assert equivalent(nothing, z).equal is True
    assert equivalent(nothing, z, mode="unitary").equal is False


@given(gate_lists)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_a_circuit_equals_itself_rewritten(some: list[Gate]) -> None:
    circuit = built(some)
    for mode in ("state", "unitary"):
        assert equivalent(circuit, rewritten(circuit), mode=mode).equal is True


@given(gate_lists, st.floats(0.01, 3.0))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_a_rotation_at_the_end_makes_another_unitary(some: list[Gate], angle: float) -> None:
    circuit = built(some).remove_final_measurements(inplace=False)
    other = circuit.copy()
    other.rx(angle, 0)
    assert equivalent(circuit, other, mode="unitary").equal is False


def test_qubits_are_compared_where_they_are_measured() -> None:
    straight, crossed, wrong = QuantumCircuit(2, 2), QuantumCircuit(2, 2), QuantumCircuit(2, 2)
    straight.ry(0.5, 0)
    crossed.ry(0.5, 1)
    wrong.ry(0.5, 1)
    straight.measure([0, 1], [0, 1])
    crossed.measure([0, 1], [1, 0])
    wrong.measure([0, 1], [0, 1])
    assert equivalent(straight, crossed).equal is True
    assert equivalent(straight, wrong).equal is False


def test_other_sizes_and_other_bits_are_told() -> None:
    one, other = QuantumCircuit(2, 2), QuantumCircuit(2, 2)
    one.measure(0, 0)
    other.measure(0, 1)
    assert equivalent(ghz(2), ghz(3)).reason == "one has 2 qubits, the other 3"
    assert equivalent(one, other).reason == "they measure other classical bits: c0 and c1"


@pytest.mark.parametrize("mode", ["state", "unitary"])
def test_wide_circuits_that_stay_narrow_are_decided(mode: str) -> None:
    circuit = bricks(30, 4)
    other = rewritten(circuit)
    same = equivalent(circuit, other, mode=mode)
    assert (same.equal, same.how) == (True, "mps")
    other.sx(7)
    found = equivalent(circuit, other, mode=mode)
    assert found.equal is False
    assert found.fidelity == pytest.approx(0.5, abs=0.5)


def far_apart(step: float) -> QuantumCircuit:
    """24 qubits in pairs far apart, all at once: more entanglement than the bound on bonds holds."""
    circuit = QuantumCircuit(24)
    for qubit in range(12):
        circuit.ry(0.7 + step * qubit, qubit)
        circuit.cx(qubit, 23 - qubit)
    for qubit in range(12):
        circuit.ry(0.3, qubit)
        circuit.cx(qubit, 23 - (5 * qubit + 3) % 12)
    return circuit


@pytest.mark.parametrize("mode", ["state", "unitary"])
def test_what_is_too_entangled_is_not_decided(mode: str) -> None:
    found = equivalent(far_apart(0), far_apart(0.01), mode=mode)
    assert (found.equal, found.fidelity) == (None, None)
    assert "entangled beyond bonds of 32" in found.reason


def test_what_has_no_state_of_its_own_is_not_decided() -> None:
    reset, free, again = ghz(2), QuantumCircuit(1), ghz(2)
    reset.reset(0)
    free.rx(Parameter("a"), 0)
    again.x(0)
    for circuit, says in ((teleportation(), "control flow"), (again, "x follows a measurement")):
        found = equivalent(circuit, circuit)
        assert (found.equal, says in found.reason) == (None, True)
    assert equivalent(reset, reset).equal is None
    assert equivalent(free, free).reason == "the first circuit has free parameters: a"


def test_a_reset_of_a_fresh_qubit_is_nothing_to_a_state() -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.reset([0, 1])
    circuit.compose(ghz(2), inplace=True)
    assert equivalent(circuit, ghz(2)).equal is True
    assert equivalent(circuit, ghz(2), mode="unitary").equal is None
