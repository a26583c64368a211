"""Makes the circuit tests of one process ready, and keeps what they share: the simulator lab and the devices."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from qiskit import QuantumCircuit

from pytest_llmgate.core.baseline import CircuitBaseline, baseline_file
from pytest_llmgate.core.circuit import AER, BackendPlan, CircuitBackend, Counts, NoisePlan, ShotResult
from pytest_llmgate.core.errors import LlmgateError, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.functions import message_of
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.ports import Designs
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.engine.circuit_judge import CircuitJudge
from pytest_llmgate.engine.circuit_stream import CircuitStream
from pytest_llmgate.extensions.registry import Registry
from pytest_llmgate.quantum.distribution import Distribution
from pytest_llmgate.quantum.fallback import WithFallback
from pytest_llmgate.quantum.hardware import HardwareRooms, build
from pytest_llmgate.quantum.lab import Lab
from pytest_llmgate.quantum.simulated import SimulatedBackend
from pytest_llmgate.session.circuits.arms import baseline_arm
from pytest_llmgate.session.circuits.counts import checked_counts, counts_brief
from pytest_llmgate.session.circuits.facts import facts_of
from pytest_llmgate.session.circuits.needs import compute_all
from pytest_llmgate.session.circuits.outline import Outline, outline
from pytest_llmgate.session.circuits.proposals import proposal
from pytest_llmgate.session.circuits.question import Brief
from pytest_llmgate.session.circuits.questions import Questions
from pytest_llmgate.session.circuits.rules import stream_of
from pytest_llmgate.session.circuits.subject import CircuitSubject, GivenCounts
from pytest_llmgate.store.baselines import Baselines, read_baselines
from pytest_llmgate.store.shot_book import SHOT_BOOK
from pytest_llmgate.store.shot_ledger import FileShotLedger

_JOBS_OF_A_DEVICE = 4  # looks of hardware: each job waits in a queue, and the last one is half of all shots


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRooms:
    """What the desk is given. run: its id; scratch: the directory that caches and the shot ledger lie in."""

    root: Path
    scratch: Path
    run: str
    registry: Registry
    designs: Designs
    redact_text: Callable[[str], str]
    propose: bool = False


class CircuitTest(NamedTuple):
    """A circuit test ready to be sampled."""

    stream: CircuitStream
    judge: CircuitJudge
    subject: CircuitSubject
    brief: Brief


class CircuitDesk:
    """Prepares circuit tests; one a process, made where the first circuit is met."""

    def __init__(self, rooms: DeskRooms) -> None:
        self._rooms = rooms
        self.lab = Lab(rooms.scratch / "cache" / "circuits", SuiteFiles(rooms.root, rooms.root))
        self._outlines: dict[str, Outline | LlmgateError] = {}
        self._backends: dict[str, CircuitBackend] = {}
        self._baselines: dict[str, Baselines] = {}
        self._ledger: FileShotLedger | None = None

    def warm(self, plans: Iterable[TestPlan]) -> None:
        """Compute the exact distributions of several tests together; what is wrong with one is told by `prepare`."""
        fresh = [plan for plan in plans if plan.id not in self._outlines and _has_source(plan)]
        for plan in fresh:
            try:
                with told_apart(plan):
                    self._outlines[plan.id] = outline(plan, self._files(plan))
            except LlmgateError as fault:
                self._outlines[plan.id] = fault
        made = [found for plan in fresh if isinstance(found := self._outlines[plan.id], Outline)]
        with suppress(Exception):  # one test's fault: each is computed, and told, alone then
            compute_all([found.needs for found in made], self.lab)

    def prepare(self, plan: TestPlan, given: object = None, drawn: Sequence[ShotResult] = ()) -> CircuitTest:
        """A test ready to sample. given: the circuit, or the counts, that its body returned. Raises LlmgateError.

        drawn: what its body drew by `circuit_run`.
        """
        with told_apart(plan):
            return self._prepare(plan, given, drawn)

    def _prepare(self, plan: TestPlan, given: object, drawn: Sequence[ShotResult]) -> CircuitTest:
        if isinstance(given, Mapping):
            return self._prepare_counts(plan, checked_counts(given, plan.where), drawn)
        if given is not None and not isinstance(given, QuantumCircuit):
            hint = "return a QuantumCircuit, or counts by bitstring"
            what = f"the body returned a value of type {type(given).__name__}"
            raise problem("circuit-body", what, plan.where, hint)
        made = self._outline(plan, given)
        brief = self._brief(plan, made)
        stream = stream_of(plan, brief, self._rooms.designs)
        subject = CircuitSubject(
            [arm.circuit for arm in made.arms],
            self._of_arms(plan, made),
            stream,
            plan.id,
            self._rooms.redact_text,
        )
        return CircuitTest(stream, CircuitJudge(plan.id, brief.arms), subject, brief)

    def brief(self, plan: TestPlan) -> Brief:
        """What a test's gates will ask: all that its plan needs, and nothing is sampled. Raises LlmgateError."""
        return self._brief(plan, self._outline(plan, None))

    def _brief(self, plan: TestPlan, made: Outline) -> Brief:
        questions = Questions(made, self.lab, self._files(plan), self.baselines(plan))
        assert plan.circuit is not None
        of_device = plan.circuit.backend.provider != AER
        return Brief(
            test=plan.id,
            arms=tuple(arm.arm for arm in made.arms),
            questions=questions.all(),
            facts=facts_of(made, self.lab),
            steps=_JOBS_OF_A_DEVICE if of_device else 0,
            wanted=plan.circuit.shots if self._rooms.propose and self._counts_wanted(made, of_device) else 0,
            simulated=[_as_dict(made.needs.fetch(slot)) for slot in made.own] if of_device else (),
        )

    def _prepare_counts(self, plan: TestPlan, counts: Counts, drawn: Sequence[ShotResult]) -> CircuitTest:
        """A test whose shots are there already."""
        brief = counts_brief(plan, counts, self.baselines(plan))
        stream = stream_of(plan, brief, self._rooms.designs)
        backend = GivenCounts(counts, drawn)
        subject = CircuitSubject([None], [backend], stream, plan.id, self._rooms.redact_text)
        return CircuitTest(stream, CircuitJudge(plan.id, brief.arms), subject, brief)

    def _outline(self, plan: TestPlan, given: QuantumCircuit | None) -> Outline:
        if given is not None:
            made: Outline | LlmgateError = outline(plan, self._files(plan), given)
            self._outlines[plan.id] = made
        else:
            self.warm([plan])
            made = self._outlines[plan.id]
        if isinstance(made, LlmgateError):
            raise made
        if not made.needs.found:
            compute_all([made.needs], self.lab)
        return made

    def _files(self, plan: TestPlan) -> SuiteFiles:
        return SuiteFiles(self._rooms.root, self._rooms.root / plan.base)

    def baselines(self, plan: TestPlan) -> Baselines:
        """The approved baselines of a test's suite. Raises LlmgateError for a file that is broken."""
        name = baseline_file(plan.file)
        if name not in self._baselines:
            self._baselines[name] = read_baselines(self._rooms.root / name, self._rooms.root)
        return self._baselines[name]

    # ---- backends

    def any_backend(self, plan: TestPlan) -> CircuitBackend:
        """The backend of a test at its first level of noise."""
        assert plan.circuit is not None
        return self._backend(plan, plan.circuit.noise_scale[0])

    def redraw(self, plan: TestPlan, trial: Trial, shots: int) -> ShotResult:
        """One chunk of a test outside any run. Raises LlmgateError, CircuitFailed."""
        made = self._outline(plan, None)
        backend = self._of_arms(plan, made)[trial.case]
        return backend.sample(made.arms[trial.case].circuit, shots, trial.seed, key=f"{plan.id}/replay/{trial.index}")

    def _of_arms(self, plan: TestPlan, made: Outline) -> list[CircuitBackend]:
        circuit = plan.circuit
        assert circuit is not None
        if circuit.backend.provider != AER and circuit.noise_scale != (1.0,):
            hint = "ask the levels of a test on aer"
            raise problem("noise-scale", "the noise of a device cannot be scaled", circuit.backend.where, hint)
        return [self._backend(plan, arm.arm.scale) for arm in made.arms]

    def _backend(self, plan: TestPlan, scale: float) -> CircuitBackend:
        """A simulator, or the device of a test with its stand-in; each test has a budget of its own."""
        circuit = plan.circuit
        assert circuit is not None
        if circuit.backend.provider == AER:
            return self._opened(circuit.backend, circuit.noise, scale, plan)
        if plan.id not in self._backends:
            device, fallback = self._opened(circuit.backend, None, scale, plan), circuit.fallback
            if fallback is not None:
                device = WithFallback(device, lambda: self._opened(fallback.backend, fallback.noise, 1.0, plan))
            self._backends[plan.id] = device
        return self._backends[plan.id]

    def _opened(self, backend: BackendPlan, noise: NoisePlan | None, scale: float, plan: TestPlan) -> CircuitBackend:
        if backend.provider == AER:
            return SimulatedBackend(self.lab, noise, scale, backend.method)
        return self._hardware(backend, plan)

    def _hardware(self, backend: BackendPlan, plan: TestPlan) -> CircuitBackend:
        if self._ledger is None:
            self._ledger = FileShotLedger(self._rooms.scratch / SHOT_BOOK, self._rooms.run)
        rooms = HardwareRooms(
            environ=os.environ,
            ledger=self._ledger,
            scope=f"{plan.id} on {backend.provider}{':' if backend.name else ''}{backend.name or ''}",
            run=self._rooms.run,
            redact=self._rooms.redact_text,
        )
        opener = self._rooms.registry.backend(backend.provider, backend.where)
        return build(backend, self._files(plan), rooms, opener)

    # ---- proposals

    def _counts_wanted(self, made: Outline, of_device: bool) -> bool:
        """Whether a baseline is to be proposed from counts, as the exact distribution is not to be had."""
        asked = [one for one in made.asked if one.gate.params.get("baseline")]
        return any(of_device or made.needs.fetch(made.own[one.arm]) is None for one in asked)

    def proposals(self, test: CircuitTest, plan: TestPlan) -> list[CircuitBaseline]:
        """Baselines that a finished test proposes, one for each of its `baseline` gates and arms."""
        made = self._outlines.get(plan.id)
        if not isinstance(made, Outline) or test.stream.evidence.on_fallback:
            return []  # what a stand-in drew is no baseline of the device
        questions = Questions(made, self.lab, self._files(plan), self.baselines(plan))
        assert plan.circuit is not None
        found = []
        for asked in made.asked:
            if not asked.gate.params.get("baseline"):
                continue
            arm = made.arms[asked.arm]
            exact = made.needs.fetch(made.own[asked.arm]) if plan.circuit.backend.provider == AER else None
            found.append(
                proposal(
                    plan, asked.gate, baseline_arm(arm.arm, plan), questions.identity(asked.arm),
                    exact.as_dict() if exact is not None else test.stream.drawn(asked.arm), exact is not None,
                )
            )  # fmt: skip
        return found

    def close(self) -> None:
        """Cancel and settle what is under way on devices."""
        for backend in self._backends.values():
            backend.close()
        if self._ledger is not None:
            self._ledger.close()


@contextmanager
def told_apart(plan: TestPlan) -> Iterator[None]:
    """A fault of a circuit library is the fault of one test, and ends no other."""
    try:
        yield
    except LlmgateError:
        raise
    except Exception as fault:
        what = f"this circuit could not be made ready: {type(fault).__name__}: {message_of(fault)}"
        hint = "if the circuit is sound, please report it with the circuit"
        raise problem("circuit-fault", what[:500], plan.where, hint) from fault


def _as_dict(found: Distribution | None) -> dict[str, float] | None:
    return None if found is None else found.as_dict()


def _has_source(plan: TestPlan) -> bool:
    return plan.circuit is not None and plan.circuit.source is not None
