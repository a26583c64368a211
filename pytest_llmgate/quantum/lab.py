"""The simulator of a run: exact probabilities, shots, and what there is to say about them."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from threading import BoundedSemaphore, RLock
from typing import Any, Final, NamedTuple

from qiskit import QuantumCircuit

from pytest_llmgate.core.circuit import NoisePlan, ShotResult
from pytest_llmgate.core.codec import digest
from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.quantum.cache import DistributionCache, Kept
from pytest_llmgate.quantum.compiling import (
    TRANSPILE_SETTINGS,
    compile_all,
    pass_manager,
    with_relaxing_delays,
    without_idle_qubits,
)
from pytest_llmgate.quantum.distribution import Distribution
from pytest_llmgate.quantum.exact import Prepared, exact_all, exact_method, may_be_exact
from pytest_llmgate.quantum.keys import circuit_key
from pytest_llmgate.quantum.load import is_clifford
from pytest_llmgate.quantum.methods import Choice, check_method, choose_method, memory_bytes, too_wide
from pytest_llmgate.quantum.noise import Device, build_noise
from pytest_llmgate.quantum.sampling import draw, simulate
from pytest_llmgate.quantum.schedule import schedule
from pytest_llmgate.quantum.walk import everything

SCHEME: Final = "lab/1"
"""Changes when the same circuit would get other probabilities."""
_HEAVY_AT_ONCE: Final = 2
_MOST_OUTCOMES: Final = 4_000_000
_MOST_COMPILED: Final = 1_000
_MOST_DEVICES: Final = 256


class Job(NamedTuple):
    """A measured circuit without free parameters, the noise it suffers, how much of it, and a method of Aer."""

    circuit: QuantumCircuit
    noise: NoisePlan | None = None
    scale: float = 1.0
    method: str = "automatic"

    @property
    def where(self) -> Where | None:
        """The place in a suite to which problems point."""
        return None if self.noise is None else self.noise.where


class _Reduced(NamedTuple):
    """A job's circuit on the qubits that it uses, its key, and its device."""

    circuit: QuantumCircuit
    key: str
    device: Device


