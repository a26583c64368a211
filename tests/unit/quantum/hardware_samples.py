"""A remote device whose service can be slow, deaf and forgetful, and jobs that behave as badly as real ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.primitives import BasePrimitiveJob, BitArray, DataBin, PrimitiveResult, SamplerPubResult

from pytest_llmgate.core.circuit import BackendPlan, CircuitFailed, ShotResult
from pytest_llmgate.quantum.devices import Order
from pytest_llmgate.quantum.hardware import Hardware, HardwareRooms
from pytest_llmgate.quantum.readout import sampled_counts
from pytest_llmgate.quantum.tariff import read_tariff
from pytest_llmgate.store.shot_ledger import FileShotLedger

APPROVED = {"LLMGATE_APPROVE_HARDWARE": "1"}
SCOPE = "suite::bell on ibm:remote"
_START = 100.0


class Clock:
    """Time that passes only where somebody waits. turns: what happens that many seconds after the start."""

    def __init__(self) -> None:
        self.now = _START
        self.turns: list[tuple[float, Callable[[], object]]] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for moment, turn in list(self.turns):
            if self.now >= _START + moment:
                self.turns.remove((moment, turn))
                turn()


def bell() -> QuantumCircuit:
    """Two registers of one bit each."""
    left, right = ClassicalRegister(1, "left"), ClassicalRegister(1, "right")
    circuit = QuantumCircuit(QuantumRegister(2, "q"), left, right)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [left[0], right[0]])
    return circuit


def sampled(**registers: Sequence[str]) -> PrimitiveResult[SamplerPubResult]:
    """A sampler's result; registers: the bitstrings of its shots."""
    data = {name: BitArray.from_samples(list(rows), len(rows[0])) for name, rows in registers.items()}
    return PrimitiveResult([SamplerPubResult(DataBin(**data))])


def halves(shots: int) -> PrimitiveResult[SamplerPubResult]:
    """Half of the shots 0 in both registers, half 1."""
    rows = ["0"] * (shots // 2) + ["1"] * (shots - shots // 2)
    return sampled(left=rows, right=rows)


class Job(BasePrimitiveJob[Any, Any]):
    """Says its statuses one after the other, the last one for ever; those that are exceptions are raised.

    result: what it gives, None for halves; a list is given one after the other. deaf: whether it hears no `cancel`.
    """

    def __init__(
        self, job_id: str, order: Order, statuses: Iterable[Any], result: Any, billed: Any = None, deaf: bool = False
    ) -> None:
        super().__init__(job_id)
        self.order = order
        self.statuses = list(statuses)
        self.calls: list[str] = []
        self._result = result
        self._billed = billed
        self._deaf = deaf

    def status(self) -> Any:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if isinstance(status, BaseException):
            raise status
        return status

    def result(self) -> Any:
        self.calls.append("result")
        found = self._result.pop(0) if isinstance(self._result, list) else self._result
        if isinstance(found, BaseException):
            raise found
        return halves(self.order.shots) if found is None else found

    def cancel(self) -> None:
        self.calls.append("cancel")
        if self._deaf:
            raise ConnectionError("no answer")
        self.statuses = ["CANCELLED"]

    def usage(self) -> Any:
        return self._billed

    def done(self) -> bool:
        return bool(self.status() == "DONE")

    def running(self) -> bool:
        return bool(self.status() == "RUNNING")

    def cancelled(self) -> bool:
        return bool(self.status() == "CANCELLED")

    def in_final_state(self) -> bool:
        return str(self.status()) in ("DONE", "CANCELLED", "ERROR", "ABANDONED")


class Remote:
    """A device behind a network; implements Device.

    plays: how the next jobs go, one mapping a job (see Job). lost: what becomes of the next submissions: an exception
    alone did not arrive; of ("taken", exception) only the answer is lost. listed: whether jobs are looked up by tag.
    late: the number of looks at which nothing is listed yet.
    """

    local = False
    name = "remote"

    def __init__(self, *plays: Mapping[str, Any], lost: Sequence[Any] = (), listed: bool = True, late: int = 0) -> None:
        self.jobs: list[Job] = []
        self.prepared = self.looks = self.posts = 0
        self.watch: Callable[[], object] = lambda: None
        self._plays = list(plays)
        self._lost = list(lost)
        self._listed = listed
        self._late = late

    def prepare(self, circuit: Any) -> Any:
        self.prepared += 1
        return circuit

    def submit(self, order: Order) -> Job:
        self.posts += 1
        self.watch()
        fate = self._lost.pop(0) if self._lost else None
        if isinstance(fate, BaseException):
            raise fate
        play = {"statuses": ["DONE"], "result": None, **(self._plays.pop(0) if self._plays else {})}
        self.jobs.append(Job(f"job-{len(self.jobs)}", order, **play))
        if fate is not None:
            raise fate[1]
        return self.jobs[-1]

    def find(self, tag: str) -> Sequence[Job] | None:
        self.looks += 1
        if not self._listed:
            return None
        if self._late > 0:
            self._late -= 1
            return ()
        return [job for job in self.jobs if job.order.tag == tag]

    def counts(self, result: Any, circuit: Any, shots: int) -> dict[str, int]:
        return sampled_counts(result, circuit, shots)


class Bench:
    """A Hardware on a Remote, with a clock of its own and a ledger in a folder."""

    def __init__(
        self, folder: Path, remote: Any, *, run: str = "run", environ: Mapping[str, str] = APPROVED, real: bool = False,
        **plan: Any,
    ) -> None:  # fmt: skip
        self.clock = Clock()
        self.remote = remote
        self.path = folder / "hardware.json"
        self.ledger = FileShotLedger(self.path, run)
        self.plan = BackendPlan(**{"provider": "ibm", "name": "remote", "deadline_s": 60.0, **plan})
        self.tariff = read_tariff(self.plan, free=False)
        timing = {} if real else {"clock": self.clock, "sleep": self.clock.sleep}
        rooms = HardwareRooms(
            environ=environ, ledger=self.ledger, scope=SCOPE, run=run,
            redact=lambda text: text.replace("sk-secret", "[key]"), **timing,
        )  # fmt: skip
        self.hardware = Hardware(self.plan, rooms, self.tariff, lambda: remote, True)

    def draw(self, shots: int = 100, key: str = "bell#0") -> ShotResult:
        return self.hardware.sample(bell(), shots, 7, key=key)

    def fails(self, shots: int = 100, key: str = "bell#0") -> CircuitFailed:
        """The failure that a draw ends in."""
        try:
            result = self.draw(shots, key)
        except CircuitFailed as failed:
            return failed
        raise AssertionError(f"no failure but {result}")

    @property
    def spent(self) -> int:
        """Shots that count against the budget, settled or not."""
        book = json.loads(self.path.read_text() or '{"scopes": {}}')["scopes"]
        rows = [row for page in book.values() for row in (*page["spent"].values(), *page["open"].values())]
        return sum(int(row["shots"]) for row in rows)
