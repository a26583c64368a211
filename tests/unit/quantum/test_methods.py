"""Which simulation is chosen, what it needs, and what is refused before memory is taken."""

from __future__ import annotations

import pytest
from noisy_circuits import BRISBANE, ghz, random_circuit, teleportation
from qiskit import QuantumCircuit

from pytest_llmgate.core.circuit import NoisePlan
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.quantum import methods
from pytest_llmgate.quantum.methods import Choice, check_method, choose_method, entangling_rank, memory_bytes, too_wide
from pytest_llmgate.quantum.noise import build_noise

PAULI = NoisePlan(params={"depolarizing_2q": 0.01, "readout": 0.02})


def deep(n: int) -> QuantumCircuit:
    """Entangled across every cut."""
    circuit = QuantumCircuit(n)
    for layer in range(n):
        circuit.rx(0.3, range(n))
        for qubit in range(layer % 2, n - 1, 2):
            circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize(
    ("circuit", "noise", "method"),
    [
        (ghz(40), None, "stabilizer"),
        (ghz(40), PAULI, "stabilizer"),
        (ghz(40), BRISBANE, "matrix_product_state"),  # T2 above T1 somewhere: no Pauli noise
        (ghz(8), BRISBANE, "density_matrix"),
        (deep(16), BRISBANE, "statevector"),
        (deep(24), None, "statevector"),
        (teleportation(0.3), BRISBANE, "statevector"),  # one shot at a time: a vector is smaller than a matrix
    ],
    ids=["clifford", "pauli-noise", "wide-shallow", "small", "deep-noisy", "deep", "dynamic"],
)
def test_automatic_is_ours(circuit: QuantumCircuit, noise: NoisePlan | None, method: str) -> None:
    choice = choose_method(circuit, build_noise(noise, circuit.num_qubits))
    assert choice.method == method, choice.why


def test_the_rank_is_bounded_by_gates_and_by_the_smaller_side() -> None:
    assert entangling_rank(ghz(10)) == 1
    assert entangling_rank(deep(6)) == 3
    assert entangling_rank(random_circuit(1, 2, seed=1)) == 0


def test_an_unknown_method_gets_the_nearest() -> None:
    with pytest.raises(LlmgateError, match="did you mean 'statevector'"):
        check_method("state_vector")


@pytest.mark.parametrize(("method", "n", "size"), [("statevector", 30, 16 << 30), ("density_matrix", 12, 256 << 20)])
def test_memory_is_16_bytes_a_number(method: str, n: int, size: int) -> None:
    assert memory_bytes(method, n) == size


def test_too_wide_says_what_it_would_take_and_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "memory_limit", lambda: 4 << 30)
    error = too_wide(Choice("density_matrix", ""), 16)
    assert error is not None
    assert error.problems[0].code == "circuit-too-wide"
    assert "16 qubits by density_matrix take 64 GiB of memory, 4 GiB may be used" in str(error)
    assert "method: statevector" in str(error)
    assert "method: matrix_product_state" in str(too_wide(Choice("statevector", ""), 40))
    assert too_wide(Choice("statevector", ""), 28) is None
    assert too_wide(Choice("matrix_product_state", ""), 400) is None
    assert "EiB" in str(too_wide(Choice("density_matrix", ""), 60))
