"""The life of a hardware job: what its status means, when what happened, what it bills."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pytest_llmgate.core.functions import message_of
from pytest_llmgate.quantum.patience import Deadline, TimeIsUp, bounded, paces

State = Literal["queued", "running", "done", "failed", "cancelled", "unknown"]
FINAL: frozenset[State] = frozenset({"done", "failed", "cancelled"})

_WORDS: dict[str, State] = {
    **dict.fromkeys(("INITIALIZING", "CREATED", "SUBMITTED", "PENDING", "VALIDATING", "QUEUED", "READY"), "queued"),
    **dict.fromkeys(("RUNNING", "STARTED"), "running"),
    **dict.fromkeys(("DONE", "COMPLETED", "SUCCEEDED"), "done"),
    **dict.fromkeys(("CANCELLED", "CANCELED", "CANCELLING"), "cancelled"),
    **dict.fromkeys(("ERROR", "FAILED"), "failed"),
}  # fmt: skip
_OURS = (TypeError, AttributeError, NameError, NotImplementedError, AssertionError)
_FIRST_LOOK_S = 0.01
_ASK_S = 20.0  # for questions about a job that has ended


def normalised(status: object) -> State:
    """What a status says, be it a text, Qiskit's JobStatus or another enum."""
    word = str(getattr(status, "name", status)).rpartition(".")[2].strip().upper()
    return _WORDS.get(word, "unknown")


def words_of(fault: BaseException) -> str:
    """What an exception says. Qiskit's put their text in quotation marks when they are printed."""
    told = getattr(fault, "message", None)
    return f"{type(fault).__name__}: {told if isinstance(told, str) and told else message_of(fault)}"


class Life:
    """What happened to one job, in seconds since it was submitted. tag: by which it is found again."""

    def __init__(self, device: str, tag: str, shots: int, since: Deadline) -> None:
        self._since = since
        self._figures: dict[str, Any] = {
            "device": device,
            "tag": tag,
            "shots": shots,
            "id": None,
            "status": "submitting",
        }
        self._times: dict[str, float] = {}
        self.faults = 0
        self.last_fault = ""

    def saw(self, state: str) -> None:
        """The job is in this state; the first time counts."""
        self._figures["status"] = state
        self._times.setdefault(state, round(self._since.elapsed, 3))

    def note(self, **figures: Any) -> None:
        """Figures to keep, such as `id` or `billed_s`."""
        self._figures.update(figures)

    def stumbled(self, fault: Exception) -> None:
        """A question to the provider failed."""
        self.faults += 1
        self.last_fault = words_of(fault)

    @property
    def adopted(self) -> bool:
        """Whether a job was found by its tag."""
        return bool(self._figures.get("adopted", False))

    @property
    def extra_jobs(self) -> int:
        """Jobs that ran beside this one by mistake, and were called off."""
        return int(self._figures.get("extra_jobs", 0))

    @property
    def elapsed(self) -> float:
        """Seconds since the job was submitted."""
        return self._since.elapsed

    def row(self) -> Mapping[str, Any]:
        """All of it, ready for JSON. queue_s: the provider's own figure where it has one."""
        waited = self._times.get("running")
        return {"queue_s": waited, **self._figures, "at_s": dict(self._times), "faults": self.faults}


def watch(job: Any, life: Life, deadline: Deadline, most_s: float) -> State:
    """Wait until the job is in a final state, and say in which. most_s: the longest pause between two looks.

    Faults of transport are waited out. Raises TimeIsUp at the deadline, and the fault of a job that cannot be asked.
    """
    for pace in paces(min(_FIRST_LOOK_S, most_s), most_s):
        try:
            state, final = bounded(lambda: _look(job), deadline.left)
            life.saw(state)
            if final:
                return state
        except TimeIsUp:
            raise
        except _OURS:
            raise
        except Exception as fault:
            life.stumbled(fault)
        deadline.pause(pace)
    raise AssertionError("paces never end")


def _look(job: Any) -> tuple[State, bool]:
    state = normalised(job.status())
    final = state in FINAL or (state == "unknown" and bool(job.in_final_state()))
    return state, final


def fetch(job: Any, state: State, deadline: Deadline, life: Life, most_s: float) -> Any:
    """The result of a job in a final state.

    Where the state is `done`, faults are those of transport and are waited out. Raises TimeIsUp at the deadline, else
    what the job raises. A job may call itself failed before its thread has begun (PrimitiveJob), hence one question
    to all of them.
    """
    for pace in paces(min(_FIRST_LOOK_S, most_s), most_s):
        try:
            return bounded(job.result, deadline.left)
        except (TimeIsUp, *_OURS):
            raise
        except Exception as fault:
            if state != "done" or not _of_transport(fault):
                raise
            life.stumbled(fault)
        deadline.pause(pace)
    raise AssertionError("paces never end")


def _of_transport(fault: BaseException | None) -> bool:
    """Whether the way to the provider is at fault: an error of the system or of the network, or caused by one."""
    while fault is not None:
        if isinstance(fault, OSError):  # requests' exceptions are OSErrors, too
            return True
        fault = fault.__cause__ or fault.__context__
    return False


def ask(question: Callable[[], Any]) -> Any:
    """An answer that may be missing: None where the job cannot say, or does not say in time."""
    with suppress(Exception):  # TimeIsUp as well
        return bounded(question, _ASK_S)
    return None


def metrics_of(job: Any) -> Mapping[str, Any]:
    """What the provider measured, empty where it does not say."""
    found = ask(lambda: job.metrics()) if callable(getattr(job, "metrics", None)) else None
    return found if isinstance(found, Mapping) else {}


def billed_seconds(job: Any, metrics: Mapping[str, Any]) -> Decimal | None:
    """Seconds that the provider billed, None where it does not say (yet). A job's `usage()` says 0 before it knows."""
    usage = metrics.get("usage")
    if isinstance(usage, Mapping):
        if usage.get("status") == "pending":
            return None
        named = (_seconds(usage.get(name)) for name in ("qpu_charge_time_seconds", "quantum_seconds", "seconds"))
        return next((seconds for seconds in named if seconds is not None), None)
    return _seconds(ask(lambda: job.usage())) if callable(getattr(job, "usage", None)) else None


def provider_times(metrics: Mapping[str, Any]) -> dict[str, float]:
    """queue_s and run_s by the provider's own clock, where it tells when a job was created, ran and finished."""
    stamps = metrics.get("timestamps")
    if not isinstance(stamps, Mapping):
        return {}
    moments = {name: _moment(stamps.get(name)) for name in ("created", "running", "finished")}
    found = {}
    for name, first, last in (("queue_s", "created", "running"), ("run_s", "running", "finished")):
        begin, end = moments[first], moments[last]
        if begin is not None and end is not None:
            with suppress(TypeError):  # one with a time zone and one without
                found[name] = round((end - begin).total_seconds(), 3)
    return found


def _moment(stamp: object) -> datetime | None:
    with suppress(TypeError, ValueError):
        return datetime.fromisoformat(stamp)  # type: ignore[arg-type]
    return None


def _seconds(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    return Decimal(str(value)) if math.isfinite(value) and value >= 0 else None
