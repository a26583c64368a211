"""What a circuit test needs to know before a shot is drawn: arms, and the distributions that its gates ask about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from qiskit import QuantumCircuit

from pytest_llmgate.core.circuit import AER, Arm
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import GatePlan, TestPlan
from pytest_llmgate.quantum.alternatives import alternatives
from pytest_llmgate.quantum.bases import in_basis
from pytest_llmgate.quantum.lab import Job
from pytest_llmgate.quantum.walk import operations
from pytest_llmgate.session.circuits.arms import ArmCircuit, arms_of, asks, load_bound, load_cases
from pytest_llmgate.session.circuits.needs import Needs

HEADROOM: Final = (1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Factors of the noise at which is looked how much more of it an assertion would bear."""

_MOST, _FEWER, _FEWEST = 400, 32, 16  # alternatives; at least the second up to 10 qubits, the third beyond
_MOST_WORK: Final = 40_000  # gates of all alternatives together: about 3 s of a core
_CHEAP, _NARROW = 7, 10  # qubits: up to the first, noise costs next to nothing
_MOST_CELLS: Final = 1 << 15  # probabilities of all alternatives together: what is recorded of a test
_Question = tuple[str, int, bool]  # a reference's name, the arm, and whether it is asked within a tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """A reference of one arm and its declared alternatives: numbers of jobs, and how their outcomes are read.

    circuit: the reference as it stands in the arm's basis. slot: its distribution. others: (name, kind, slot,
    reversed). left_out: alternatives that were too many to simulate.
    """

    circuit: QuantumCircuit
    slot: int
    others: tuple[tuple[str, str, int, bool], ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One gate on one arm, and what it is held against; None where that is written down already."""

    gate: GatePlan
    arm: int
    against: Against | None = None


@dataclass(slots=True)
class Outline:
    """A test before its distributions are known. own: slots of the arms' own distributions. more: by factor."""

    plan: TestPlan
    arms: tuple[ArmCircuit, ...]
    needs: Needs
    own: tuple[int, ...] = ()
    asked: tuple[Asked, ...] = ()
    more: dict[float, tuple[int, ...]] = field(default_factory=dict)


def outline(plan: TestPlan, files: SuiteFiles, given: QuantumCircuit | None = None) -> Outline:
    """Load a test's circuits and note the distributions that it needs. given: what a test body returned.

    Raises LlmgateError for circuits that cannot be had or measured.
    """
    circuits = load_cases(plan, files, given)
    made = Outline(plan, arms_of(plan, circuits), Needs())
    made.own = tuple(made.needs.ask(job_of(plan, arm.circuit, arm.arm)) for arm in made.arms)
    memory: dict[_Question, Against] = {}
    asked = []
    for gate in plan.gates:
        for place, arm in enumerate(made.arms):
            if asks(gate, arm, plan):
                asked.append(Asked(gate=gate, arm=place, against=_against(made, gate, place, files, memory)))
    made.asked = tuple(asked)
    if plan.circuit is not None and plan.circuit.noise is not None:
        for factor in HEADROOM[1:]:
            slots = (made.needs.ask(job_of(plan, arm.circuit, arm.arm, factor)) for arm in made.arms)
            made.more[factor] = tuple(slots)
    return made


def job_of(plan: TestPlan, circuit: QuantumCircuit, arm: Arm, factor: float = 1.0) -> Job:
    """A circuit under an arm's noise. factor: so much more of it."""
    assert plan.circuit is not None
    method = plan.circuit.backend.method if plan.circuit.backend.provider == AER else "automatic"
    return Job(circuit, plan.circuit.noise, arm.scale * factor, method)


def _against(
    made: Outline, gate: GatePlan, place: int, files: SuiteFiles, memory: dict[_Question, Against]
) -> Against | None:
    """The reference that a distribution gate names, or the circuit itself, whose faults a baseline is held against."""
    if gate.type != "distribution":
        return None
    named, tolerant = str(gate.params.get("reference") or ""), gate.params.get("max_tvd") is not None
    if (named, place, tolerant) not in memory:
        arm = made.arms[place]
        circuit = arm.circuit
        if named:
            logical = load_bound(named, files, made.plan, arm.case)
            circuit = in_basis(logical, arm.arm.basis) if arm.arm.basis else logical
        memory[named, place, tolerant] = _with_alternatives(made, circuit, arm.arm, tolerant)
    return memory[named, place, tolerant]


def _with_alternatives(made: Outline, circuit: QuantumCircuit, arm: Arm, tolerant: bool) -> Against:
    """A reference with its declared alternatives; a tolerance has none, as it asks how far and not why."""
    plan, needs = made.plan, made.needs
    slot = needs.ask(job_of(plan, circuit, arm))
    if tolerant:
        return Against(circuit=circuit, slot=slot)
    noisy = plan.circuit is not None and plan.circuit.noise is not None
    found = alternatives(circuit, most=_most(circuit, noisy))
    others: list[tuple[str, str, int, bool]] = []
    for other in found.chosen:
        if other.circuit is not None:
            others.append((other.name, other.kind, needs.ask(job_of(plan, other.circuit, arm)), False))
        elif other.transform == "reverse-bits":
            others.append((other.name, other.kind, slot, True))
        elif noisy:
            others.append((other.name, other.kind, needs.ask(job_of(plan, circuit, arm, 2.0)), False))
    return Against(circuit=circuit, slot=slot, others=tuple(others), left_out=found.left_out)


def _most(circuit: QuantumCircuit, noisy: bool) -> int:
    """How many alternatives are simulated: fewer, the longer and wider the circuit is."""
    n = circuit.num_qubits
    fewest = _FEWER if n <= _NARROW else _FEWEST
    cost = 1 << 2 * max(0, n - _CHEAP) if noisy else 1
    gates = max(1, sum(1 for _ in operations(circuit)))
    affordable: int = min(_MOST_WORK // (gates * cost), _MOST_CELLS >> circuit.num_clbits)
    return min(_MOST, max(fewest, affordable))
