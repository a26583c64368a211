"""Error channels of gates: depolarizing, then thermal relaxation, so that the gate error is the calibrated one.

The model is the one of Qiskit Aer's `NoiseModel.from_backend` (temperature 0). It is written out here because a
mixture of at most 25 terms for a pair is built in under a millisecond, a whole device takes many seconds, and
because the same terms also drive the exact simulation of dynamic circuits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from pytest_llmgate.quantum.calibration import QubitNoise

Matrix = np.ndarray[Any, np.dtype[np.complex128]]

RESET = "R"
_LETTERS = "IXYZ"
_TIMES_Z = {"I": "Z", "X": "Y", "Y": "X", "Z": "I", RESET: RESET}
_PAULI: Mapping[str, Matrix] = {
    "I": np.eye(2, dtype=complex),
    "X": np.array([[0, 1], [1, 0]], dtype=complex),
    "Y": np.array([[0, -1j], [1j, 0]], dtype=complex),
    "Z": np.array([[1, 0], [0, -1]], dtype=complex),
}


@dataclass(frozen=True, slots=True)
class Channel:
    """An error on 1 or 2 qubits.

    terms: probabilities by letters, one a qubit (I, X, Y, Z, or R for reset to 0); they sum to 1. after: Kraus
    operators on each qubit once a term has been applied; empty for a qubit whose relaxation is in the terms already.
    """

    terms: Mapping[str, float]
    after: tuple[tuple[Matrix, ...], ...]

    @property
    def is_clifford(self) -> bool:
        """Whether a stabilizer simulation can draw it."""
        return not any(self.after)

    def superoperator(self) -> Matrix:
        """Its matrix, one base-4 digit 2c + r a qubit (row bit r, column bit c), the first the least significant."""
        total = sum(p * _tensor([_letter_map(letter) for letter in term]) for term, p in self.terms.items())
        later = _tensor([_kraus_map(operators) for operators in self.after])
        return np.asarray(later @ total, dtype=complex)


def gate_channel(qubits: tuple[QubitNoise, ...], depolarizing: float, gate_ns: float) -> Channel | None:
    """The error of a gate of `gate_ns` nanoseconds on these qubits; None where it has none.

    depolarizing: rho -> (1 - p) rho + p I/d, p in [0, 1]. Relaxation follows on each qubit. With T2 <= T1 it is a
    mixture of identity, Z and reset; beyond, it is not, and its Kraus operators are kept apart.
    """
    lost = [gate_ns / qubit.t1_ns > 0.0 or gate_ns / qubit.t2_ns > 0.0 for qubit in qubits]
    if depolarizing <= 0.0 and not any(lost):
        return None
    mixtures = [_relaxation_mixture(qubit, gate_ns) for qubit in qubits]
    terms: dict[str, float] = {}
    for letters, p in _depolarizing_terms(len(qubits), depolarizing):
        for steps in product(*[(mixture or {"I": 1.0}).items() for mixture in mixtures]):
            term = "".join(_then(a, step) for a, (step, _) in zip(letters, steps, strict=True))
            terms[term] = terms.get(term, 0.0) + p * math.prod(q for _, q in steps)
    after = tuple(
        () if mixture is not None else _relaxation_kraus(qubit, gate_ns)
        for qubit, mixture in zip(qubits, mixtures, strict=True)
    )
    return Channel({term: p for term, p in terms.items() if p > 0.0}, after)


def depolarizing_for(error: float, qubits: tuple[QubitNoise, ...], gate_ns: float) -> float:
    """The depolarizing probability in [0, 1] that, with relaxation, makes 1 - average gate fidelity equal `error`.

    Average fidelity F = (d F_e + 1) / (d + 1) with the entanglement fidelity F_e = Tr(S) / d², which multiplies over
    qubits (Nielsen 2002, Phys. Lett. A 303). F(p) = (1 - p) F_relaxed + p / d is then solved for p. It is 0
    where relaxation alone explains more than `error`.
    """
    d = 2.0 ** len(qubits)
    entanglement = math.prod(_entanglement_fidelity(qubit, gate_ns) for qubit in qubits)
    relaxed = (d * entanglement + 1.0) / (d + 1.0)
    p = d * (relaxed - (1.0 - error)) / (d * relaxed - 1.0)
    return min(1.0, max(0.0, p))


def _entanglement_fidelity(qubit: QubitNoise, gate_ns: float) -> float:
    """Tr(S)/4 of relaxation: populations keep 1 and exp(-t/T1), the two coherences exp(-t/T2)."""
    return (1.0 + math.exp(-gate_ns / qubit.t1_ns) + 2.0 * math.exp(-gate_ns / qubit.t2_ns)) / 4.0


def _depolarizing_terms(n: int, p: float) -> Iterator[tuple[str, float]]:
    each = p / 4**n
    for letters in product(_LETTERS, repeat=n):
        term = "".join(letters)
        weight = 1.0 - p + each if term == "I" * n else each
        if weight > 0.0:
            yield term, weight


def _then(letter: str, step: str) -> str:
    """A Pauli letter followed by identity, Z or reset, up to phase."""
    if step == RESET:
        return RESET
    return _TIMES_Z[letter] if step == "Z" else letter


def _relaxation_mixture(qubit: QubitNoise, gate_ns: float) -> dict[str, float] | None:
    """Probabilities of identity, Z and reset; None with T2 > T1, where that of Z would be negative."""
    if qubit.t2_ns > qubit.t1_ns and gate_ns > 0.0:
        return None
    reset = -math.expm1(-gate_ns / qubit.t1_ns)
    kept = math.exp(-gate_ns / qubit.t2_ns)
    flip = max(0.0, (1.0 - reset - kept) / 2.0)
    mixture = {"I": 1.0 - reset - flip, "Z": flip, RESET: reset}
    return {step: p for step, p in mixture.items() if p > 0.0}


def _relaxation_kraus(qubit: QubitNoise, gate_ns: float) -> tuple[Matrix, ...]:
    """Amplitude damping with the dephasing that is left beside it (T2 <= 2 T1)."""
    damped = -math.expm1(-gate_ns / qubit.t1_ns)
    kept = math.exp(-gate_ns / qubit.t2_ns)
    flat = min(1.0, kept / math.sqrt(1.0 - damped)) if damped < 1.0 else 0.0
    root = math.sqrt(1.0 - damped)
    same, turned = math.sqrt((1.0 + flat) / 2.0), math.sqrt((1.0 - flat) / 2.0)
    operators = [
        np.array([[same, 0], [0, same * root]], dtype=complex),
        np.array([[turned, 0], [0, -turned * root]], dtype=complex),
        np.array([[0, math.sqrt(damped)], [0, 0]], dtype=complex),
    ]
    return tuple(operator for operator in operators if np.any(operator))


def _letter_map(letter: str) -> Matrix:
    if letter == RESET:
        return _kraus_map((np.array([[1, 0], [0, 0]], dtype=complex), np.array([[0, 1], [0, 0]], dtype=complex)))
    return _kraus_map((_PAULI[letter],))


def _kraus_map(operators: tuple[Matrix, ...]) -> Matrix:
    """vec(K rho K†) = (K* ⊗ K) vec(rho), columns stacked; no operator is the identity."""
    if not operators:
        return np.eye(4, dtype=complex)
    return np.asarray(sum(np.kron(k.conj(), k) for k in operators), dtype=complex)


def _tensor(maps: list[Matrix]) -> Matrix:
    """One-qubit superoperators side by side, the first the least significant digit."""
    joined = np.ones((1, 1), dtype=complex)
    for single in maps:
        joined = np.asarray(np.kron(single, joined), dtype=complex)
    return joined
