"""Circuits that several tests ask about, and random ones for laws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, QuantumRegister

QUBITS = 3

Gate = tuple[str, tuple[float, ...], tuple[int, ...]]
_NAMES = {"h": (0, 1), "x": (0, 1), "sdg": (0, 1), "ry": (1, 1), "rz": (1, 1), "cx": (0, 2), "cz": (0, 2), "cp": (1, 2)}


@st.composite
def gates(draw: st.DrawFn) -> Gate:
    name = draw(st.sampled_from(sorted(_NAMES)))
    angles, width = _NAMES[name]
    on = tuple(draw(st.permutations(range(QUBITS)))[:width])
    numbers = tuple(draw(st.floats(0.2, 3.0, allow_nan=False)) for _ in range(angles))
    return name, numbers, on


gate_lists = st.lists(gates(), min_size=1, max_size=12)


def built(some: Sequence[Gate], *, qubits: str = "q", clbits: str = "c", barriers: bool = False) -> QuantumCircuit:
    """A measured circuit of these gates."""
    circuit = QuantumCircuit(QuantumRegister(QUBITS, qubits), ClassicalRegister(QUBITS, clbits))
    for name, angles, on in some:
        getattr(circuit, name)(*angles, *on)
        if barriers:
            circuit.barrier()
    circuit.measure(range(QUBITS), range(QUBITS))
    return circuit


def ghz(qubits: int, *, stray_z: bool = False, measured: bool = True) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits, qubits)
    circuit.h(0)
    for qubit in range(qubits - 1):
        circuit.cx(qubit, qubit + 1)
    if stray_z:
        circuit.z(qubits // 2)
    if measured:
        circuit.measure(range(qubits), range(qubits))
    return circuit


def teleportation(*, angle: float = 0.5) -> QuantumCircuit:
    """The state ry(angle)|0⟩ goes from qubit 0 to qubit 2 with feed-forward."""
    circuit = QuantumCircuit(QuantumRegister(3), ClassicalRegister(2, "sent"), ClassicalRegister(1, "out"))
    circuit.ry(angle, 0)
    circuit.h(1)
    circuit.cx(1, 2)
    circuit.cx(0, 1)
    circuit.h(0)
    circuit.measure([0, 1], [0, 1])
    with circuit.if_test((circuit.clbits[1], 1)):
        circuit.x(2)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.z(2)
    circuit.measure(2, 2)
    return circuit


def probabilities(circuit: QuantumCircuit) -> dict[str, float]:
    """Exact outcome probabilities of a circuit that measures all qubits in order at its end."""
    from qiskit.quantum_info import Statevector

    state: Any = Statevector(circuit.remove_final_measurements(inplace=False))
    return {outcome: float(share) for outcome, share in state.probabilities_dict().items() if share > 1e-12}
