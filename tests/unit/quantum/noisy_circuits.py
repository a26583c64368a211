"""Circuits and noise that the tests of the simulator share."""

from __future__ import annotations

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister

from pytest_llmgate.core.circuit import NoisePlan

BRISBANE = NoisePlan(snapshot="brisbane")
MANILA = NoisePlan(snapshot="manila")
FLAT = NoisePlan(params={"depolarizing_1q": 1e-3, "depolarizing_2q": 2e-2, "p01": 0.01, "p10": 0.04})


def ghz(n: int) -> QuantumCircuit:
    """|0…0> + |1…1>, measured."""
    circuit = QuantumCircuit(n)
    circuit.h(0)
    for qubit in range(n - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def random_circuit(n: int, layers: int, seed: int) -> QuantumCircuit:
    """Random rotations and entangling gates between random pairs, measured."""
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(n)
    for _ in range(layers):
        for qubit in range(n):
            circuit.u(*rng.uniform(0.0, 2.0 * np.pi, 3), qubit)
        if n > 1:
            circuit.cx(*(int(qubit) for qubit in rng.choice(n, 2, replace=False)))
    circuit.measure_all()
    return circuit


def teleportation(angle: float) -> QuantumCircuit:
    """A qubit turned by `angle` about Y, teleported with feed-forward; its outcome is the register `out`."""
    qubits = QuantumRegister(3)
    first, second, out = (ClassicalRegister(1, name) for name in ("first", "second", "out"))
    circuit = QuantumCircuit(qubits, first, second, out)
    circuit.ry(angle, 0)
    circuit.h(1)
    circuit.cx(1, 2)
    circuit.cx(0, 1)
    circuit.h(0)
    circuit.measure(0, first)
    circuit.measure(1, second)
    with circuit.if_test((second, 1)):
        circuit.x(2)
    with circuit.if_test((first, 1)):
        circuit.z(2)
    circuit.measure(2, out)
    return circuit
