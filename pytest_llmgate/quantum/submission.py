"""Submitting a job once, whatever happens to the answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pytest_llmgate.core.circuit import CircuitFailed
from pytest_llmgate.quantum.devices import Device, Order
from pytest_llmgate.quantum.jobs import Life, ask, words_of
from pytest_llmgate.quantum.patience import Deadline, TimeIsUp, bounded, paces

LOOKS = 4  # for a job whose submission got no answer
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 8.0
_MAYBE_TAKEN = frozenset({408, 409, 425, 429})
_TRANSIENT = re.compile(r"\btransient|\btemporar|\btry again|\bretry\b|\bcalibrat|\bmaintenance", re.IGNORECASE)


class NotTaken(CircuitFailed):
    """The provider refused the job: nothing runs and nothing is billed."""


def submitted(device: Device, order: Order, life: Life, deadline: Deadline, *, known: bool) -> Any:
    """The job of an order. known: it may have been submitted before, so that it is looked for first.

    Where the answer to a submission is lost, the job is looked up by its tag and adopted; it is submitted a second
    time only where the provider says that there is none. Raises CircuitFailed: `job-refused` (a NotTaken),
    `job-failed` of a simulator, and `unknown-submission`, fatal, where nobody can say whether the job runs.
    """
    fault: Exception | None = None
    for attempt in range(2):
        if attempt or known:
            found = _looked_up(device, order, deadline, fault)
            if found:
                return _adopted(found, life)
        try:
            job = bounded(lambda: device.submit(order), deadline.left)
        except TimeIsUp:
            _call_off(device, order, life)
            raise
        except Exception as raised:
            fault = raised
            life.stumbled(raised)
            _raise_if_certain(device, raised)
        else:
            return _only(job, device, order, life) if attempt else job
    raise _unknown(device, order, fault)


def says_transient(message: str) -> bool:
    """Whether a provider's words about a failed job invite to try again."""
    return _TRANSIENT.search(message) is not None


def cancelled(job: Any) -> bool:
    """Cancel a job; whether the provider took the wish without a word against it."""
    return ask(lambda: (job.cancel(), True)) is not None


def _raise_if_certain(device: Device, fault: Exception) -> None:
    """Raise where the fault shows that no job was taken: a refusal by the server, or a simulator's own fault."""
    words = words_of(fault)
    if device.local:
        raise CircuitFailed("job-failed", f"{device.name} failed: {words}") from fault
    status = _status_code(fault)
    if status is not None and 400 <= status < 500 and status not in _MAYBE_TAKEN:
        raise NotTaken("job-refused", f"{device.name} refused the job: {words}", fatal=True) from fault


def _status_code(fault: BaseException | None) -> int | None:
    """The status of an HTTP answer that a fault tells of, its causes included."""
    while fault is not None:
        for holder in (fault, getattr(fault, "response", None)):
            status = getattr(holder, "status_code", None)
            if isinstance(status, int) and status > 0:
                return status
        fault = fault.__cause__ or fault.__context__
    return None


def _looked_up(device: Device, order: Order, deadline: Deadline, fault: Exception | None) -> Sequence[Any]:
    """The jobs with the order's tag; none only where the provider said so at every look."""
    answers = 0
    for _, pause in zip(range(LOOKS), paces(_FIRST_PAUSE_S, _LONGEST_PAUSE_S), strict=False):
        try:
            found = bounded(lambda: device.find(order.tag), deadline.left)
        except TimeIsUp:
            raise _unknown(device, order, fault) from None
        except Exception as raised:
            fault = raised
        else:
            if found is None:
                raise _unknown(device, order, fault)
            if found:
                return found
            answers += 1
        if not deadline.left:
            break
        deadline.pause(pause)  # a job may be listed a little later than it was taken
    if answers < LOOKS:
        raise _unknown(device, order, fault)
    return ()


def _adopted(found: Sequence[Any], life: Life) -> Any:
    """The first of the jobs; others with its tag are called off, and counted."""
    job, *others = found
    life.note(adopted=True, extra_jobs=len(others))
    for other in others:
        cancelled(other)
    return job


def _only(job: Any, device: Device, order: Order, life: Life) -> Any:
    """A job that was submitted a second time, after the first one turned up late and was called off."""
    others = [other for other in ask(lambda: device.find(order.tag)) or () if other.job_id() != job.job_id()]
    life.note(extra_jobs=len(others))
    for other in others:
        cancelled(other)
    return job


def _call_off(device: Device, order: Order, life: Life) -> None:
    """Cancel what a submission without an answer may have started, where it can be found."""
    found = None if device.local else ask(lambda: device.find(order.tag))
    for job in found or ():
        cancelled(job)
    if found:
        life.note(adopted=True, extra_jobs=len(found) - 1)
    elif not device.local:
        raise _unknown(device, order, None)


def _unknown(device: Device, order: Order, fault: Exception | None) -> CircuitFailed:
    said = "no answer" if fault is None else words_of(fault)
    return CircuitFailed(
        "unknown-submission",
        f"{device.name} may or may not have taken the job {order.tag} ({said}); it is not submitted again and counts "
        "as spent until it is released (llmgate jobs)",
        fatal=True,
    )
