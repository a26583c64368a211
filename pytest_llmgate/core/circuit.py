"""Values of the quantum half: what is run, where, under which noise, and what came out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from pytest_llmgate.core.errors import Where

Counts = Mapping[str, int]
"""Shots by outcome, as Qiskit writes bitstrings: c[0] rightmost, the last register first, a space between registers."""

AER = "aer"
"""The provider that simulates on this machine; any other is a device."""

Screen = Literal["full", "quick"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisePlan:
    """A noise model: a calibrated snapshot, or a parametric one.

    snapshot: its name, or the path of a snapshot file. params: of a parametric model, such as `depolarizing_2q`.
    Exactly one of the two is given; no noise at all is None instead of a NoisePlan.
    """

    snapshot: str | None = None
    params: Mapping[str, float] = field(default_factory=dict)
    where: Where | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareBudget:
    """What the jobs of one test may take over all parallel runs; None is no limit of that kind. usd: a decimal."""

    shots: int | None = None
    seconds: float | None = None
    usd: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendPlan:
    """Where shots come from.

    provider: `aer`, or a registered one. name: of the device. method: of a simulator. options: for the provider.
    approval_env: the environment variable that must say yes before anything is submitted.
    """

    provider: str = AER
    name: str | None = None
    method: str = "automatic"
    options: Mapping[str, Any] = field(default_factory=dict)
    budget: HardwareBudget | None = None
    deadline_s: float = 900.0
    approval_env: str | None = None
    where: Where | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackPlan:
    """What stands in where the backend cannot be had; every verdict that it took part in says so."""

    backend: BackendPlan
    noise: NoisePlan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitPlan:
    """The circuit of a test.

    source: a .qasm or .qpy path, or "file.py:function"; None where a marked test body returns it. shots: the ceiling
    of every stream of shots. noise_scale: the levels at which every assertion is asked. screen: how far undeclared
    changes are looked for.
    """

    source: str | None = None
    shots: int = 20_000
    backend: BackendPlan = field(default_factory=BackendPlan)
    noise: NoisePlan | None = None
    noise_scale: tuple[float, ...] = (1.0,)
    fallback: FallbackPlan | None = None
    screen: Screen = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One stream of shots of a test: a case at a noise level in a measurement basis.

    id: unique in its test, in the seeds of its chunks. basis: a Pauli letter or string; empty as the circuit stands.
    totals: shots drawn when a chunk ends, rising; the schedule of chunks.
    """

    id: str
    case: str
    scale: float = 1.0
    basis: str = ""
    totals: tuple[int, ...] = ()

    def shots(self, ordinal: int) -> int:
        """Shots of a chunk, from 0 on."""
        return self.totals[ordinal] - (self.totals[ordinal - 1] if ordinal else 0)


SWITCHED = "switched"
"""Kind of a CircuitFailed, and of a trial's error: the stand-in takes over, and all streams of the test start anew."""


def arm_labels(arms: Sequence[Arm]) -> tuple[str, ...]:
    """What tells the arms of a test apart, for people: the parts of their names that differ."""
    cases, scales, bases = ({getattr(arm, name) for arm in arms} for name in ("case", "scale", "basis"))
    labels = []
    for arm in arms:
        parts = [f"case {arm.case}"] if len(cases) > 1 else []
        parts += [f"noise × {arm.scale:g}"] if len(scales) > 1 else []
        parts += [f"basis {arm.basis or 'Z'}"] if len(bases) > 1 else []
        labels.append(", ".join(parts))
    return tuple(labels)


def circuit_from_row(row: Mapping[str, Any]) -> CircuitPlan:
    """A plan from its JSON form; where things stand in files stays behind."""
    fallback = row["fallback"]
    stand_in = (
        FallbackPlan(backend=_backend_from_row(fallback["backend"]), noise=_noise_from_row(fallback["noise"]))
        if fallback
        else None
    )
    return CircuitPlan(
        **{
            **row,
            "backend": _backend_from_row(row["backend"]),
            "noise": _noise_from_row(row["noise"]),
            "noise_scale": tuple(row["noise_scale"]),
            "fallback": stand_in,
        }
    )


def _backend_from_row(row: Mapping[str, Any]) -> BackendPlan:
    budget = HardwareBudget(**row["budget"]) if row["budget"] else None
    return BackendPlan(**{**row, "budget": budget, "where": None})


def _noise_from_row(row: Mapping[str, Any] | None) -> NoisePlan | None:
    return None if row is None else NoisePlan(**{**row, "where": None})


class ShotResult(NamedTuple):
    """What one chunk of shots gave, with all that is needed to draw it again or to bill it.

    method: how it was drawn, such as `exact`, `density_matrix`, `hardware`. billed_s: seconds that a device billed.
    cost_usd: a decimal. job: life of a hardware job (id, status, timestamps). fallback: whether a stand-in drew it.
    calls: jobs of a live device.
    """

    counts: Counts
    method: str
    billed_s: float | None = None
    cost_usd: str | None = None
    job: Mapping[str, Any] | None = None
    fallback: bool = False
    calls: int = 0


class CircuitFailed(Exception):  # noqa: N818 - reads as what happened
    """A chunk that gave no shots. kind, fatal: as in TrialError. job: life of the hardware job, where there was one."""

    def __init__(self, kind: str, message: str, *, fatal: bool = False, job: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.fatal = fatal
        self.job = job


class CircuitBackend(Protocol):
    """Runs circuits. Blocking and thread-safe; one instance serves all tests of a run that share its plan."""

    @property
    def live(self) -> bool:
        """Whether shots cost something or leave this machine."""

    def sample(self, circuit: Any, shots: int, seed: int, *, key: str) -> ShotResult:
        """Shots of one measured, bound QuantumCircuit.

        seed: below 2**53, for what can be seeded. key: names this chunk, so that a retry is never a second job.
        Raises CircuitFailed.
        """

    def close(self) -> None:
        """Cancel what is under way, settle its budget, release what is held."""
