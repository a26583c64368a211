"""What can be seen of a suite's circuits before anything is simulated: told when the suite is collected."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pytest_llmgate.core.circuit import NoisePlan
from pytest_llmgate.core.errors import LlmgateError, Problem, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import GatePlan, TestPlan
from pytest_llmgate.quantum.noise import build_noise
from pytest_llmgate.quantum.outcomes import check_bitstrings, read_distribution, widths
from pytest_llmgate.session.circuits.arms import arms_of, load_bound, load_cases
from pytest_llmgate.stats.shots.grouping import grouper
from pytest_llmgate.stats.shots.observable import Observable

_FILES = (".qasm", ".qpy")


def check_circuits(plans: Iterable[TestPlan], files: Callable[[TestPlan], SuiteFiles]) -> None:
    """Load the circuits that stand in files, and see that gates and noise fit them. Raises all problems at once.

    Circuits that a Python function makes are looked at when they are needed: collecting runs no code of users.
    """
    found: dict[Problem, None] = {}
    for plan in plans:
        for step in (_noise, _circuit):
            try:
                step(plan, files(plan))
            except LlmgateError as fault:
                found.update(dict.fromkeys(fault.problems))
    if found:
        raise LlmgateError(*found)


def _noise(plan: TestPlan, files: SuiteFiles) -> None:
    """The noise models that a test names exist and make sense."""
    assert plan.circuit is not None
    named: list[NoisePlan | None] = [plan.circuit.noise]
    named += [plan.circuit.fallback.noise] if plan.circuit.fallback else []
    for noise in named:
        build_noise(noise, 1, 1.0, files)


def _circuit(plan: TestPlan, files: SuiteFiles) -> None:
    assert plan.circuit is not None
    if not str(plan.circuit.source).endswith(_FILES):
        return
    circuits = load_cases(plan, files)
    arms_of(plan, circuits)
    sizes = widths(next(iter(circuits.values())))
    faults: list[Problem] = []
    for gate in plan.gates:
        try:
            _gate(gate, sizes, plan, files)
        except LlmgateError as fault:
            faults += fault.problems
        except ValueError as fault:
            faults.append(Problem("circuit-assertion", f"gate {gate.name!r}: {fault}", gate.where))
    if faults:
        raise LlmgateError(*faults)


def _gate(gate: GatePlan, sizes: tuple[int, ...], plan: TestPlan, files: SuiteFiles) -> None:
    """One gate's parameters fit the registers of its circuit."""
    params = gate.params
    if "expected" in params:
        read_distribution(params["expected"], sizes, gate.where)
    if "bitstrings" in params:
        check_bitstrings(params["bitstrings"], sizes, gate.where)
    if "observable" in params:
        Observable.parse(params["observable"], sizes)
    if params.get("group_by") is not None:
        grouper(params["group_by"], sizes)
    reference = str(params.get("reference") or "")
    if reference.endswith(_FILES):
        for case in plan.cases:
            if not load_bound(reference, files, plan, case).num_clbits and gate.type == "distribution":
                hint = "measure it as the circuit is measured"
                raise problem("circuit-assertion", f"the reference {reference!r} measures nothing", gate.where, hint)
