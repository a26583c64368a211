"""Shots of a circuit: from exact probabilities where they are known, else by simulation, one run a chunk."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np

from pytest_llmgate.core.circuit import CircuitFailed, ShotResult
from pytest_llmgate.quantum.distribution import Distribution


def draw(exact: Distribution, shots: int, seed: int) -> ShotResult:
    """Shots of a known distribution; the same for the same seed."""
    drawn = np.random.default_rng(seed).multinomial(shots, exact.p)
    counts = {outcome: int(count) for outcome, count in zip(exact.outcomes, drawn, strict=True) if count}
    return ShotResult(counts, "exact")


def aer_seed(seed: int) -> int:
    """A seed of 31 bits for Aer, scattered by a hash: Aer's own neighbouring seeds give correlated shots."""
    return int.from_bytes(blake2b(str(seed).encode(), digest_size=4, person=b"llmgate-aer").digest(), "big") >> 1


def simulate(circuit: Any, model: Any, method: str, shots: int, seed: int) -> ShotResult:
    """Shots of a compiled circuit by Aer, in one run, so that each chunk is reproducible by itself.

    Raises CircuitFailed where the simulator fails.
    """
    from qiskit_aer import AerSimulator

    options = {"method": method, "seed_simulator": aer_seed(seed), "shots": shots, "max_parallel_experiments": 1}
    try:
        result = AerSimulator().run(circuit, noise_model=model, **options).result()
    except Exception as fault:  # whatever the simulator raises, the chunk gave no shots
        raise CircuitFailed("simulator", f"Aer raised {type(fault).__name__}: {fault}") from fault
    if not result.success:
        reason = "; ".join(str(experiment.status) for experiment in result.results) or str(result.status)
        raise CircuitFailed("simulator", f"Aer failed: {reason}")
    counts = result.get_counts()
    return ShotResult({str(outcome): int(counts[outcome]) for outcome in sorted(counts)}, method)
