"""The probability that a circuit of gates leads from |0…0⟩ back to it, with memory bounded and doubt said."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import UGate
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import CommutativeInverseCancellation

STATEVECTOR_QUBITS = 20  # 16 MiB
MAX_WORK = 1 << 32  # gates times amplitudes: about half a minute
MAX_BOND = 32  # of a matrix product state
MAX_MPS_QUBITS = 256
MAX_MPS_GATES = 5_000
NO_ESTIMATE = 1_000_000_000  # Aer's guess of the memory ignores the bound on bonds and refuses what is small
MAX_CANCELLED_GATES = 2_000  # the search for pairs takes time with the square


class Back(NamedTuple):
    """probability: None where it could not be computed, with the reason."""

    probability: float | None
    method: str
    reason: str = ""


def cancelled(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit without gates that undo each other, found through gates that commute with them."""
    if len(circuit.data) > MAX_CANCELLED_GATES:
        return circuit
    result: QuantumCircuit = PassManager([CommutativeInverseCancellation()]).run(circuit)
    return result


def on_pairs(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit on one half of entangled pairs, which come back only if it is the identity (the Choi state).

    Qubit i of the circuit is 2i here, and its partner 2i + 1.
    """
    pairs = _pairs(circuit.num_qubits)
    whole = pairs.compose(circuit, range(0, pairs.num_qubits, 2))
    return whole.compose(pairs.inverse())


def side_by_side(a: QuantumCircuit, b: QuantumCircuit) -> QuantumCircuit:
    """The same question as `on_pairs` of a and then b backwards, asked from the middle.

    On entangled pairs a gate of b, conjugated, on one half undoes the same gate of a on the other half, so that both
    advance together and the state stays close to the pairs.
    """
    left, right = (transpile(circuit, basis_gates=["u", "cx"], optimization_level=0) for circuit in (a, b))
    pairs = _pairs(a.num_qubits)
    whole = pairs.copy()
    for half, operation, qubits in _in_turn(_steps(left), _steps(right)):
        whole.append(_conjugate(operation) if half else operation, [2 * qubit + half for qubit in qubits])
    return whole.compose(pairs.inverse())


class _Step(NamedTuple):
    """A gate, and for each of its qubits the part, 0 to 1, of the qubit's two-qubit gates that are done with it."""

    operation: Any
    qubits: tuple[int, ...]
    shares: tuple[float, ...]


def _steps(circuit: QuantumCircuit) -> list[_Step]:
    placed = [(item.operation, tuple(circuit.find_bit(qubit).index for qubit in item.qubits)) for item in circuit.data]
    total = Counter(qubit for _, qubits in placed for qubit in qubits if len(qubits) > 1)
    done: Counter[int] = Counter()
    steps = []
    for operation, qubits in placed:
        if len(qubits) > 1:
            done.update(qubits)
        steps.append(_Step(operation, qubits, tuple(done[qubit] / max(1, total[qubit]) for qubit in qubits)))
    return steps


def _in_turn(left: list[_Step], right: list[_Step]) -> Iterator[tuple[int, Any, tuple[int, ...]]]:
    """Gates of the left (0) in order, and those of the right (1) as soon as the left is as far on their qubits."""
    reached: dict[int, float] = {}
    waiting = right
    for step in left:
        yield 0, step.operation, step.qubits
        reached.update(zip(step.qubits, step.shares, strict=True))
        held: set[int] = set()
        kept = []
        for other in waiting:
            far = any(share > reached.get(qubit, 0.0) for qubit, share in zip(other.qubits, other.shares, strict=True))
            if far or held.intersection(other.qubits):
                held.update(other.qubits)
                kept.append(other)
            else:
                yield 1, other.operation, other.qubits
        waiting = kept
    yield from ((1, other.operation, other.qubits) for other in waiting)


def _pairs(qubits: int) -> QuantumCircuit:
    pairs = QuantumCircuit(2 * qubits)
    for first in range(0, 2 * qubits, 2):
        pairs.h(first)
        pairs.cx(first, first + 1)
    return pairs


def _conjugate(gate: Any) -> Any:
    """The gate with the complex conjugate matrix, of u and cx."""
    if gate.name != "u":
        return gate
    theta, phi, lam = gate.params
    return UGate(theta, -phi, -lam)


def fits_statevector(circuit: QuantumCircuit) -> bool:
    """Whether 16 MiB and about half a minute suffice to run the circuit exactly."""
    qubits: int = circuit.num_qubits
    return qubits <= STATEVECTOR_QUBITS and len(circuit.data) << qubits <= MAX_WORK


def back_to_zero(circuit: QuantumCircuit) -> Back:
    """|⟨0…0|C|0…0⟩|² of a circuit without measurements.

    By state vector where that fits, else as a matrix product state: where a bond is full the state may have been cut,
    and nothing is said.
    """
    gates, qubits = len(circuit.data), circuit.num_qubits
    if fits_statevector(circuit):
        return Back(_run(circuit, "statevector")[0], "statevector")
    if qubits > MAX_MPS_QUBITS or gates > MAX_MPS_GATES:
        return Back(None, "mps", f"{gates:,} gates on {qubits} qubits are too many to simulate")
    probability, widest = _run(circuit, "matrix_product_state")
    if widest >= MAX_BOND:
        return Back(None, "mps", f"they are entangled beyond bonds of {MAX_BOND} on {qubits} qubits")
    return Back(probability, "mps")


def _run(circuit: QuantumCircuit, method: str) -> tuple[float, int]:
    """The probability, and the widest bond of a matrix product state."""
    from qiskit_aer import AerSimulator
    from qiskit_aer.library import SaveAmplitudesSquared

    narrow = {"matrix_product_state_max_bond_dimension": MAX_BOND, "mps_log_data": True, "max_memory_mb": NO_ESTIMATE}
    simulator = AerSimulator(method=method, **(narrow if method == "matrix_product_state" else {}))
    measured = transpile(circuit, basis_gates=["u", "cx"], optimization_level=0)
    measured.append(SaveAmplitudesSquared(circuit.num_qubits, [0], label="back"), range(circuit.num_qubits))
    result = simulator.run(measured, shots=1).result()
    if not result.success:
        return 0.0, MAX_BOND
    bonds = re.findall(r"BD=\[([^\]]*)\]", str(result.results[0].metadata.get("MPS_log_data", "")))
    widest = max((int(size) for bond in bonds for size in re.findall(r"\d+", bond)), default=1)
    return float(result.data(0)["back"][0]), widest
