"""What a distribution belongs to: the circuit, its shape, the noise, how it was transpiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qiskit import QuantumCircuit

from pytest_llmgate.core.baseline import CircuitIdentity
from pytest_llmgate.core.codec import plain
from pytest_llmgate.quantum.canonical import circuit_digest
from pytest_llmgate.quantum.outcomes import widths
from pytest_llmgate.quantum.shape import shape_of


def identity_of(circuit: QuantumCircuit, described: Mapping[str, Any]) -> CircuitIdentity:
    """The identity of a circuit as the lab describes it."""
    return CircuitIdentity(
        widths=widths(circuit),
        circuit_digest=circuit_digest(circuit),
        shape=plain(shape_of(circuit)),
        noise_digest=described.get("noise_digest"),
        transpile_digest=described.get("transpile_digest"),
    )
