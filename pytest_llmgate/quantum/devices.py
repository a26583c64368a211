"""Devices: one face for Qiskit's backends, its samplers, and IBM's runtime."""

from __future__ import annotations

import inspect
import threading
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from hashlib import blake2b
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from pytest_llmgate.core.circuit import CircuitFailed
from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.quantum.jobs import words_of
from pytest_llmgate.quantum.readout import backend_counts, sampled_counts

LEVEL, TRANSPILER_SEED = 1, 7
_LOCAL_HOMES = (
    "qiskit_aer.",
    "qiskit_ibm_runtime.fake_provider.",
    "qiskit.providers.fake_provider.",
    "qiskit.providers.basic_provider.",
    "qiskit.primitives.statevector_sampler",
)
_LOOKED_UP = 20  # jobs of one tag, at most; there should be one


class Order(NamedTuple):
    """One job to submit. tag: by which it is found again. max_seconds: that it may bill, None is no bound."""

    circuit: Any
    shots: int
    seed: int
    tag: str
    max_seconds: Decimal | None = None


class Device(Protocol):
    """What takes jobs. Calls may block for long; the caller bounds them."""

    @property
    def name(self) -> str: ...

    @property
    def local(self) -> bool:
        """Whether it simulates in this process, so that nothing is billed and nothing can get lost on the way."""

    def prepare(self, circuit: Any) -> Any:
        """The circuit as the device takes it: transpiled for its target, level and seed fixed."""

    def submit(self, order: Order) -> Any:
        """The job."""

    def find(self, tag: str) -> Sequence[Any] | None:
        """The jobs that bear a tag, oldest first; None where the provider cannot look them up."""

    def counts(self, result: Any, circuit: Any, shots: int) -> dict[str, int]:
        """Counts of a result; raises CircuitFailed where it is not what was asked for."""


class BackendDevice:
    """A BackendV2 that runs circuits itself. Local ones are seeded; jobs cannot be looked up by tag."""

    def __init__(self, backend: Any, *, local: bool) -> None:
        self._backend = backend
        self.name = str(getattr(backend, "name", None) or type(backend).__name__)
        self.local = local

    def prepare(self, circuit: Any) -> Any:
        return transpiled(circuit, self._backend)

    def submit(self, order: Order) -> Any:
        options = {"seed_simulator": short_seed(order.seed)} if self.local else {}
        return self._backend.run(order.circuit, shots=order.shots, **options)

    def find(self, tag: str) -> Sequence[Any] | None:
        return None

    def counts(self, result: Any, circuit: Any, shots: int) -> dict[str, int]:
        return backend_counts(result, circuit, shots)


class SamplerDevice:
    """A BaseSamplerV2. make: gives the sampler for a seed. Circuits are transpiled where it names its backend."""

    def __init__(self, make: Callable[[int], Any], first: Any, *, local: bool) -> None:
        self._make = make
        self._backend = backend_of(first)
        self.name = str(getattr(self._backend, "name", None) or type(first).__name__)
        self.local = local

    def prepare(self, circuit: Any) -> Any:
        return circuit if self._backend is None else transpiled(circuit, self._backend)

    def submit(self, order: Order) -> Any:
        return self._make(short_seed(order.seed)).run([order.circuit], shots=order.shots)

    def find(self, tag: str) -> Sequence[Any] | None:
        return None

    def counts(self, result: Any, circuit: Any, shots: int) -> dict[str, int]:
        return sampled_counts(result, circuit, shots)


class RuntimeDevice:
    """A backend of IBM's runtime, asked through a sampler whose jobs bear our tag.

    The service's client sends a submission again after some answers of the server, although the first may have been
    taken. That is switched off here: whether a job was taken is found out by its tag.
    """

    local = False

    def __init__(self, backend: Any, sampler: Any) -> None:
        self._backend = backend
        self._sampler = sampler
        self._lock = threading.Lock()
        self.name = str(backend.name)
        _send_jobs_once(backend)

    def prepare(self, circuit: Any) -> Any:
        return transpiled(circuit, self._backend)

    def submit(self, order: Order) -> Any:
        with self._lock:  # options are the sampler's, not the job's
            options = self._sampler.options
            options.environment.job_tags = [order.tag]
            if order.max_seconds is not None:
                options.max_execution_time = max(1, int(order.max_seconds))
            return self._sampler.run([order.circuit], shots=order.shots)

    def find(self, tag: str) -> Sequence[Any] | None:
        jobs = self._backend.service.jobs(job_tags=[tag], backend_name=self.name, limit=_LOOKED_UP, descending=False)
        return tuple(jobs)

    def counts(self, result: Any, circuit: Any, shots: int) -> dict[str, int]:
        return sampled_counts(result, circuit, shots)


