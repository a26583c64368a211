"""Which simulation draws the shots of a circuit that is too wide for exact probabilities, and what memory it takes."""

from __future__ import annotations

import os
from typing import Any, Final, NamedTuple

from pytest_llmgate.core.errors import LlmgateError, Where, nearest, problem
from pytest_llmgate.quantum.load import is_clifford, is_dynamic
from pytest_llmgate.quantum.noise import Device

METHODS: Final = (
    "automatic", "density_matrix", "extended_stabilizer", "matrix_product_state", "stabilizer", "statevector",
)  # fmt: skip
WIDEST_DENSITY: Final = 10
"""Beyond, trajectories of states are faster than a density matrix."""
MOST_BYTES: Final = 8 << 30
_SWAP_HANDICAP: Final = 4
"""One step of matrix products of dimension 2**k costs about 2**(3k + 4) steps on a vector (measured on 13 to 16)."""


class Choice(NamedTuple):
    """A simulation method of Aer, and why it was taken."""

    method: str
    why: str


def choose_method(circuit: Any, device: Device) -> Choice:
    """The method for a compiled QuantumCircuit on a device.

    Aer's own choice takes a state vector for wide shallow noisy circuits, where matrix products are 25 times faster.
    """
    n = circuit.num_qubits
    if device.is_clifford and is_clifford(circuit):
        return Choice("stabilizer", "every gate and every error is a Clifford operation")
    if device.is_noisy and n <= WIDEST_DENSITY and not is_dynamic(circuit):
        return Choice("density_matrix", f"noise on {n} qubits, all shots from one density matrix")
    rank = entangling_rank(circuit)
    if 3 * rank + _SWAP_HANDICAP < n:
        return Choice("matrix_product_state", f"{n} qubits, at most 2^{rank} terms across any cut")
    return Choice("statevector", f"{n} qubits, up to 2^{rank} terms across a cut")


def check_method(method: str, where: Where | None = None) -> None:
    """See that a named method exists. Raises LlmgateError `unknown-method`."""
    if method not in METHODS:
        raise problem("unknown-method", f"there is no simulation method {method!r}", where, nearest(method, METHODS))


def entangling_rank(circuit: Any) -> int:
    """log2 of a bound on the Schmidt rank over all cuts between neighbours: a two-qubit gate adds at most 2 each.

    (A CX has Schmidt rank 2; any other gate of two qubits counts double, for 4.)
    """
    n = circuit.num_qubits
    place = {bit: index for index, bit in enumerate(circuit.qubits)}
    crossed = [0] * max(1, n - 1)
    for instruction in circuit.data:
        if len(instruction.qubits) < 2 or instruction.operation.name == "barrier":
            continue
        at = sorted(place[bit] for bit in instruction.qubits)
        weight = 1 if instruction.operation.name in ("cx", "cz", "cy", "ecr") else 2 * (len(at) - 1)
        for cut in range(at[0], at[-1]):
            crossed[cut] += weight
    return max(min(count, cut + 1, n - 1 - cut) for cut, count in enumerate(crossed)) if n > 1 else 0


def memory_bytes(method: str, n: int) -> int | None:
    """What a method needs for n qubits: 16 bytes a complex number; None where it depends on the circuit."""
    if method == "density_matrix":
        return int(16 * 4**n)
    return int(16 * 2**n) if method == "statevector" else None


def memory_limit() -> int:
    """Half of the machine's memory, at most 8 GiB."""
    try:
        installed = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return MOST_BYTES
    return min(MOST_BYTES, installed // 2)


def too_wide(choice: Choice, n: int, where: Where | None = None) -> LlmgateError | None:
    """The error of a circuit that a method has no room for, told before any memory is taken; None where it fits."""
    needed, limit = memory_bytes(choice.method, n), memory_limit()
    if needed is None or needed <= limit:
        return None
    message = f"{n} qubits by {choice.method} take {_size(needed)} of memory, {_size(limit)} may be used"
    others = ["method: matrix_product_state", "fewer qubits"]
    if choice.method == "density_matrix" and 16 * 2**n <= limit:
        others.insert(0, "method: statevector")
    return problem("circuit-too-wide", message, where, f"use {' or '.join(others)}")


def _size(size: int) -> str:
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size //= 1024
    return f"{size:.3g} EiB"
