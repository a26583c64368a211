"""Exact outcome probabilities of compiled circuits; many circuits in few runs of the simulator.

One run of 60 five-qubit circuits takes a twentieth of 60 runs. What a circuit gives does not depend on what it is run
beside, nor on the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from qiskit import QuantumCircuit

from pytest_llmgate.quantum.branching import TooManyBranches, branches
from pytest_llmgate.quantum.density import NoisyMaps, evolve
from pytest_llmgate.quantum.distribution import Distribution, distribution, printed_places, with_readout
from pytest_llmgate.quantum.noise import Device
from pytest_llmgate.quantum.schedule import Schedule

WIDEST_NOISY: Final = 12
WIDEST_IDEAL: Final = 20
WIDEST_DYNAMIC: Final = 8
WIDEST_NUMPY: Final = 7
"""Up to here our own density matrix is 4 to 10 times faster than that of Aer (measured); they agree to 1e-12."""
_MOST_BITS: Final = 62  # classical bits that a number holds
_MOST_PROBABILITIES: Final = 1 << 22  # in one answer of the simulator: 32 MB
# Threads and fusion fixed, so that the last bit of a probability does not depend on the machine.
_AER_OPTIONS: Final = {"max_parallel_threads": 1, "max_parallel_experiments": 1, "seed_simulator": 1, "shots": 1}


class Prepared(NamedTuple):
    """A compiled circuit, its device, and what runs before the measurements at its end."""

    circuit: QuantumCircuit
    device: Device
    schedule: Schedule


def may_be_exact(n: int, device: Device) -> bool:
    """Whether a circuit of this many qubits in use can have exact probabilities at all."""
    return n <= (WIDEST_NOISY if device.is_noisy else WIDEST_IDEAL)


def exact_method(prepared: Prepared) -> str | None:
    """How exact probabilities are computed: `statevector`, `density_matrix`, `branches`; None where they are not."""
    n, mixed = prepared.circuit.num_qubits, prepared.device.is_noisy
    if not prepared.schedule.is_static:
        return "branches" if n <= WIDEST_DYNAMIC else None
    mixed = mixed or any(step.name in _MIXING for step in prepared.schedule.steps)
    if mixed:
        return "density_matrix" if n <= WIDEST_NOISY else None
    return "statevector" if n <= WIDEST_IDEAL else None


_MIXING = frozenset({"reset", "kraus", "quantum_channel", "superop", "initialize"})


def exact_all(jobs: Sequence[Prepared]) -> list[Distribution | None]:
    """The distribution of each circuit, None where it is too wide or branches too much."""
    found: list[Distribution | None] = [None] * len(jobs)
    groups: dict[tuple[str, str, int], list[int]] = {}
    for number, job in enumerate(jobs):
        method = exact_method(job)
        if job.schedule.is_static and not job.schedule.reads:  # nothing is measured: all bits stay 0
            found[number] = distribution(np.zeros(1, dtype=np.int64), np.ones(1), printed_places(job.circuit))
        elif method is not None:
            groups.setdefault((method, job.device.digest, job.circuit.num_qubits), []).append(number)
    for (method, *_), numbers in sorted(groups.items()):
        first = jobs[numbers[0]]
        if method == "branches" or (method == "density_matrix" and first.circuit.num_qubits <= WIDEST_NUMPY):
            maps = NoisyMaps(first.device)
            for number in numbers:
                found[number] = _by_numpy(jobs[number], maps)
        else:
            for some in _portions(jobs, numbers):
                for number, p in zip(some, _run([jobs[number] for number in some], method), strict=True):
                    found[number] = _read_out(jobs[number], p)
    return found


def _portions(jobs: Sequence[Prepared], numbers: Sequence[int]) -> Iterator[list[int]]:
    """Circuits of one run: as many as their answers fit into."""
    portion: list[int] = []
    size = 0
    for number in numbers:
        answer = 1 << len(jobs[number].schedule.reads)
        size += answer
        if portion and size > _MOST_PROBABILITIES:
            yield portion
            portion, size = [], answer
        portion.append(number)
    yield portion


def _run(jobs: Sequence[Prepared], method: str) -> list[Any]:
    """Probabilities of what is measured, bit k of the index being the k-th read qubit."""
    from qiskit_aer import AerSimulator

    bodies = []
    for job in jobs:
        body = QuantumCircuit(job.circuit.qubits)
        for step in job.schedule.steps:
            body.append(step)
        body.save_probabilities([qubit for qubit, _ in job.schedule.reads], label="p")  # added by qiskit_aer
        bodies.append(body)
    options = {**_AER_OPTIONS, "method": method}
    result = AerSimulator().run(bodies, noise_model=jobs[0].device.model, **options).result()
    if not result.success:
        raise RuntimeError(f"the simulator failed: {result.status}")
    return [np.asarray(result.data(number)["p"], dtype=float) for number in range(len(bodies))]


def _read_out(job: Prepared, p: Any) -> Distribution:
    reads = job.schedule.reads
    p = with_readout(p, [job.device.readout(qubit) for qubit, _ in reads])
    bit_of = {clbit: number for number, (_, clbit) in enumerate(reads)}
    places = [None if place is None else bit_of.get(place, -1) for place in printed_places(job.circuit)]
    return distribution(np.arange(len(p)), p, places)


def _by_numpy(job: Prepared, maps: NoisyMaps) -> Distribution | None:
    if not job.schedule.is_static:
        return _followed(job, maps)
    state = evolve(job.circuit.qubits, job.schedule.steps, maps)
    return _read_out(job, state.probabilities([qubit for qubit, _ in job.schedule.reads]))


def _followed(job: Prepared, maps: NoisyMaps) -> Distribution | None:
    """Branches, and in each of them what is read at the end."""
    if job.circuit.num_clbits > _MOST_BITS:
        return None
    steps = job.circuit.copy_empty_like()
    for step in job.schedule.steps:
        steps.append(step)
    try:
        found = branches(steps, job.device, maps)
    except TooManyBranches:
        return None
    reads = job.schedule.reads
    index = np.arange(1 << len(reads), dtype=np.int64)
    read = sum(((index >> number & 1) << clbit for number, (_, clbit) in enumerate(reads)), start=np.zeros_like(index))
    flips = [job.device.readout(qubit) for qubit, _ in reads]
    parts = [with_readout(found[bits].probabilities([q for q, _ in reads]), flips) for bits in sorted(found)]
    kept = ~sum(1 << clbit for _, clbit in reads)  # what stood in a bit that is written at the end is gone
    contents = np.concatenate([read | (bits & kept) for bits in sorted(found)])
    unique, group = np.unique(contents, return_inverse=True)
    p = np.bincount(group, np.concatenate(parts)).astype(float)
    return distribution(unique, p, printed_places(job.circuit))
