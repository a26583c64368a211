"""Exact probabilities: against theory, against Aer, and against each other."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from noisy_circuits import BRISBANE, FLAT, ghz, random_circuit, teleportation
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.classical import expr
from qiskit.quantum_info import Statevector
from qiskit_aer import AerSimulator

from pytest_llmgate.core.circuit import NoisePlan
from pytest_llmgate.quantum import exact
from pytest_llmgate.quantum.compiling import compile_all, pass_manager
from pytest_llmgate.quantum.density import NoisyMaps, evolve
from pytest_llmgate.quantum.distribution import Distribution, distance
from pytest_llmgate.quantum.lab import Job, Lab
from pytest_llmgate.quantum.noise import build_noise
from pytest_llmgate.quantum.sampling import simulate
from pytest_llmgate.quantum.schedule import schedule


def exactly(circuit: QuantumCircuit, noise: NoisePlan | None = None) -> dict[str, float]:
    """Probabilities, seen to sum to 1 and to be sorted."""
    (found,) = Lab().exact([Job(circuit, noise)])
    assert found is not None
    assert math.isclose(found.p.sum(), 1.0, rel_tol=1e-12)
    assert list(found.outcomes) == sorted(found.outcomes)
    return found.as_dict()


def frequencies(counts: Mapping[str, int]) -> Distribution:
    """Counts as if they were probabilities."""
    shots = sum(counts.values())
    return Distribution(tuple(sorted(counts)), np.array([counts[key] / shots for key in sorted(counts)]))


def test_bits_stand_as_qiskit_prints_them() -> None:
    """c[0] rightmost, the last register first, unwritten bits 0."""
    low, high = ClassicalRegister(2, "low"), ClassicalRegister(3, "high")
    circuit = QuantumCircuit(QuantumRegister(3), low, high)
    circuit.x([0, 2])
    circuit.measure(0, low[1])
    circuit.measure(2, high[0])
    assert exactly(circuit) == {"001 10": 1.0}


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 4), noisy=st.booleans())
def test_without_noise_it_is_the_state_vector(seed: int, n: int, noisy: bool) -> None:
    """Compiled for a device or as it is written: at scale 0 the answer is that of the circuit."""
    circuit = random_circuit(n, 3, seed)
    (found,) = Lab().exact([Job(circuit, BRISBANE if noisy else None, 0.0)])
    state = Statevector(circuit.remove_final_measurements(inplace=False))
    for outcome, p in state.probabilities_dict().items():
        assert found.as_dict().get(outcome, 0.0) == pytest.approx(p, abs=1e-9)


@pytest.mark.parametrize("noise", [BRISBANE, FLAT], ids=["brisbane", "flat"])
@pytest.mark.parametrize("n", [1, 2, 4, 6])
def test_our_density_matrix_is_that_of_aer(noise: NoisePlan, n: int) -> None:
    device = build_noise(noise, n)
    (circuit,) = compile_all(pass_manager(device), [random_circuit(n, 4, seed=n)])
    job = exact.Prepared(circuit, device, schedule(circuit))
    (theirs,) = exact._run([job], "density_matrix")
    ours = evolve(circuit.qubits, job.schedule.steps, NoisyMaps(device))
    assert np.allclose(ours.probabilities([qubit for qubit, _ in job.schedule.reads]), theirs, atol=1e-12)


def test_readout_errors_are_those_of_aer() -> None:
    """Shots of Aer with its own readout errors: no further from ours than 200,000 shots allow (TVD <= 0.006)."""
    circuit = random_circuit(4, 3, seed=3)
    (ours,) = Lab().exact([Job(circuit, FLAT)])
    prepared, _ = Lab()._choose(Job(circuit, FLAT))
    counts = simulate(prepared.circuit, prepared.device.model, "density_matrix", 200_000, seed=11).counts
    assert distance(ours, frequencies(counts)) < 0.006


def test_a_flipped_bit_is_read_wrong_as_often_as_the_model_says() -> None:
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    noise = NoisePlan(params={"p01": 0.1, "p10": 0.3})
    assert exactly(circuit, noise)["1"] == pytest.approx(0.1)
    flipped = QuantumCircuit(1)
    flipped.x(0)
    flipped.measure_all()
    assert exactly(flipped, noise)["0"] == pytest.approx(0.3)


def test_idle_qubits_cost_nothing() -> None:
    """A circuit on a register of 100 qubits that uses three of them."""
    circuit = QuantumCircuit(100, 3)
    circuit.h(7)
    circuit.cx(7, 50)
    circuit.cx(50, 99)
    circuit.barrier()
    circuit.measure([7, 50, 99], [0, 1, 2])
    assert exactly(circuit, BRISBANE) == exactly(ghz(3), BRISBANE)


def test_too_wide_is_none() -> None:
    jobs = [Job(ghz(13), BRISBANE), Job(ghz(21)), Job(ghz(20)), Job(ghz(12), FLAT, 0.0)]
    found = Lab().exact(jobs)
    assert [one is None for one in found] == [True, True, False, False]
    assert found[2].as_dict() == pytest.approx({"0" * 20: 0.5, "1" * 20: 0.5})


def test_teleportation_has_an_exact_answer() -> None:
    found = exactly(teleportation(0.7))
    assert sum(p for outcome, p in found.items() if outcome[0] == "1") == pytest.approx(math.sin(0.35) ** 2)
    assert len(found) == 8


@pytest.mark.slow
def test_noise_acts_in_feed_forward_as_in_aer() -> None:
    """8,000 shots of Aer, one by one, with noise on conditional gates and errors in the bits that they depend on.

    Were the two the same, a TVD above 0.025 would come in fewer than one of 10^4 runs.
    """
    noise = NoisePlan(params={"depolarizing_1q": 0.02, "depolarizing_2q": 0.1, "p01": 0.1, "p10": 0.2})
    (ours,) = Lab().exact([Job(teleportation(0.7), noise)])
    theirs = Lab().sample(Job(teleportation(0.7), noise, method="statevector"), 8_000, 5)
    assert theirs.method == "statevector"
    assert distance(ours, frequencies(theirs.counts)) < 0.025
    (ideal,) = Lab().exact([Job(teleportation(0.7))])
    assert distance(ideal, frequencies(theirs.counts)) > 0.1, "the noise would be seen if it were missing"


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_measuring_early_is_measuring_late(seed: int) -> None:
    """A measured control bit acts as the qubit would have: deferred measurement."""
    turns = np.random.default_rng(seed).uniform(0, 6, (3, 3))
    early, late = QuantumCircuit(3, 3), QuantumCircuit(3, 3)
    for circuit in (early, late):
        for qubit, angles in enumerate(turns):
            circuit.u(*angles, qubit)
        circuit.cx(0, 1)
        if circuit is early:
            circuit.measure(1, 1)
            with circuit.if_test((circuit.clbits[1], 1)):
                circuit.x(2)
            circuit.measure([0, 2], [0, 2])
        else:
            circuit.cx(1, 2)
            circuit.measure([0, 1, 2], [0, 1, 2])
    assert exactly(early) == pytest.approx(exactly(late), abs=1e-9)


def test_reset_forgets_and_measures_nothing() -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.reset(0)
    circuit.measure([0, 1], [0, 1])
    assert exactly(circuit) == pytest.approx({"00": 0.5, "10": 0.5})


def test_a_qubit_is_measured_again_and_again() -> None:
    circuit = QuantumCircuit(1, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.h(0)
    circuit.measure(0, 1)
    assert exactly(circuit) == pytest.approx(dict.fromkeys(("00", "01", "10", "11"), 0.25))


def test_a_bit_that_steered_a_gate_may_be_written_again() -> None:
    """The last measurement overwrites what the condition saw."""
    circuit = QuantumCircuit(2, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.h(1)
    circuit.measure(1, 0)
    assert exactly(circuit) == pytest.approx({"0": 0.5, "1": 0.5})


def test_loops_switches_and_expressions() -> None:
    """Repeat until success, a switch over a register, a comparison of bits."""
    until = QuantumCircuit(1, 1)
    until.h(0)
    until.measure(0, 0)
    with until.while_loop((until.clbits[0], 0)):
        until.h(0)
        until.measure(0, 0)
    assert exactly(until) == pytest.approx({"1": 1.0})

    bits = ClassicalRegister(2, "bits")
    out = ClassicalRegister(1, "out")
    switched = QuantumCircuit(QuantumRegister(3), bits, out)
    switched.h([0, 1])
    switched.measure([0, 1], bits)
    with switched.switch(bits) as case:
        with case(1, 2):
            switched.x(2)
        with case(case.DEFAULT):
            switched.id(2)
    switched.measure(2, out)
    assert exactly(switched) == pytest.approx(dict.fromkeys(("0 00", "1 01", "1 10", "0 11"), 0.25))

    compared = QuantumCircuit(QuantumRegister(3), bits, out)
    compared.h([0, 1])
    compared.measure([0, 1], bits)
    with compared.if_test(expr.logic_and(expr.less(bits, 3), expr.bit_not(bits[0]))):
        compared.x(2)
    compared.measure(2, out)
    assert exactly(compared) == pytest.approx(dict.fromkeys(("1 00", "0 01", "1 10", "0 11"), 0.25))

    thrice = QuantumCircuit(1, 1)
    with thrice.for_loop(range(3)):
        thrice.x(0)
    thrice.measure(0, 0)
    assert exactly(thrice) == pytest.approx({"1": 1.0})


def test_what_branches_too_much_is_left_to_shots() -> None:
    """A loop that never ends in probability 1 is no reason to hang: sampling takes over."""
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.while_loop((circuit.clbits[0], 0)):
        circuit.rx(1e-4, 0)
        circuit.measure(0, 0)
    assert Lab().exact([Job(circuit)]) == [None]


def test_a_delay_relaxes_the_qubit() -> None:
    """T1: what is left of |1> after a delay of T1 is 1/e."""
    noise = NoisePlan(params={"t1_us": 100.0, "gate_ns_1q": 0.0})
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.delay(100, 0, unit="us")
    circuit.measure_all()
    assert exactly(circuit, noise)["1"] == pytest.approx(math.exp(-1.0), abs=1e-9)


def test_custom_gates_and_states_run_as_they_are_defined() -> None:
    inner = QuantumCircuit(2, name="pair")
    inner.h(0)
    inner.cx(0, 1)
    circuit = QuantumCircuit(3)
    circuit.initialize([0, 1], 2)
    circuit.append(inner.to_gate(), [0, 1])
    circuit.measure_all()
    assert exactly(circuit) == pytest.approx({"100": 0.5, "111": 0.5})


def test_aer_alone_would_give_the_same_for_ten_qubits() -> None:
    """One wide circuit, from compiled circuit to outcomes, by Aer's shots with noise (TVD of 32 groups <= 0.02)."""
    circuit = random_circuit(9, 3, seed=8)
    (ours,) = Lab().exact([Job(circuit, BRISBANE)])
    assert ours is not None
    lab = Lab()
    prepared, _ = lab._choose(Job(circuit, BRISBANE))
    run = AerSimulator(method="density_matrix").run(
        prepared.circuit, noise_model=prepared.device.model, shots=40_000, seed_simulator=9
    )
    counts = run.result().get_counts()
    folded = [np.zeros(32), np.zeros(32)]
    for outcome, p in ours.as_dict().items():
        folded[0][int(outcome[:5], 2)] += p
    for outcome, count in counts.items():
        folded[1][int(outcome[:5], 2)] += count / 40_000
    assert 0.5 * np.abs(folded[0] - folded[1]).sum() < 0.02
