"""The circuit tests of one process, from plan to verdict. Light: nothing quantum is imported before the first one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.core.verdict import TestVerdict
from pytest_llmgate.engine.run import TestRun
from pytest_llmgate.extensions.registry import Registry
from pytest_llmgate.session import assembly
from pytest_llmgate.session.records import Records
from pytest_llmgate.store.proposals import append_proposal

if TYPE_CHECKING:
    from pytest_llmgate.session.circuits.desk import CircuitDesk, CircuitTest
    from pytest_llmgate.session.circuits.runner import CircuitRun

SCRATCH = ".llmgate"
"""The directory, under the root, that simulations are cached in and budgets of devices are kept in."""


class CircuitTests:
    """Prepares, samples and concludes circuit tests. redact_text: applied to messages of devices."""

    def __init__(
        self, settings: Settings, registry: Registry, records: Records, redact_text: Callable[[str], str]
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._records = records
        self._redact_text = redact_text
        self._desk: CircuitDesk | None = None
        self._ready: dict[str, CircuitTest] = {}
        self._runners: dict[str, CircuitRun] = {}

    @property
    def desk(self) -> CircuitDesk:
        """What prepares circuits, made at first need: qiskit is imported with it."""
        if self._desk is None:
            from pytest_llmgate.session.circuits.desk import CircuitDesk, DeskRooms

            settings = self._settings
            self._desk = CircuitDesk(
                DeskRooms(
                    root=settings.root,
                    scratch=settings.root / SCRATCH,
                    run=self._records.run.id,
                    registry=self._registry,
                    designs=self._records.designs,
                    redact_text=self._redact_text,
                    propose=settings.baseline == "propose",
                )
            )
        return self._desk

    def warm(self, plans: Iterable[TestPlan]) -> None:
        """Simulate what several tests need in one go."""
        circuits = [plan for plan in plans if plan.kind == "circuit"]
        if circuits:
            self.desk.warm(circuits)

    def prepare(self, plan: TestPlan, given: Any = None) -> TestRun:
        """A test ready to sample. given: the circuit, or the counts, that its body returned. Raises LlmgateError."""
        runner = self._runners.get(plan.id)
        test = self._ready[plan.id] = self.desk.prepare(plan, given, runner.results if runner else ())
        self._records.circuit(test.brief.to_line())
        recorded = assembly.recorded(self._records.row_of(plan.id), [arm.id for arm in test.brief.arms])
        return TestRun(test.stream, test.judge, self._records.journal, test.subject, recorded)

    def runner(self, plan: TestPlan) -> CircuitRun:
        """What `circuit_run` is in the body of a marked test."""
        from pytest_llmgate.session.circuits.runner import CircuitRun

        runner = self._runners[plan.id] = CircuitRun(plan, self.desk.any_backend(plan))
        return runner

    def decide(self, plan: TestPlan, order: int) -> TestVerdict:
        """The verdict of a test whose stream is done; what it proposes is written down."""
        from pytest_llmgate.engine.circuit_verdicts import decide_circuit
        from pytest_llmgate.session.circuits.scatter import facts_at_end

        test = self._ready[plan.id]
        if self._settings.baseline == "propose":
            for entry in self.desk.proposals(test, plan):
                append_proposal(self._records.run, self._settings.worker, entry)
        return decide_circuit(test.stream, facts_at_end(test.stream, test.brief), order)

    def close(self) -> None:
        """Cancel and settle what is under way on devices."""
        if self._desk is not None:
            self._desk.close()
