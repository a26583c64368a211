"""Whether two circuits do the same up to global phase: prepare the same state, or are the same unitary.

Final measurements are taken off first, and qubits are put into the order of the classical bits that they are measured
into, so that a circuit that ends in other qubits and measures them accordingly is the same. What is left is decided by
the circuit "first a, then b backwards", which must lead from |0…0⟩ back to it. For unitaries that circuit is run on one
half of maximally entangled pairs (the Choi state), where coming back means that it is the identity (Nielsen & Chuang,
section 9.2). Three ways, each of which can say that it does not know:

- gates that cancel in pairs until none is left (any size; says equal only),
- Clifford circuits by their tableau, exactly (Aaronson & Gottesman, Phys. Rev. A 70, 052328), any size,
- the amplitude of coming back: by state vector to 20 qubits (16 MiB); beyond, as a matrix product state of bounded
  width, a gate of a and a gate of b in turn (Burgholzer & Wille, arXiv 2004.08420), so that what nearly cancels stays
  narrow. A state that became too wide may have been cut, and nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from qiskit import QuantumCircuit

from pytest_llmgate.quantum.amplitude import (
    STATEVECTOR_QUBITS,
    Back,
    back_to_zero,
    cancelled,
    fits_statevector,
    on_pairs,
    side_by_side,
)
from pytest_llmgate.quantum.load import is_clifford, is_dynamic
from pytest_llmgate.quantum.walk import Op, operations

Mode = Literal["auto", "state", "unitary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalence:
    """What is known of two circuits.

    equal: None where it could not be decided. how: `clifford`, `statevector`, `mps`, `cancelled`, `structure`, or
    `undecided`. fidelity: 0 to 1, of the states or of the processes, where it was computed. reason: a sentence.
    """

    equal: bool | None
    how: str
    fidelity: float | None
    reason: str


def equivalent(a: QuantumCircuit, b: QuantumCircuit, *, mode: Mode = "auto", tolerance: float = 1e-8) -> Equivalence:
    """Compare two circuits.

    mode: `state` compares what they make of |0…0⟩, `unitary` what they make of every input; `auto` is `state`.
    tolerance: the infidelity that rounding may cause; an angle off by x in one gate costs about x²/4.
    """
    if odd := _structure(a, b):
        return odd
    choi = mode == "unitary"
    try:
        parts = [_Part(circuit, allow_reset=not choi) for circuit in (a, b)]
    except _NotUnitary as fault:
        return Equivalence(equal=None, how="undecided", fidelity=None, reason=str(fault))
    if parts[0].measured and parts[1].measured and parts[0].measured != parts[1].measured:
        return _unequal(f"they measure other classical bits: {_bits(parts[0])} and {_bits(parts[1])}")
    by_bits = bool(parts[0].measured and parts[1].measured)
    first, second = (part.circuit(by_bits=by_bits) for part in parts)
    return _decide(first, second, choi, tolerance)


def _structure(a: QuantumCircuit, b: QuantumCircuit) -> Equivalence | None:
    """What can be said without looking at the gates."""
    if a.num_qubits != b.num_qubits:
        return _unequal(f"one has {a.num_qubits} qubits, the other {b.num_qubits}")
    for circuit, which in ((a, "first"), (b, "second")):
        if circuit.parameters:
            names = ", ".join(sorted(parameter.name for parameter in circuit.parameters)[:5])
            return _undecided(f"the {which} circuit has free parameters: {names}")
    return None


def _unequal(reason: str) -> Equivalence:
    return Equivalence(equal=False, how="structure", fidelity=None, reason=reason)


def _undecided(reason: str) -> Equivalence:
    return Equivalence(equal=None, how="undecided", fidelity=None, reason=reason)


class _NotUnitary(Exception):  # noqa: N818 - reads as what was found
    pass


class _Part:
    """The gates of one circuit, with qubits in the order of the classical bits that they end in.

    Raises _NotUnitary for what is no gate, other than resets of fresh qubits where they are allowed.
    """

    def __init__(self, circuit: QuantumCircuit, *, allow_reset: bool) -> None:
        ops = list(_without_first_resets(operations(circuit)) if allow_reset else operations(circuit))
        if is_dynamic(circuit) and any(op.blocks or op.name in ("reset", "store") for op in ops):
            raise _NotUnitary("a circuit with resets or control flow has no state or unitary of its own to compare")
        ends: dict[int, int] = {}
        self.gates: list[Op] = []
        for op in ops:
            if ends.keys() & set(op.qubits) and op.name != "delay":
                raise _NotUnitary(f"{op.name} follows a measurement of the same qubit")
            if op.name == "measure":
                ends[op.qubits[0]] = op.clbits[0]
            elif op.name != "delay":
                self.gates.append(_gate(op))
        self.measured = frozenset(ends.values())
        self.order = sorted(range(circuit.num_qubits), key=lambda qubit: (ends.get(qubit, circuit.num_clbits), qubit))

    def circuit(self, *, by_bits: bool) -> QuantumCircuit:
        """The gates alone. by_bits: whether qubits are numbered by the classical bits that they are measured into."""
        place = {qubit: place for place, qubit in enumerate(self.order)}
        gates = QuantumCircuit(len(place))
        for op in self.gates:
            gates.append(op.operation, [place[qubit] if by_bits else qubit for qubit in op.qubits])
        return gates


def _gate(op: Op) -> Op:
    if not hasattr(op.operation, "inverse") or not hasattr(op.operation, "__array__"):
        raise _NotUnitary(f"{op.name} is not a gate with a known matrix")
    return op


def _without_first_resets(ops: Iterable[Op]) -> Iterable[Op]:
    """A reset of a qubit that nothing has touched does nothing to |0…0⟩."""
    touched: set[int] = set()
    for op in ops:
        if op.name != "reset" or touched & set(op.qubits):
            touched.update(op.qubits)
            yield op


def _bits(part: _Part) -> str:
    return ", ".join(f"c{bit}" for bit in sorted(part.measured)[:9])


def _decide(a: QuantumCircuit, b: QuantumCircuit, choi: bool, tolerance: float) -> Equivalence:
    what = "unitaries" if choi else "states"
    back = cancelled(a.compose(b.inverse()))
    if not back.data:
        return Equivalence(equal=True, how="cancelled", fidelity=1.0, reason=f"the {what} are equal: all gates cancel")
    width = 2 * a.num_qubits if choi else a.num_qubits
    if width > STATEVECTOR_QUBITS and is_clifford(back):
        equal = _keeps_everything(back) if choi else _keeps_zero(back)
        reason = f"the {what} are {_said(equal)} (tableau, exact)"
        return Equivalence(equal=equal, how="clifford", fidelity=None, reason=reason)
    found = _fidelity(a, b, back, choi, tolerance)
    if found.probability is None:
        return _undecided(f"the {what} could not be compared: {found.reason}")
    equal = found.probability >= 1 - tolerance
    reason = f"the {what} are {_said(equal)}: fidelity {round(found.probability, 9):.9g}"
    return Equivalence(equal=equal, how=found.method, fidelity=found.probability, reason=reason)


def _said(equal: bool) -> str:
    return "equal up to global phase" if equal else "different"


def _fidelity(a: QuantumCircuit, b: QuantumCircuit, back: QuantumCircuit, choi: bool, tolerance: float) -> Back:
    """Equal unitaries make equal states, so that the narrow way is tried first where the circuits are wide."""
    if fits_statevector(on_pairs(back) if choi else back):
        return back_to_zero(on_pairs(back) if choi else back)
    in_turn = back_to_zero(side_by_side(a, b))
    if choi or (in_turn.probability is not None and in_turn.probability >= 1 - tolerance):
        return in_turn
    return back_to_zero(back)


def _keeps_zero(circuit: QuantumCircuit) -> bool:
    """Whether a Clifford circuit leads |0…0⟩ back to itself: its stabilizers are all Z's without a sign."""
    from qiskit.quantum_info import Clifford

    tableau = Clifford(circuit)
    return not (tableau.stab_x.any() or tableau.stab_phase.any())


def _keeps_everything(circuit: QuantumCircuit) -> bool:
    """Whether a Clifford circuit is the identity."""
    from qiskit.quantum_info import Clifford

    return bool(Clifford(circuit) == Clifford(QuantumCircuit(circuit.num_qubits)))