def device_of(found: Any, where: Where | None, said: bool | None = None) -> Device:
    """The device of what a provider gave: a BackendV2, a BaseSamplerV2, or a function of a seed that makes one.

    said: what the suite's `live` says; None is judged by the object, and is live where that is not known.
    Raises LlmgateError for anything else, and for a sampler with a seed of its own.
    """
    from qiskit.primitives import BaseSamplerV2
    from qiskit.providers import BackendV2

    if isinstance(found, BackendV2):
        if _of_runtime(found):
            return _runtime_device(found, runtime_sampler(found), where, said)
        return BackendDevice(found, local=is_local(found) if said is None else not said)
    make, first = (found, found(0)) if callable(found) else (lambda _: found, found)
    if not isinstance(first, BaseSamplerV2):
        raise problem(
            "backend-shape", f"{type(first).__name__} is neither a Qiskit BackendV2 nor a BaseSamplerV2", where,
            "return one of the two, or a function of a seed that makes a sampler",
        )  # fmt: skip
    if not callable(found):
        _refuse_own_seed(first, where)
    if _of_runtime(backend_of(first)):
        return _runtime_device(backend_of(first), first, where, said)
    return SamplerDevice(make, first, local=is_local(first) if said is None else not said)


def _runtime_device(backend: Any, sampler: Any, where: Where | None, said: bool | None) -> RuntimeDevice:
    if said is False:
        raise problem("bad-value", f"live: false, but {backend.name} is a device of IBM Quantum", where)
    return RuntimeDevice(backend, sampler)


def transpiled(circuit: Any, backend: Any) -> Any:
    """A circuit for a backend's target, at a fixed level with a fixed seed."""
    from qiskit.transpiler import generate_preset_pass_manager

    try:
        passes = generate_preset_pass_manager(LEVEL, backend=backend, seed_transpiler=TRANSPILER_SEED)
        return passes.run(circuit)
    except Exception as fault:
        raise CircuitFailed(
            "transpile", f"the circuit cannot be made to fit the device: {words_of(fault)}", fatal=True
        ) from fault


def short_seed(seed: int) -> int:
    """A seed of 31 bits for simulators, by hash, since neighbouring seeds are not independent there."""
    return int.from_bytes(blake2b(b"%d" % seed, digest_size=4).digest(), "big") >> 1


def is_local(thing: Any) -> bool:
    """Whether a backend or sampler is a simulator in this process, as far as its class tells."""
    if thing is None:
        return False
    if any(kind.__module__.startswith(_LOCAL_HOMES) for kind in type(thing).__mro__):
        return True
    return type(thing).__module__.startswith("qiskit.primitives.") and is_local(backend_of(thing))


def backend_of(sampler: Any) -> Any:
    """The backend that a sampler names, or None."""
    backend = getattr(sampler, "backend", None)
    if callable(backend) and inspect.ismethod(backend):
        with suppress(Exception):
            backend = backend()
    from qiskit.providers import BackendV2

    return backend if isinstance(backend, BackendV2) else None


def runtime_sampler(backend: Any) -> Any:
    """The sampler of IBM's runtime for a backend; the advice to migrate is ours to read, not the user's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return import_module("qiskit_ibm_runtime").SamplerV2(mode=backend)


def _of_runtime(backend: Any) -> bool:
    home = type(backend).__module__
    return home.startswith("qiskit_ibm_runtime.") and not home.startswith("qiskit_ibm_runtime.fake_provider.")


def _refuse_own_seed(sampler: Any, where: Where | None) -> None:
    options = getattr(sampler, "options", None)
    seeds = (getattr(sampler, "seed", None), getattr(options, "seed_simulator", None))
    if any(isinstance(seed, int) for seed in seeds):
        raise problem(
            "backend-seeded", "the sampler has a seed of its own: every chunk would be the same shots", where,
            "leave its seed out, or return a function of a seed: `return lambda seed: StatevectorSampler(seed=seed)`",
        )  # fmt: skip


def _send_jobs_once(backend: Any) -> None:
    """Take the client's own repetition off the address of jobs, as far as its version lets us."""
    session = getattr(getattr(backend, "_api_client", None), "_session", None)
    address = getattr(session, "base_url", None)
    if session is None or not isinstance(address, str):
        return
    session.mount(f"{address}/jobs", import_module("requests.adapters").HTTPAdapter(max_retries=0))
