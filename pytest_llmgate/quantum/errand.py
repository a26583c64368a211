"""One job from its submission to its counts, whatever goes wrong on the way, and what it cost."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any, NamedTuple

from pytest_llmgate.core.circuit import CircuitFailed
from pytest_llmgate.core.hardware import ShotCost
from pytest_llmgate.quantum.devices import Device, Order
from pytest_llmgate.quantum.jobs import (
    FINAL,
    Life,
    State,
    ask,
    billed_seconds,
    fetch,
    metrics_of,
    provider_times,
    watch,
    words_of,
)
from pytest_llmgate.quantum.patience import Deadline, TimeIsUp
from pytest_llmgate.quantum.submission import NotTaken, cancelled, submitted
from pytest_llmgate.quantum.tariff import Tariff

_NONE = Decimal(0)


class Bill(NamedTuple):
    """cost: to settle; None where the reservation must stand, as nobody knows whether the job runs.

    billed_s, cost_usd: as far as they are known.
    """

    cost: ShotCost | None
    billed_s: float | None
    cost_usd: str | None


class Errand:
    """Runs one order. poll_s: the longest pause between two looks at its job."""

    def __init__(self, device: Device, order: Order, deadline: Deadline, poll_s: float) -> None:
        self.order = order
        self.life = Life(device.name, order.tag, order.shots, deadline)
        self._device = device
        self._deadline = deadline
        self._poll_s = poll_s
        self._job: Any = None
        self._refused = False

    def run(self, *, known: bool) -> dict[str, int]:
        """Submit the job, wait for it and read its counts. known: it may have been submitted before.

        Raises CircuitFailed; a job that is left before it has ended is cancelled.
        """
        state: State = "unknown"
        try:
            self._job = submitted(self._device, self.order, self.life, self._deadline, known=known)
            self.life.note(id=_id_of(self._job))
            self.life.saw("queued")
            state = watch(self._job, self.life, self._deadline, self._poll_s)
            return self._read(state)
        except TimeIsUp:
            raise self._too_late() from None
        except CircuitFailed as failed:
            self._note(failed)
            self._cancel_unless(state in FINAL)
            raise
        except Exception as fault:
            self._cancel_unless(state in FINAL)
            raise CircuitFailed("job-failed", f"the job cannot be asked: {words_of(fault)}") from fault
        except BaseException:
            self._cancel_unless(state in FINAL)
            raise

    def bill(self, tariff: Tariff, held: ShotCost) -> Bill:
        """What to settle. Seconds that the provider does not tell are those that passed, at most what was set aside."""
        local = self._device.local
        if self._refused:
            return Bill(ShotCost(0), None, None)
        if self._job is None and not (local or self.life.adopted):
            return Bill(None, None, None)
        billed = None if local or self._job is None else self._billed()
        seconds = _NONE if local else billed
        if seconds is None:
            seconds = min(held.seconds or _NONE, Decimal(str(round(self.life.elapsed, 3))))
        cost = tariff.spent(self.order.shots, seconds)
        jobs = 1 + self.life.extra_jobs
        told = tariff.priced and (tariff.usd_per_second is None or billed is not None or local)
        return Bill(
            ShotCost(cost.shots * jobs, seconds * jobs, cost.usd * jobs),
            None if billed is None else float(billed),
            f"{cost.usd * jobs:f}" if told else None,
        )

    def _billed(self) -> Decimal | None:
        metrics = metrics_of(self._job)
        self.life.note(**provider_times(metrics))
        return billed_seconds(self._job, metrics)

    def _read(self, state: State) -> dict[str, int]:
        """Counts of a job in a final state."""
        if state == "cancelled":
            raise CircuitFailed("job-cancelled", f"{self._device.name} says that the job was cancelled")
        try:
            result = fetch(self._job, state, self._deadline, self.life, self._poll_s)
        except (TimeIsUp, CircuitFailed):
            raise
        except Exception as fault:
            self.life.saw("failed")
            raise CircuitFailed("job-failed", f"{self._device.name}: the job failed: {self._why(fault)}") from fault
        self.life.saw("done")
        try:
            return self._device.counts(result, self.order.circuit, self.order.shots)
        except CircuitFailed:
            raise
        except Exception as fault:
            raise CircuitFailed("bad-result", f"the result cannot be read: {words_of(fault)}") from fault

    def _why(self, fault: Exception) -> str:
        words = words_of(fault)
        told = ask(self._job.error_message) if callable(getattr(self._job, "error_message", None)) else None
        return f"{words} ({told})" if told and str(told) not in words else words

    def _too_late(self) -> CircuitFailed:
        """The failure of a deadline that passed. What the job still gives is not counted, but it is paid."""
        fate = self._cancel_unless(False)
        seen = f"; the last answer was {self.life.last_fault}" if self.life.last_fault else ""
        return CircuitFailed(
            "deadline",
            f"{self._device.name}: no result within {self._deadline.seconds:g} s; {fate}{seen}; "
            "nothing more is submitted",
            fatal=True,
        )

    def _note(self, failed: CircuitFailed) -> None:
        if isinstance(failed, NotTaken):
            self._refused = True
            self.life.note(status="refused")
        if failed.kind in ("job-cancelled", "job-failed", "unknown-submission"):
            self.life.note(status=failed.kind.removeprefix("job-"))

    def _cancel_unless(self, ended: bool) -> str:
        """Cancel a job that has not ended; what became of it, in words."""
        if ended or self._job is None:
            return "there is no job to cancel"
        if not cancelled(self._job):
            self.life.note(status="left running")
            return "the job could not be cancelled and may still be billed"
        self.life.saw("cancelled")
        return "the job was cancelled"


def _id_of(job: Any) -> str | None:
    with suppress(Exception):
        return str(job.job_id())
    return None
