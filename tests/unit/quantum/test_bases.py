"""Measurement bases: X and Y see the phase that Z cannot."""

from __future__ import annotations

from typing import Any

import pytest
from gate_samples import Gate, built, gate_lists, ghz, probabilities, teleportation
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, QuantumRegister

from pytest_llmgate.core.errors import LlmgateError, Where
from pytest_llmgate.quantum.bases import basis_names, in_basis, measured_bits
from pytest_llmgate.quantum.canonical import circuit_digest

AT = Where("suites/a.suite.yaml", 4)


def test_a_plus_state_is_certain_in_x_and_its_y_twin_in_y() -> None:
    plus, right = QuantumCircuit(1, 1), QuantumCircuit(1, 1)
    plus.h(0)
    right.h(0)
    right.s(0)
    for circuit in (plus, right):
        circuit.measure(0, 0)
    assert probabilities(in_basis(plus, "X")) == pytest.approx({"0": 1})
    assert probabilities(in_basis(right, "Y")) == pytest.approx({"0": 1})
    assert probabilities(in_basis(plus, "Z")) == pytest.approx({"0": 0.5, "1": 0.5})


def test_a_stray_z_on_ghz_is_seen_in_x_only() -> None:
    good, bad = ghz(5), ghz(5, stray_z=True)
    assert probabilities(good) == pytest.approx(probabilities(bad))
    in_x = [probabilities(in_basis(circuit, "X")) for circuit in (good, bad)]
    assert not set(in_x[0]) & set(in_x[1])  # even parity against odd


@given(gate_lists)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_z_is_the_circuit_itself(some: list[Gate]) -> None:
    circuit = built(some)
    assert in_basis(circuit, "Z") is circuit
    assert in_basis(circuit, "ZZZ") is circuit


@given(gate_lists, st.text("XYZ", min_size=3, max_size=3))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_letters_stand_in_the_order_of_printed_bits(some: list[Gate], basis: str) -> None:
    """Parities of the turned circuit are the expectation of the Pauli string, as Qiskit writes it."""
    from qiskit.quantum_info import Pauli, Statevector

    circuit = built(some)
    expected = Statevector(circuit.remove_final_measurements(inplace=False)).expectation_value(Pauli(basis)).real
    turned = probabilities(in_basis(circuit, basis))
    assert sum(share * (-1) ** outcome.count("1") for outcome, share in turned.items()) == pytest.approx(expected)


def test_letters_belong_to_measured_bits_and_registers_may_be_spaced() -> None:
    circuit = QuantumCircuit(QuantumRegister(3), ClassicalRegister(2, "a"), ClassicalRegister(2, "b"))
    circuit.measure(0, 3)
    circuit.measure(2, 0)
    assert measured_bits(circuit) == (3, 0)
    turned = in_basis(circuit, "X Z")
    assert [(item.operation.name, circuit.find_bit(item.qubits[0]).index) for item in turned.data] == [
        ("h", 0),
        ("measure", 0),
        ("measure", 2),
    ]


def test_what_is_measured_and_used_again_stays_in_z() -> None:
    circuit = teleportation()
    with pytest.raises(LlmgateError, match="turns c0, c1") as caught:
        in_basis(circuit, "X", AT)
    assert caught.value.problems[0].code == "circuit-basis"
    turned = in_basis(circuit, "XZZ", AT)
    assert circuit_digest(turned) != circuit_digest(circuit)
    assert turned.count_ops()["h"] == 3


def test_a_condition_is_a_use_of_a_bit_even_where_its_operation_does_not_list_it() -> None:
    body, circuit = QuantumCircuit(1), QuantumCircuit(2, 2)
    body.x(0)
    circuit.measure(0, 0)
    circuit.if_test((circuit.clbits[0], 1), body, [1], [])
    circuit.measure(1, 1)
    with pytest.raises(LlmgateError, match="turns c0"):
        in_basis(circuit, "X", AT)
    assert in_basis(circuit, "XZ", AT).count_ops()["h"] == 1


def test_a_qubit_that_goes_on_after_its_measurement_is_not_turned() -> None:
    circuit = ghz(2)
    circuit.x(0)
    with pytest.raises(LlmgateError, match="turns c0,"):
        in_basis(circuit, "X", AT)


@pytest.mark.parametrize("basis", ["", "x", "XW", "XX", "XXXX"])
def test_other_texts_are_no_bases(basis: str) -> None:
    with pytest.raises(LlmgateError) as caught:
        in_basis(ghz(3), basis, AT)
    assert caught.value.problems[0].code == "circuit-basis"


def test_named_bases_are_kept_and_same_letters_are_one() -> None:
    assert basis_names(["Z", "XX", "XY"], 2, seed=1) == ("Z", "X", "XY")


@given(st.integers(1, 9), st.integers(1, 40), st.integers(0, 2**53))
@settings(deadline=None, derandomize=True)
def test_random_bases_are_distinct_and_the_same_for_a_seed(count: int, bits: int, seed: int) -> None:
    if count > 3**bits:
        count = 3**bits
    names = basis_names({"random": count}, bits, seed)
    assert len(set(names)) == count
    assert all(len(name) == bits and set(name) <= set("XYZ") for name in names)
    assert basis_names({"random": count}, bits, seed) == names


@pytest.mark.parametrize("spec", [[], "X", ["X", "XX"], {"random": 0}, {"random": 10}, {"random": True}, {"n": 1}, 3])
def test_what_names_no_bases_is_refused(spec: Any) -> None:
    with pytest.raises(LlmgateError) as caught:
        basis_names(spec, 2, 0, AT)
    assert caught.value.problems[0].where == AT
