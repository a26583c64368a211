"""Measurements that can wait for the end, and those that nobody looks at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from noisy_circuits import FLAT, ghz, teleportation
from qiskit import QuantumCircuit

from pytest_llmgate.quantum.branching import branches
from pytest_llmgate.quantum.compiling import compile_all, pass_manager
from pytest_llmgate.quantum.density import NoisyMaps
from pytest_llmgate.quantum.lab import Job, Lab
from pytest_llmgate.quantum.noise import build_noise
from pytest_llmgate.quantum.schedule import schedule


def random_dynamic(seed: int) -> QuantumCircuit:
    """Three qubits and three bits: turns, entangling gates, measurements, resets and conditions in any order."""
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(3, 3)
    for _ in range(14):
        qubit, bit = int(rng.integers(3)), int(rng.integers(3))
        kind = rng.choice(["u", "cx", "measure", "reset", "if"], p=[0.35, 0.2, 0.25, 0.05, 0.15])
        if kind == "u":
            circuit.u(*rng.uniform(0.0, 6.0, 3), qubit)
        elif kind == "cx":
            circuit.cx(qubit, (qubit + 1) % 3)
        elif kind == "measure":
            circuit.measure(qubit, bit)
        elif kind == "reset":
            circuit.reset(qubit)
        else:
            with circuit.if_test((circuit.clbits[bit], 1)):
                circuit.rx(1.0, qubit)
    circuit.measure(0, 0)
    return circuit


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 100_000), noisy=st.booleans())
def test_the_schedule_changes_no_probability(seed: int, noisy: bool) -> None:
    """Every measurement followed as a branch gives what the schedule gives with as few as it can."""
    noise = FLAT if noisy else None
    circuit = random_dynamic(seed)
    if len({qubit for step in circuit.data for qubit in step.qubits}) < 3:
        return
    (found,) = Lab().exact([Job(circuit, noise)])
    device = build_noise(noise, 3)
    (compiled,) = compile_all(pass_manager(device), [circuit])
    followed = branches(compiled, device, NoisyMaps(device))
    expected = {f"{bits:03b}": state.trace() for bits, state in followed.items()}
    assert found.as_dict() == pytest.approx({key: p for key, p in expected.items() if p > 1e-14}, abs=1e-12)


def test_measurements_at_the_end_wait() -> None:
    found = schedule(ghz(3))
    assert found.is_static
    assert found.reads == ((0, 0), (1, 1), (2, 2))
    assert [step.name for step in found.steps] == ["h", "cx", "cx"]


def test_a_bit_that_is_written_again_unread_only_dephases() -> None:
    """Eight qubits, each measured twice into the same bit: 2^16 histories, none of which need be followed."""
    circuit = QuantumCircuit(8, 8)
    circuit.h(range(8))
    circuit.measure(range(8), range(8))
    circuit.h(range(8))
    circuit.measure(range(8), range(8))
    assert schedule(circuit).is_static
    (found,) = Lab().exact([Job(circuit)])
    assert found.p == pytest.approx(np.full(256, 1 / 256))


def test_a_bit_that_is_read_does_not_wait() -> None:
    found = schedule(teleportation(0.3))
    assert not found.is_static
    assert found.reads == ((2, 2),)
    assert [step.name for step in found.steps].count("measure") == 2


def test_a_reset_of_an_untouched_qubit_is_nothing() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.reset(0)
    circuit.x(0)
    circuit.reset(0)
    circuit.measure(0, 0)
    assert [step.name for step in schedule(circuit).steps] == ["x", "reset"]
