"""Hardware as a CircuitBackend: approval, hard budget, one submission a chunk, a deadline of our own, the job's life.

Nothing is submitted before the device is approved and its worst case is set aside. After a deadline, or a submission
of which nobody knows, nothing more is submitted at all.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NoReturn

from pytest_llmgate.core.circuit import BackendPlan, CircuitFailed, ShotResult
from pytest_llmgate.core.errors import nearest, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.hardware import Reservation, ShotCost, ShotLedger
from pytest_llmgate.quantum.approval import require_approval
from pytest_llmgate.quantum.backends import Opener
from pytest_llmgate.quantum.canonical import circuit_digest
from pytest_llmgate.quantum.devices import Device, Order, device_of
from pytest_llmgate.quantum.errand import Bill, Errand
from pytest_llmgate.quantum.patience import Patience, paces
from pytest_llmgate.quantum.submission import says_transient
from pytest_llmgate.quantum.tariff import OPTIONS, Tariff, read_tariff

_CLOSE_S = 30.0  # for jobs under way to be cancelled and settled
_POLL_S = 1.0
_BUSY_S = 0.05
_LAST = frozenset({"deadline", "unknown-submission"})  # after these nothing more is submitted


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareRooms:
    """What the adapter is given.

    environ: of the process. ledger: the shared budget. scope: what a budget is for: a test on a device. run: this run's
    id, the same when it is resumed. redact: applied to messages of providers. clock, sleep: of seconds; sleep
    None waits so that `close` ends it.
    """

    environ: Mapping[str, str]
    ledger: ShotLedger
    scope: str
    run: str
    redact: Callable[[str], str]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] | None = None


def build(plan: BackendPlan, files: SuiteFiles, rooms: HardwareRooms, opener: Opener) -> Hardware:
    """The backend of a plan; the device is opened at the first chunk, after approval.

    opener: the provider's function. Raises LlmgateError for options, budgets and prices that make no sense.
    """
    _check_options(plan, getattr(opener, "options", None))
    live = plan.options.get("live")
    said = live if live is not None else getattr(opener, "live", None)
    tariff = read_tariff(plan, free=said is False)
    return Hardware(plan, rooms, tariff, lambda: device_of(opener(plan, files, rooms.environ), plan.where, said), said)


def _check_options(plan: BackendPlan, known: frozenset[str] | None) -> None:
    options = plan.options
    for name in options:
        if known is not None and name not in OPTIONS | known:
            hint = nearest(name, OPTIONS | known)
            raise problem("hardware-option", f"provider {plan.provider} has no option {name!r}", plan.where, hint)
    if plan.method != "automatic":
        raise problem("hardware-option", f"method: {plan.method!r} is for aer, not for {plan.provider}", plan.where)
    live = options.get("live")
    if live is not None and not isinstance(live, bool):
        raise problem("bad-value", f"live: {live!r} is neither true nor false", plan.where)
    for name, value in (("deadline_s", plan.deadline_s), ("poll_s", options.get("poll_s", _POLL_S))):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise problem("bad-value", f"{name}: {value!r} is not a finite number of seconds above 0", plan.where)


class Hardware:
    """Implements CircuitBackend for one device. live: False where it simulates in this process."""

    def __init__(
        self, plan: BackendPlan, rooms: HardwareRooms, tariff: Tariff, connect: Callable[[], Device], said: bool | None
    ) -> None:
        self._plan = plan
        self._rooms = rooms
        self._tariff = tariff
        self._patience = Patience(rooms.clock, rooms.sleep)
        self._connect = connect
        self._said = said
        self._poll_s = float(plan.options.get("poll_s", _POLL_S))
        self._device: Device | None = None
        self._prepared: dict[str, Any] = {}
        self._opening = threading.Lock()
        self._idle = threading.Condition()
        self._under_way = 0
        self._refusal: CircuitFailed | None = None

    @property
    def live(self) -> bool:
        """Whether shots cost something or leave this machine; said by the plan, else by the device once it is open."""
        if self._device is not None:
            return not self._device.local
        return self._said is not False

    def sample(self, circuit: Any, shots: int, seed: int, *, key: str) -> ShotResult:
        """Submit one chunk and wait for it; as CircuitBackend says."""
        try:
            with self._taking_part():
                device = self._opened()
                prepared = self._fitted(device, circuit)
                return self._until_done(device, Order(prepared, shots, seed, self._tag(key, shots)))
        except CircuitFailed as failed:
            self._pass_on(failed)

    def close(self) -> None:
        """Cancel what is under way and wait until it is settled; nothing is submitted any more."""
        self._patience.stop()
        with self._idle:
            self._idle.wait_for(lambda: self._under_way == 0, timeout=_CLOSE_S)

    # ---- the device

    def _opened(self) -> Device:
        """The device, opened once. Where a device is known to be live, it is approved before that."""
        plan, environ = self._plan, self._rooms.environ
        with self._opening:
            if self._device is None:
                if self._said is not None or plan.approval_env is not None:
                    require_approval(plan, environ, live=self.live)
                self._device = self._connect()
        require_approval(plan, environ, live=self.live)
        return self._device

    def _fitted(self, device: Device, circuit: Any) -> Any:
        """The circuit for the device, transpiled once for all circuits with the same digest."""
        digest = circuit_digest(circuit)
        with self._opening:
            if digest not in self._prepared:
                self._prepared[digest] = device.prepare(circuit)
            return self._prepared[digest]

    # ---- one chunk

    def _until_done(self, device: Device, order: Order) -> ShotResult:
        """One job; a second one where the provider itself says that the failure passes."""
        try:
            return self._attempt(device, order)
        except CircuitFailed as failed:
            if failed.kind != "job-failed" or not says_transient(failed.message):
                raise
        return self._attempt(device, order._replace(tag=f"{order.tag}-2"))

    def _attempt(self, device: Device, order: Order) -> ShotResult:
        held = self._reserve(order)
        if self._tariff.bounds_seconds:
            order = order._replace(max_seconds=held.cost.seconds)
        errand = Errand(device, order, self._patience.deadline(self._plan.deadline_s), self._poll_s)
        try:
            counts = errand.run(known=held.state == "known")
        except BaseException as fault:
            self._settle(errand, held.cost)
            if isinstance(fault, CircuitFailed):
                fault.job = errand.life.row()
            raise
        bill = self._settle(errand, held.cost)
        method, calls = ("simulator", 0) if device.local else ("hardware", 1)
        return ShotResult(counts, method, bill.billed_s, bill.cost_usd, errand.life.row(), calls=calls)

    def _settle(self, errand: Errand, held: ShotCost) -> Bill:
        bill = errand.bill(self._tariff, held)
        if bill.cost is not None:
            self._rooms.ledger.settle(self._rooms.scope, errand.order.tag, bill.cost)
        errand.life.note(billed_s=bill.billed_s, cost_usd=bill.cost_usd)
        return bill

    def _reserve(self, order: Order) -> Reservation:
        """Set the worst case aside; waits while jobs under way hold what they may not need."""
        ledger, scope, budget = self._rooms.ledger, self._rooms.scope, self._tariff.budget
        deadline = self._patience.deadline(self._plan.deadline_s)
        for pace in paces(_BUSY_S, self._poll_s):
            self._patience.check()
            held = ledger.reserve(scope, order.tag, self._tariff.worst(order.shots), budget)
            if held.state in ("granted", "known"):
                return held
            if held.state == "exhausted" or not deadline.left:
                break
            deadline.pause(pace)
        raise CircuitFailed(
            "budget", f"the budget of {self._rooms.scope} does not allow this job: {held.lacking}", fatal=True
        )

    @property
    def _name(self) -> str:
        plan = self._plan
        return f"{plan.provider}:{plan.name or plan.options.get('target') or ''}"

    def _tag(self, key: str, shots: int) -> str:
        """The name of a chunk's job: the same when the run is resumed, another one in another run."""
        named = "\0".join((self._rooms.run, self._rooms.scope, self._name, key, str(shots)))
        return f"llmgate-{blake2b(named.encode(), digest_size=10).hexdigest()}"

    # ---- who takes part

    @contextmanager
    def _taking_part(self) -> Iterator[None]:
        with self._idle:
            self._patience.check()
            if self._refusal is not None:
                raise _refused(self._refusal.kind, self._refusal.message)
            halted = self._rooms.ledger.halted(self._name)
            if halted:
                raise _refused("deadline", halted)
            self._under_way += 1
        try:
            yield
        except CircuitFailed as failed:
            if failed.kind in _LAST and self._refusal is None:
                self._refusal = failed
                if self.live:  # other tests, and other workers of the run, would only pay again
                    self._rooms.ledger.halt(self._name, self._rooms.redact(failed.message))
            raise
        finally:
            with self._idle:
                self._under_way -= 1
                self._idle.notify_all()

    def _pass_on(self, failed: CircuitFailed) -> NoReturn:
        """Raise it again with its words redacted."""
        message, job = self._rooms.redact(failed.message), failed.job
        raise CircuitFailed(failed.kind, message, fatal=failed.fatal, job=job) from failed


def _refused(kind: str, why: str) -> CircuitFailed:
    return CircuitFailed(kind, f"not submitted, after: {why}", fatal=True)
