"""GateSession: one process of a run, from plans to verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, cast

from pytest_llmgate.core.errors import LlmgateError, problem
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.ports import AskingMeasure, BlockingSubject, Subject
from pytest_llmgate.core.record import usage_row
from pytest_llmgate.core.reply import total_usage
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.core.verdict import TestVerdict
from pytest_llmgate.engine.decide import decide_test
from pytest_llmgate.engine.judge import Judge
from pytest_llmgate.engine.keeping import keeping
from pytest_llmgate.engine.run import TestRun
from pytest_llmgate.engine.runner import Engine
from pytest_llmgate.engine.stream import TestStream
from pytest_llmgate.engine.verdicts import unjudged
from pytest_llmgate.providers.prices import PriceTable
from pytest_llmgate.redaction.replies import redact_reply
from pytest_llmgate.session import assembly
from pytest_llmgate.session.circuits.tests import CircuitTests
from pytest_llmgate.session.models import ModelDoor
from pytest_llmgate.session.planner import Planner
from pytest_llmgate.session.records import Records
from pytest_llmgate.store.rundir import RunDir
from pytest_llmgate.subjects.build import build_subject
from pytest_llmgate.subjects.guard import Guard
from pytest_llmgate.subjects.judged import Bench, JudgedBlockingSubject, JudgedSubject
from pytest_llmgate.subjects.prompt import BlockingPromptSubject, PromptSubject

_WATCH_EVERY_S = 0.2


class GateSession:
    """Samples and judges tests in this process.

    planner: has compiled all suites of this run. run: its directory. plans: the selected tests in order.
    """

    def __init__(self, planner: Planner, run: RunDir, plans: Sequence[TestPlan]) -> None:
        settings = planner.settings
        self.settings = settings
        self.run = run
        self.plans = {plan.id: plan for plan in plans}
        self._order = {plan.id: order for order, plan in enumerate(plans)}
        self._tests: dict[str, TestRun] = {}
        self._verdicts: dict[str, TestVerdict] = {}
        self._stopped = ""
        redactor = planner.redactor
        self.records = Records(settings, run, redactor)
        self.records.begin(plans, planner.whole(self.plans))
        mine = _share(settings)
        self.engine = Engine(mine or 1, None if mine else self.records.places())
        self._guard = Guard()
        self.providers = assembly.Providers(planner.registry, settings.root)
        self.parts = assembly.Parts(
            settings=settings,
            registry=planner.registry,
            providers=self.providers,
            prices=PriceTable.load(settings.prices),
            ledger=self.records.ledger(planner.budget()),
            capped=planner.budget() is not None,
            designs=self.records.designs,
            redact=partial(redact_reply, redactor),
            redact_text=lambda text: redactor.redact(text)[0],
            cassette=self.records.cassette,
            out_of_budget=lambda: self.stop("budget"),
        )

        self.circuits = CircuitTests(settings, planner.registry, self.records, self.parts.redact_text)

    # ---- preparing and sampling

    def submit_all(self, test_ids: Iterable[str]) -> None:
        """Start sampling several tests in this order; what their circuits need is simulated together."""
        fresh = [test_id for test_id in test_ids if test_id not in self._verdicts and test_id not in self._tests]
        self.circuits.warm(self.plans[test_id] for test_id in fresh)
        for test_id in fresh:
            self.submit(test_id)

    def submit_circuit(self, test_id: str, given: Any) -> None:
        """Start sampling the circuit, or the counts, that the body of a marked test returned. Raises LlmgateError."""
        self._tests[test_id] = test = self.circuits.prepare(self.plans[test_id], given)
        self.engine.submit(test)

    def prepare(self, test_id: str, subject: Subject | BlockingSubject | None = None) -> TestRun:
        """Make a test ready to sample; raises LlmgateError before anything is spent.

        subject: for the body of a marked test, where it runs in the engine; None where the caller drives it.
        """
        if test_id in self._tests:
            return self._tests[test_id]
        plan = self.plans[test_id]
        if plan.kind == "circuit":
            self._tests[test_id] = test = self.circuits.prepare(plan)
            return test
        measures = assembly.measures(plan, self.parts)
        if plan.kind != "body":
            subject = self._judged(plan, self._subject(plan), assembly.asking(plan, measures))
        judge, cases = Judge(plan, measures, self.parts.redact_text), [case.id for case in plan.cases]
        test = TestRun(
            assembly.stream(plan, self.records.designs, self._sampled(plan)),
            judge,
            self.records.journal,
            subject,
            assembly.recorded(self.records.row_of(test_id), cases, judge.recall, self.records.transcript),
            look_ahead=self._look_ahead(plan),
            window=self.engine.concurrency,
            keeping=keeping(plan, self.settings.transcripts),
        )
        self._tests[test_id] = test
        return test

    def _sampled(self, plan: TestPlan) -> int:
        """Trials to draw whatever the gates of a test say, because its baseline is to be proposed."""
        return assembly.baseline_trials(plan) if self.settings.baseline == "propose" else 0

    def _look_ahead(self, plan: TestPlan) -> bool | None:
        """Whether trials of a test may be sent before earlier ones have answered."""
        asked = [*plan.judges.values(), *([plan.model] if plan.kind == "prompt" and plan.model is not None else [])]
        recorded = any(self.parts.caller(plan).recorded(model) for model in asked)
        if not recorded or self.settings.record == "all":
            return True
        return False if self.settings.record == "replay" else None

    def said(self, test_id: str) -> Mapping[str, str]:
        """Texts of a test's first failing replies, by digest."""
        test = self._tests.get(test_id)
        return test.said if test is not None else {}

    def _subject(self, plan: TestPlan) -> Subject | BlockingSubject:
        parts = self.parts
        caller, purse = parts.caller(plan), parts.purse(plan)
        subject = build_subject(plan, parts.files(plan), caller, parts.redact, parts.redact_text, purse, self._guard)
        subject.check()
        model = plan.model
        if isinstance(subject, PromptSubject) and model is not None and caller.blocking(model):
            return BlockingPromptSubject(subject, caller.answering(model))
        return subject

    def _judged(
        self, plan: TestPlan, subject: Subject | BlockingSubject, asking: Sequence[Sequence[AskingMeasure]]
    ) -> Subject | BlockingSubject:
        """The subject with the judges of its gates, where some ask one."""
        if not any(asking):
            return subject
        bench = Bench(plan, asking, self.parts.caller(plan))
        if isinstance(subject, BlockingSubject):
            return JudgedBlockingSubject(subject, bench, self.engine.call)
        return JudgedSubject(subject, bench)

    def models(self, plan: TestPlan) -> ModelDoor:
        """The way of a test body to its suite's prompts and models."""
        parts = self.parts
        caller, purse = parts.caller(plan), parts.purse(plan)
        return ModelDoor(plan, caller, self.engine, self._guard, parts.redact, parts.redact_text, purse)

    def submit(self, test_id: str, subject: Subject | BlockingSubject | None = None) -> None:
        """Start sampling a test unless it is under way; a test that cannot start gets its error verdict."""
        if test_id in self._verdicts or (test_id in self._tests and subject is None):
            return
        try:
            test = self.prepare(test_id, subject)
        except LlmgateError as fault:
            self.refuse(test_id, fault)
        else:
            self.engine.submit(test)

    def extend(self, test_id: str, sampled: int) -> None:
        """Have this many trials of a test drawn in all, whatever its gates say. Raises LlmgateError."""
        test = self.prepare(test_id)
        test.reopen(sampled)
        self.engine.submit(test)

    def refuse(self, test_id: str, fault: LlmgateError) -> TestVerdict:
        """The error verdict of a test that cannot start."""
        reasons = tuple(str(found) for found in fault.problems)
        return self._keep(unjudged(self.plans[test_id], reasons, self._order[test_id]))

    def wait(self, test_id: str, watch: Callable[[], None]) -> TestVerdict:
        """The verdict of a submitted test; `watch` is called now and then while it is awaited."""
        self.await_end(test_id, watch)
        return self.decide(test_id)

    def await_end(self, test_id: str, watch: Callable[[], None]) -> None:
        """Wait until a submitted test needs no more trials."""
        if test_id not in self._verdicts:
            while not self._tests[test_id].finished.wait(_WATCH_EVERY_S):
                watch()

    def decide(self, test_id: str) -> TestVerdict:
        """The verdict of a test whose stream is done."""
        if test_id in self._verdicts:
            return self._verdicts[test_id]
        fault = self.engine.fault
        if fault is not None:
            return self.refuse(test_id, as_problem(fault))
        if self.plans[test_id].kind == "circuit":
            return self._keep(self.circuits.decide(self.plans[test_id], self._order[test_id]))
        return self._keep(decide_test(cast(TestStream, self._tests[test_id].stream), self._order[test_id]))

    def _keep(self, verdict: TestVerdict) -> TestVerdict:
        self._verdicts[verdict.id] = verdict
        self.records.verdict(verdict)
        return verdict

    def expect(self, test_id: str) -> None:
        """Note that pytest reported a test's failure as expected (`xfail`); the verdict stays."""
        self.records.verdict(self._verdicts[test_id], expected=True)

    def skip(self, test_id: str) -> None:
        """Note that a test was skipped."""
        self.records.skipped(test_id)

    def verdict(self, test_id: str) -> TestVerdict | None:
        """The verdict of a test if it is known."""
        return self._verdicts.get(test_id)

    # ---- looking and ending

    def progress(self) -> tuple[int, int, int, Decimal]:
        """Trials counted, gates decided, gates in all, and USD spent, so far in this process."""
        streams = [test.stream for test in self._tests.values()]
        decided = sum(gate.decision is not None for stream in streams for gate in stream.gates)
        gates = sum(len(plan.gates) for plan in self.plans.values())
        return sum(stream.folded for stream in streams), decided, gates, self.parts.ledger.spent

    def stop(self, reason: str) -> None:
        """End all sampling; undecided gates stay undecided."""
        self._stopped = self._stopped or reason
        self.engine.stop(reason)
        for test in list(self._tests.values()):
            test.cut(reason)

    def close(self) -> None:
        """End this process's part: what is in flight completes, files are closed."""
        if any(not test.finished.is_set() for test in self._tests.values()):
            self.stop("interrupted")
        if self._stopped == "interrupted":
            self.circuits.close()  # before the engine: what became of jobs under way is written down
        self.engine.close(self.providers.close)
        self.circuits.close()
        self._guard.close()
        tests, clock = self._tests.values(), self.engine.clock
        self.records.close(
            {
                "overrun_trials": sum(test.overrun_trials for test in tests),
                "replayed_trials": sum(test.stream.evidence.replayed for test in tests),
                "billed": usage_row(total_usage(test.billed for test in tests)),
                "unpriced_models": sorted(self._unpriced()),
                "warnings": self._late_violations(),
                "first": clock.first,
                "last": clock.last,
            }
        )

    def _late_violations(self) -> list[str]:
        """Violations of zero tolerance that were seen too late to count: shown, so that nobody overlooks them."""
        return [
            f"{test_id}: {name}: {count} more violating trial(s) were in flight when the gates had decided"
            for test_id, test in self._tests.items()
            for name, count in test.late_violations.items()
        ]

    def _unpriced(self) -> set[str]:
        """What the budget could not cover, because nobody knows its price and its replies do not say."""
        plans = [self.plans[test_id] for test_id in self._tests]
        return self.parts.unpriced(() if self.settings.record == "replay" else plans)


def as_problem(fault: BaseException) -> LlmgateError:
    """What broke sampling, as a person is told."""
    if isinstance(fault, LlmgateError):
        return fault
    return problem("engine-fault", f"sampling broke: {type(fault).__name__}: {fault}")


def _share(settings: Settings) -> int:
    """This worker's share of the run's concurrency; 0 where workers outnumber the places."""
    if settings.workers <= 1:
        return settings.concurrency
    number = int("".join(filter(str.isdigit, settings.worker)) or 0)
    return (settings.concurrency + settings.workers - 1 - number % settings.workers) // settings.workers