class Lab:
    """Runs circuits of one run on the simulator. Thread-safe.

    cache_dir: where exact probabilities are kept between runs, None for nowhere. files: reads snapshot files of the
    user's own, relative to the suite that names them.
    """

    def __init__(self, cache_dir: Path | None = None, files: SuiteFiles | None = None) -> None:
        self._files = files
        self._disk = DistributionCache(cache_dir)
        self._lock = RLock()  # for what is kept, and so that no circuit is computed twice
        self._heavy = BoundedSemaphore(_HEAVY_AT_ONCE)
        self._found: Kept[Distribution | None] = Kept(_MOST_OUTCOMES)
        self._compiled: Kept[Prepared] = Kept(_MOST_COMPILED)
        self._managers: Kept[Any] = Kept(_MOST_DEVICES)
        self._devices: Kept[Device] = Kept(_MOST_DEVICES)
        self._versions = {name: version(name) for name in ("qiskit", "qiskit-aer")}
        _keep_logs_off_the_terminal()

    def device(self, job: Job) -> Device:
        """The qubits that the job's circuit runs on, with their noise. Raises LlmgateError."""
        return self._reduce(job).device

    def exact(self, jobs: Sequence[Job]) -> list[Distribution | None]:
        """Exact outcome probabilities with noise and readout errors, whatever the method; None where not computable.

        Up to 12 qubits in use with noise, 20 without, 8 in dynamic circuits that do not branch too much. All circuits
        that are not known yet go through the simulator together. Raises LlmgateError for impossible noise.
        """
        with self._lock:
            reduced = [self._reduce(job) for job in jobs]
            keys = [self._key(one) for one in reduced]
            missing: dict[str, int] = {}
            for number, key in enumerate(keys):
                if key not in self._found and key not in missing and not self._recall(key, reduced[number]):
                    missing[key] = number
            if missing:
                todo = list(missing.values())
                prepared = self._prepare([reduced[n] for n in todo], [jobs[n].where for n in todo])
                for key, found in zip(missing, exact_all(prepared), strict=True):
                    self._remember(key, found)
                    if found is not None:
                        self._disk.write(key, found)
            return [self._found.get(key) for key in keys]

    def sample(self, job: Job, shots: int, seed: int) -> ShotResult:
        """Shots of a job: the same for the same seed, whatever else runs.

        seed: below 2**53. Drawn from exact probabilities where those are known and no other method is asked for.
        Raises LlmgateError (`circuit-too-wide`, `circuit-endless`, `unknown-method`), CircuitFailed.
        """
        check_method(job.method, job.where)
        if self._draws_exactly(job):
            (known,) = self.exact([job])
            if known is not None:
                return draw(known, shots, seed)
        prepared, choice = self._choose(job)
        if (error := too_wide(choice, prepared.circuit.num_qubits, job.where)) is not None:
            raise error
        if any(op.name == "while_loop" for op in everything(prepared.circuit)):
            hint = "write a for loop with a bound, or fewer qubits, so that its outcomes can be computed exactly"
            raise problem("circuit-endless", "nobody knows whether this circuit's while loop ends", job.where, hint)
        with self._heavy:
            return simulate(prepared.circuit, prepared.device.model, choice.method, shots, seed)

    def describe(self, job: Job) -> Mapping[str, Any]:
        """Facts of a job, JSON-ready: method and why, compiled size, layout, digests, memory in bytes."""
        check_method(job.method, job.where)
        prepared, choice = self._choose(job)
        method = exact_method(prepared) if self._draws_exactly(job) else None
        if method == "branches" and self.exact([job]) == [None]:
            method = None  # more branches than can be followed
        if method is not None:
            choice = Choice("exact", f"probabilities by {method}, shots drawn from them")
        device, circuit = prepared.device, prepared.circuit
        return {
            "method": choice.method,
            "why": choice.why,
            "qubits": circuit.num_qubits,
            "depth": circuit.depth(),
            "two_qubit_gates": circuit.num_nonlocal_gates(),
            "layout": None if device.layout is None else list(device.layout),
            "noise": device.label,
            "noise_digest": device.digest,
            "noise_notes": list(device.notes),
            "transpile": dict(TRANSPILE_SETTINGS) if device.calibration is not None else None,
            "transpile_digest": self.transpile_digest(job),
            "memory_bytes": memory_bytes(method or choice.method, circuit.num_qubits),
        }

    def transpile_digest(self, job: Job) -> str:
        """Digest of how circuits are compiled for the job's noise; `none` where they run as they are written."""
        if self.device(job).calibration is None:
            return "none"
        return digest([dict(TRANSPILE_SETTINGS), self._versions["qiskit"].split(".")[:2]])

    def _reduce(self, job: Job) -> _Reduced:
        circuit = without_idle_qubits(job.circuit)
        noise = job.noise
        known = (_named(noise), circuit.num_qubits, job.scale)
        with self._lock:
            if known in self._devices:
                device = self._devices.get(known)
            else:
                device = build_noise(noise, circuit.num_qubits, job.scale, self._files_of(noise))
                self._devices.put(known, device)
        return _Reduced(circuit, circuit_key(circuit), device)

    def _files_of(self, noise: NoisePlan | None) -> SuiteFiles | None:
        """Paths are relative to the file that names them."""
        if self._files is None or noise is None or noise.where is None:
            return self._files
        return SuiteFiles(self._files.root, (self._files.root / noise.where.path).parent)

    def _key(self, reduced: _Reduced) -> str:
        parts = [SCHEME, reduced.key, reduced.device.digest, dict(TRANSPILE_SETTINGS), self._versions]
        return digest(parts).removeprefix("sha256:")

    def _recall(self, key: str, reduced: _Reduced) -> bool:
        """Whether the answer is known from an earlier run, or is that there is none."""
        if not may_be_exact(reduced.circuit.num_qubits, reduced.device):
            self._found.put(key, None)
            return True
        found = self._disk.read(key)
        if found is not None:
            self._remember(key, found)
        return found is not None

    def _remember(self, key: str, found: Distribution | None) -> None:
        self._found.put(key, found, 1 if found is None else len(found.outcomes))

    def _draws_exactly(self, job: Job) -> bool:
        """Whether the method leaves it to us how shots are drawn."""
        return job.method in ("automatic", "statevector" if job.noise is None else "density_matrix")

    def _prepare(self, jobs: Sequence[_Reduced], where: Sequence[Where | None], method: str = "") -> list[Prepared]:
        """Compiled circuits; those of one device go through the compiler together."""
        names = [(job.key, job.device.digest, job.device.n, method) for job in jobs]
        groups: dict[tuple[str, int], list[int]] = {}
        for number, (job, name) in enumerate(zip(jobs, names, strict=True)):
            if name not in self._compiled:
                groups.setdefault((job.device.digest, job.device.n), []).append(number)
        found: dict[int, Prepared] = {}
        for (noise, n), numbers in groups.items():
            device = jobs[numbers[0]].device
            manager_name = (noise, n if device.calibration is not None else 0, method)
            if manager_name not in self._managers:
                self._managers.put(manager_name, pass_manager(device, method))
            manager = self._managers.get(manager_name)
            circuits = compile_all(manager, [jobs[number].circuit for number in numbers], where[numbers[0]])
            for number, circuit in zip(numbers, circuits, strict=True):
                circuit = with_relaxing_delays(circuit, device, where[number])
                found[number] = Prepared(circuit, jobs[number].device, schedule(circuit))
                self._compiled.put(names[number], found[number])
        return [found[number] if number in found else self._compiled.get(name) for number, name in enumerate(names)]

    def _choose(self, job: Job) -> tuple[Prepared, Choice]:
        """The compiled circuit and the simulation that draws its shots. Raises LlmgateError."""
        with self._lock:
            reduced = self._reduce(job)
            (prepared,) = self._prepare([reduced], [job.where])
            choice = choose_method(prepared.circuit, prepared.device)
            if job.method != "automatic":
                choice = Choice(job.method, "as the suite says")
            if choice.method == "stabilizer" and not (prepared.device.is_clifford and is_clifford(prepared.circuit)):
                message = "stabilizer simulates Clifford circuits, and this one or its noise is none"
                raise problem("unfit-method", message, job.where, "use method: automatic")
            if choice.method in ("stabilizer", "extended_stabilizer"):  # they know fewer gates
                (prepared,) = self._prepare([reduced], [job.where], choice.method)
            return prepared, choice


def _named(noise: NoisePlan | None) -> Hashable:
    """What makes a noise plan: not the line that it stands on, but the folder that a file's path starts from."""
    if noise is None:
        return None
    folder = None if noise.where is None else Path(noise.where.path).parent
    return noise.snapshot, tuple(sorted(noise.params.items())), folder


def _keep_logs_off_the_terminal() -> None:
    """Logs of the simulator go to handlers that somebody set up, not to stderr for want of one."""
    for name in ("qiskit", "qiskit_aer"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
