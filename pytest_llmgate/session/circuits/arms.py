"""The streams of shots of a test: every case, at every noise level, in every measurement basis that a gate asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qiskit import QuantumCircuit

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.circuit import Arm
from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import GatePlan, TestPlan
from pytest_llmgate.quantum.bases import basis_names, in_basis, measured_bits
from pytest_llmgate.quantum.load import bind, check_measured, load_circuit
from pytest_llmgate.quantum.outcomes import widths
from pytest_llmgate.quantum.python_source import taken_names

AS_IT_STANDS = "Z"
"""The basis that circuits are measured in anyway; its arm has no basis in its name."""


@dataclass(frozen=True, slots=True)
class ArmCircuit:
    """An arm and what it runs. logical: the circuit as the suite has it. circuit: measured in the arm's basis."""

    arm: Arm
    case: Case
    logical: QuantumCircuit
    circuit: QuantumCircuit


def load_cases(plan: TestPlan, files: SuiteFiles, given: QuantumCircuit | None = None) -> dict[str, QuantumCircuit]:
    """The bound, measured circuit of every case by its id. given: what a test body returned. Raises LlmgateError."""
    assert plan.circuit is not None
    source, found = plan.circuit.source, {}
    for case in plan.cases:
        if given is None:
            assert source is not None
            circuit = load_bound(source, files, plan, case)
        else:
            circuit = given
        check_measured(circuit, plan.where)
        found[case.id] = circuit
    shapes = {widths(circuit) for circuit in found.values()}
    if len(shapes) > 1:
        hint = "split the cases into tests of their own"
        raise problem("circuit-cases", "the cases give circuits with different registers", plan.where, hint)
    return found


def load_bound(source: str, files: SuiteFiles, plan: TestPlan, case: Case) -> QuantumCircuit:
    """The circuit of a file or function with the case's values as its parameters."""
    circuit = load_circuit(source, files, plan.where, case.vars)
    used = () if source.endswith((".qasm", ".qpy")) else taken_names(source, files, plan.where, case.vars)
    return bind(circuit, case.vars, plan.where, used=used)


def arms_of(plan: TestPlan, circuits: Mapping[str, QuantumCircuit]) -> tuple[ArmCircuit, ...]:
    """All arms, in the order case, level, basis; their schedule is still open."""
    assert plan.circuit is not None
    found = []
    for case in plan.cases:
        logical = circuits[case.id]
        names = _bases(plan, logical)
        for scale in plan.circuit.noise_scale:
            for basis in names:
                arm = Arm(id=_arm_id(case.id, scale, basis), case=case.id, scale=scale, basis=basis)
                circuit = in_basis(logical, basis, plan.where) if basis else logical
                found.append(ArmCircuit(arm, case, logical, circuit))
    return tuple(found)


def asks(gate: GatePlan, arm: ArmCircuit, plan: TestPlan) -> bool:
    """Whether a gate is asked of an arm: without `bases` of the circuit as it stands, else in each of them."""
    return arm.arm.basis in gate_bases(gate, arm.logical, plan)


def gate_bases(gate: GatePlan, circuit: QuantumCircuit, plan: TestPlan) -> tuple[str, ...]:
    """The bases that a gate asks for; empty text for the circuit as it stands."""
    spec = gate.params.get("bases")
    if spec is None:
        return ("",)
    names = basis_names(spec, len(measured_bits(circuit)), plan.seed, gate.where)
    return tuple("" if set(name) == {AS_IT_STANDS} else name for name in names)


def _bases(plan: TestPlan, circuit: QuantumCircuit) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for gate in plan.gates for name in gate_bases(gate, circuit, plan)))


def baseline_arm(arm: Arm, plan: TestPlan) -> str:
    """How a baseline names an arm: by what makes it differ from the test's circuit as it stands, run once."""
    case = [f"case {arm.case}"] if len(plan.cases) > 1 else []
    return "|".join([*case, *_differences(arm.scale, arm.basis)])


def _arm_id(case: str, scale: float, basis: str) -> str:
    return "|".join([case, *_differences(scale, basis)])


def _differences(scale: float, basis: str) -> list[str]:
    return [*([f"noise×{scale:g}"] if scale != 1.0 else []), *([f"basis {basis}"] if basis else [])]
