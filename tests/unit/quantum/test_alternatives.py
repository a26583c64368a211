"""The faults that are looked for by name: all there, none twice, none that is the reference."""

from __future__ import annotations

from collections import Counter

from gate_samples import Gate, built, gate_lists, ghz, teleportation
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit

from pytest_llmgate.quantum.alternatives import alternatives, reverse_bits, spread
from pytest_llmgate.quantum.canonical import circuit_digest
from pytest_llmgate.quantum.edit_keys import EditKeys
from pytest_llmgate.quantum.edits import edits, with_edit
from pytest_llmgate.quantum.walk import expanded


def names(circuit: QuantumCircuit, most: int = 500) -> list[str]:
    return [fault.name for fault in alternatives(circuit, most=most).chosen]


def test_the_faults_of_ghz() -> None:
    assert names(ghz(3)) == [
        "h q0 missing",
        "cx q0,q1 missing",
        "cx q1,q2 missing",
        "cx q0,q1: control and target swapped",
        "cx q1,q2: control and target swapped",
        "bit order reversed",
        "noise doubled",
    ]


def test_angles_are_off_both_ways_each_by_its_letter() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.ry(0.5, 0)
    circuit.u(1, 2, 3, 0)
    circuit.measure(0, 0)
    found = alternatives(circuit, most=99)
    assert {"ry(0.5) q0: angle + 0.1", "ry(0.5) q0: angle − 0.1", "u(1,2,3) q0: φ + 0.1"} <= set(names(circuit))
    angles = {fault.name: fault.circuit for fault in found.chosen if fault.kind == "angle"}
    assert [float(angle) for angle in angles["u(1,2,3) q0: λ − 0.1"].data[1].operation.params] == [1, 2, 2.9]
    assert angles["ry(0.5) q0: angle + 0.1"].data[0].operation.params == [0.6]


def test_a_forgotten_basis_change_is_named_so() -> None:
    circuit = ghz(2, measured=False)
    for qubit in range(2):
        circuit.sdg(qubit)
        circuit.h(qubit)
    circuit.measure(range(2), range(2))
    found = [fault for fault in alternatives(circuit, most=99).chosen if fault.kind == "basis-missing"]
    assert [fault.name for fault in found] == [
        "basis change before measuring q0 missing",
        "basis change before measuring q1 missing",
        "basis change before all measurements missing",
    ]
    assert circuit_digest(found[-1].circuit) == circuit_digest(ghz(2))


def test_gates_in_bodies_of_control_flow_are_at_fault_too() -> None:
    circuit = teleportation()
    found = {fault.name: fault for fault in alternatives(circuit, most=99).chosen}
    fault = found["x q2 missing (inside if_else)"]
    assert fault.circuit.count_ops()["if_else"] == 2
    assert circuit_digest(fault.circuit) != circuit_digest(circuit)
    assert fault.circuit.cregs == circuit.cregs


def test_faults_run() -> None:
    """An emptied body is still a circuit that a simulator takes."""
    from qiskit_aer import AerSimulator

    found = [fault.circuit for fault in alternatives(teleportation(), most=99).chosen if fault.circuit is not None]
    result = AerSimulator().run(found, shots=10, seed_simulator=11).result()
    assert all(sum(result.get_counts(index).values()) == 10 for index in range(len(found)))


def test_the_same_gate_twice_is_told_apart() -> None:
    circuit = QuantumCircuit(1, 1)
    for angle in (0.5, 0.7, 0.5):
        circuit.ry(angle, 0)
        circuit.h(0)
    circuit.measure(0, 0)
    assert {"ry(0.5) q0 missing (1 of 2)", "ry(0.5) q0 missing (2 of 2)", "h q0 missing (1 of 3)"} <= set(
        names(circuit)
    )


def test_measurements_stay_and_symmetric_gates_are_not_swapped() -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.cz(0, 1)
    circuit.swap(0, 1)
    circuit.measure(range(2), range(2))
    found = alternatives(circuit, most=99).chosen
    assert [fault.kind for fault in found] == ["gate-missing", "gate-missing", "reversed", "noise-doubled"]
    assert all(fault.circuit.count_ops()["measure"] == 2 for fault in found if fault.circuit is not None)


def test_faults_without_a_circuit_say_what_happens_instead() -> None:
    found = {fault.kind: fault for fault in alternatives(ghz(2), most=99).chosen}
    assert (found["reversed"].circuit, found["reversed"].transform) == (None, "reverse-bits")
    assert (found["noise-doubled"].circuit, found["noise-doubled"].transform) == (None, "double-noise")


def test_one_bit_has_no_order() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    assert names(circuit) == ["noise doubled"]


@given(gate_lists)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_no_fault_is_the_reference_and_none_comes_twice(some: list[Gate]) -> None:
    circuit = built(some)
    found = alternatives(circuit, most=500)
    digests = [circuit_digest(fault.circuit) for fault in found.chosen if fault.circuit is not None]
    assert len({circuit_digest(circuit), *digests}) == 1 + len(digests)
    assert len({fault.name for fault in found.chosen}) == len(found.chosen)
    assert found.left_out == 0


@given(gate_lists)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_edits_have_one_key_exactly_where_they_make_one_circuit(some: list[Gate]) -> None:
    circuit = expanded(built(some))
    keys, by_digest = EditKeys(circuit), {circuit_digest(circuit): frozenset()}
    for edit in edits(circuit):
        assert by_digest.setdefault(circuit_digest(with_edit(circuit, edit)), keys.key(edit)) == keys.key(edit)
    assert len(set(by_digest.values())) == len(by_digest)


def test_a_limit_spreads_over_kinds_and_places_and_counts_the_rest() -> None:
    circuit = QuantumCircuit(4, 4)
    for layer in range(10):
        for qubit in range(4):
            circuit.ry(0.1 * (layer + 1), qubit)
        for qubit in range(3):
            circuit.cx(qubit, qubit + 1)
    circuit.measure(range(4), range(4))
    everything, some = alternatives(circuit, most=10_000), alternatives(circuit, most=32)
    assert len(some.chosen) == 32
    kinds = Counter(fault.kind for fault in some.chosen)
    assert {kind: kinds[kind] for kind in ("reversed", "noise-doubled")} == {"reversed": 1, "noise-doubled": 1}
    assert max(kinds["gate-missing"], kinds["angle"], kinds["swapped"]) <= 11
    assert len(some.chosen) + some.left_out == len(everything.chosen)
    assert [fault.name for fault in some.chosen] == [fault.name for fault in alternatives(circuit, most=32).chosen]


@given(st.lists(st.sampled_from("abcd"), max_size=60), st.integers(0, 40))
@settings(deadline=None, derandomize=True)
def test_spreading_takes_as_many_as_it_may_and_starves_no_kind(kinds: list[str], most: int) -> None:
    chosen = spread(kinds, most)
    assert len(chosen) == min(most, len(kinds))
    assert chosen == sorted(set(chosen))
    counts, total = Counter(kinds[index] for index in chosen), Counter(kinds)
    starved = [kind for kind in total if counts[kind] < total[kind]]
    assert all(counts[kind] + 1 >= max(counts.values(), default=0) for kind in starved)


def test_places_are_spread_over_the_circuit() -> None:
    assert spread(["missing"] * 100, 4) == [0, 25, 50, 75]
    assert spread(["angle", *["missing"] * 4], 3) == [0, 1, 3]


def test_bits_are_reversed_within_their_register() -> None:
    assert reverse_bits({"001": 0.25, "110": 0.75}) == {"100": 0.25, "011": 0.75}
    assert reverse_bits({"01 110": 1.0}) == {"10 011": 1.0}
