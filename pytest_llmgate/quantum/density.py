"""A density matrix in numpy: small circuits with their noise, exactly, gate by gate.

The state is a tensor with one axis of length 4 a qubit: digit 2c + r stands for row bit r and column bit c of that
qubit. Superoperators on several qubits are then plain Kronecker products.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from qiskit.circuit import CircuitInstruction

from pytest_llmgate.quantum.channels import Matrix
from pytest_llmgate.quantum.noise import Device

_DIAGONAL = (0, 3)  # digits of |0><0| and |1><1|


class Density:
    """n qubits, first all 0. May be unnormalised: its trace is the probability of what was measured on the way."""

    __slots__ = ("_n", "_order", "_tensor")

    def __init__(self, n: int) -> None:
        self._n = n
        self._order = list(range(n))  # which qubit each axis holds; applying a map moves its qubits to the front
        self._tensor: Matrix = np.zeros((4,) * n, dtype=complex)
        self._tensor[(0,) * n] = 1.0

    def apply(self, superoperator: Matrix, qubits: Sequence[int]) -> None:
        """Apply a map on some qubits, the first of them the least significant digit of its indices."""
        k = len(qubits)
        axes = [self._order.index(qubit) for qubit in reversed(qubits)]
        shaped = superoperator.reshape((4,) * (2 * k))
        self._tensor = np.tensordot(shaped, self._tensor, axes=(list(range(k, 2 * k)), axes))
        self._order = [*reversed(qubits), *(qubit for qubit in self._order if qubit not in qubits)]

    def projected(self, qubit: int, bit: int) -> Density:
        """The part in which a qubit is `bit`."""
        axis = self._order.index(qubit)
        kept = np.zeros_like(self._tensor)
        place = tuple(_DIAGONAL[bit] if number == axis else slice(None) for number in range(self._n))
        kept[place] = self._tensor[place]
        return self._with(kept)

    def plus(self, other: Density, weight: float) -> Density:
        """This state and `weight` times another."""
        axes = [other._order.index(qubit) for qubit in self._order]
        return self._with(self._tensor + weight * other._tensor.transpose(axes))

    def times(self, weight: float) -> Density:
        """The state with its trace multiplied."""
        return self._with(self._tensor * weight)

    def trace(self) -> float:
        """Probability of what was measured so far."""
        return float(self.probabilities(()).item())

    def probabilities(self, qubits: Sequence[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Outcome probabilities of some qubits, the first of them the least significant bit of the index."""
        diagonal = self._tensor[np.ix_(*[_DIAGONAL] * self._n)].real
        rest = tuple(axis for axis, qubit in enumerate(self._order) if qubit not in qubits)
        summed = diagonal.sum(axis=rest)
        left = [qubit for qubit in self._order if qubit in qubits]
        return np.ascontiguousarray(summed.transpose([left.index(qubit) for qubit in reversed(qubits)])).reshape(-1)

    def _with(self, tensor: Matrix) -> Density:
        found = Density.__new__(Density)
        found._n, found._order, found._tensor = self._n, list(self._order), tensor
        return found


class NoisyMaps:
    """Superoperators of operations with the errors that follow them, each computed once.

    Not for concurrent use; one serves a batch of circuits for one device.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._known: dict[Any, Matrix] = {}

    def of(self, operation: Any, qubits: tuple[int, ...]) -> Matrix:
        """The map of a gate, reset or channel at its place."""
        key: Any = (operation.name, *getattr(operation, "params", ()), qubits)
        try:
            if (found := self._known.get(key)) is not None:
                return found
        except TypeError:  # a matrix is among the parameters
            key = None
        operation = getattr(operation, "operation", operation)
        found = in_digits(_superoperator(operation), len(qubits))
        if (channel := self._device.channel(operation.name, qubits)) is not None:
            found = channel.superoperator() @ found
        if key is not None:
            self._known[key] = found
        return found


def evolve(bits: Sequence[Any], steps: Iterable[CircuitInstruction], maps: NoisyMaps) -> Density:
    """The state of qubits, first all 0, after operations that neither measure nor branch.

    Maps of single qubits wait and are multiplied into the next map of two qubits, so that the state itself is touched
    once for each gate of two qubits.
    """
    place = {bit: index for index, bit in enumerate(bits)}
    state = Density(len(bits))
    waiting: dict[int, Matrix] = {}
    for step in steps:
        if step.name == "delay":
            continue
        qubits = tuple([place[bit] for bit in step.qubits])
        found = maps.of(step, qubits)
        if len(qubits) == 1:
            before = waiting.get(qubits[0])
            waiting[qubits[0]] = found if before is None else found @ before
            continue
        for number, qubit in enumerate(qubits):
            if (before := waiting.pop(qubit, None)) is not None:
                found = _preceded(found, before, number, len(qubits))
        state.apply(found, qubits)
    for qubit, last in waiting.items():
        state.apply(last, (qubit,))
    return state


def _preceded(found: Matrix, before: Matrix, digit: int, k: int) -> Matrix:
    """A map of k qubits after a map of one of them."""
    low, high = 4**digit, 4 ** (k - 1 - digit)
    shaped = found.reshape(4**k * high, 4, low)
    return np.asarray(np.matmul(before.T, shaped), dtype=complex).reshape(4**k, 4**k)


def in_digits(superoperator: Matrix, k: int) -> Matrix:
    """A superoperator of k qubits from Qiskit's order (all column bits, then all row bits) to one digit a qubit."""
    order = [axis for qubit in range(k) for axis in (qubit, k + qubit)]
    axes = [*order, *(2 * k + axis for axis in order)]
    return superoperator.reshape((2,) * (4 * k)).transpose(axes).reshape(4**k, 4**k)


def _superoperator(operation: Any) -> Matrix:
    """The matrix on vec(rho), columns stacked, as Qiskit orders it."""
    if hasattr(operation, "to_matrix"):
        matrix = operation.to_matrix()
        d = len(matrix)
        return np.asarray(matrix.conj()[:, None, :, None] * matrix[None, :, None, :], dtype=complex).reshape(
            d * d, d * d
        )
    from qiskit.quantum_info import SuperOp

    return np.asarray(SuperOp(operation).data)
