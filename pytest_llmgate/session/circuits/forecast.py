"""What a circuit test will take, before a shot is spent: its figures from the plans of its gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_llmgate.core.circuit import AER, BackendPlan, arm_labels
from pytest_llmgate.core.errors import Problem
from pytest_llmgate.core.plan import GatePlan, TestPlan
from pytest_llmgate.core.ports import Designs
from pytest_llmgate.reports.plan_circuits import CircuitGateFigures, CircuitTestFigures, StreamFigures
from pytest_llmgate.session.circuits.plans import Planned, plans_of
from pytest_llmgate.session.circuits.question import Brief
from pytest_llmgate.session.circuits.rules import most_chunks
from pytest_llmgate.session.rate_figures import rate_figures
from pytest_llmgate.stats.planning import RulePlan
from pytest_llmgate.stats.shots.expectation_plan import ExpectationPlan
from pytest_llmgate.stats.shots.fixed_power import fixed_power
from pytest_llmgate.stats.shots.hypotheses import DUST
from pytest_llmgate.stats.shots.identity_plan import IdentityPlan
from pytest_llmgate.stats.shots.minp import FixedIdentityRule
from pytest_llmgate.stats.shots.tolerance_plan import TolerancePlan

_Pair = tuple[Planned, StreamFigures]


@dataclass(frozen=True, slots=True)
class CircuitForecast:
    """A test's figures; refused: gates that cannot decide; clear: P(no gate blocks a build that is good), at least."""

    figures: CircuitTestFigures
    refused: tuple[Problem, ...]
    clear: float


def circuit_forecast(plan: TestPlan, brief: Brief, designs: Designs) -> CircuitForecast:
    """The figures of one circuit test. Raises LlmgateError for what no rule can be made of."""
    planned = plans_of(plan, brief, designs)
    labels = arm_labels(brief.arms)
    pairs = [(one, _stream(one, plan, labels[one.question.arm])) for one in planned]
    expected, costliest = _cost(pairs, brief)
    assert plan.circuit is not None
    figures = CircuitTestFigures(
        id=plan.id,
        source=_source(plan, brief, planned),
        streams=len(brief.arms),
        ceiling=plan.circuit.shots,
        expected_shots=expected,
        costliest=costliest,
        gates=[_gate(gate, [pair for pair in pairs if pair[0].gate.name == gate.name]) for gate in plan.gates],
        notes=_notes(plan, expected),
    )
    refused = {problem: None for one in planned for problem in one.problems()}
    return CircuitForecast(figures, tuple(refused), _clear(plan, planned))


def _gate(gate: GatePlan, pairs: Sequence[_Pair]) -> CircuitGateFigures:
    shared = pairs[0][0].gate if pairs else gate
    return CircuitGateFigures(
        name=gate.name,
        alpha_used=shared.alpha_used,
        family=shared.family,
        beta=gate.beta,
        streams=[stream for _, stream in pairs],
        severity=gate.severity if gate.quarantine is None else "quarantined",
    )


def _stream(planned: Planned, plan: TestPlan, label: str) -> StreamFigures:
    """The figures of one gate on one stream."""
    assert plan.circuit is not None
    decider, extra = planned.decider, planned.question.extra
    common = StreamFigures(
        kind="settled",
        label=label,
        outcomes=sum(p >= DUST for p in planned.expected.values()),
        ceiling=plan.circuit.shots,
        against=_against(str(extra.get("against", "the reference"))),
        left_out=int(extra.get("left_out", 0)),
        said=str(extra.get("said", planned.question.reason)),
        refusal=planned.refusal,
    )
    if decider is None:
        return common
    if isinstance(decider, RulePlan):
        rate = rate_figures(planned.gate, decider)
        at_good = next(mean for _, shown, mean in rate.mean_n if shown == rate.good)
        return replace(common, kind="rate", plan=rate, expected_shots=at_good)
    if isinstance(decider, IdentityPlan):
        shots = common.ceiling if decider.pass_expectation is None else decider.pass_expectation
        return replace(common, kind="identity", plan=decider, expected_shots=shots)
    if isinstance(decider, TolerancePlan):
        return replace(common, kind="tolerance", plan=decider, expected_shots=decider.expected)
    if isinstance(decider, ExpectationPlan):
        shots = min(common.ceiling, decider.to_pass or common.ceiling)
        return replace(common, kind="expectation", plan=decider, expected_shots=shots)
    if isinstance(decider, FixedIdentityRule):
        return replace(common, kind="fixed", expected_shots=decider.shots, changes=fixed_power(decider))
    return replace(common, kind="two-sample", expected_shots=decider.shots)


def _against(named: str) -> str:
    return "the expected distribution" if named == "expected" else named


def _cost(pairs: Sequence[_Pair], brief: Brief) -> tuple[float, str]:
    """Shots of a good circuit over all arms, each as many as its slowest gate takes; and the gate that takes most."""
    slowest = dict.fromkeys(range(len(brief.arms)), (0.0, ""))
    for planned, stream in pairs:
        arm = planned.question.arm
        slowest[arm] = max(slowest[arm], (stream.expected_shots, planned.gate.name))
    return sum(shots for shots, _ in slowest.values()), max(slowest.values())[1]


def _clear(plan: TestPlan, planned: Sequence[Planned]) -> float:
    """A gate blocks a good build at most at its alpha, which its arms share; what no shot decides has no chance."""
    drawn = {one.gate.name for one in planned if one.decider is not None}
    clear = 1.0
    for gate in plan.gates:
        if gate.blocks and gate.name in drawn:
            clear *= 1.0 - gate.alpha_used
    return clear


def _source(plan: TestPlan, brief: Brief, planned: Sequence[Planned]) -> str:
    """Where shots will come from."""
    assert plan.circuit is not None
    if plan.circuit.backend.provider == AER:
        described = brief.facts["described"]
        noise = "without noise" if described["noise"] == "none" else f"under {described['noise']}"
        return f"simulated here {noise}, {described['method']}: {described['why']}"
    jobs = f"{most_chunks(planned, brief)} jobs at most a stream"
    return f"drawn on {_device(plan.circuit.backend)}, {jobs}{_limits(plan.circuit.backend)}"


def _device(backend: BackendPlan) -> str:
    return ":".join(str(part) for part in (backend.provider, backend.name or backend.options.get("target")) if part)


def _limits(backend: BackendPlan) -> str:
    budget = backend.budget
    if budget is None:
        return "; no budget of shots, seconds or money"
    each = [
        f"{budget.shots:,} shots" if budget.shots is not None else "",
        f"{budget.seconds:g} s" if budget.seconds is not None else "",
        f"${budget.usd}" if budget.usd is not None else "",
    ]
    return f"; budget {', '.join(part for part in each if part)}"


def _notes(plan: TestPlan, expected: float) -> tuple[str, ...]:
    """A budget that even a good circuit would pass; what stands in where the device cannot be had."""
    assert plan.circuit is not None
    fallback, budget = plan.circuit.fallback, plan.circuit.backend.budget
    found = []
    if budget is not None and budget.shots is not None and budget.shots < expected:
        found.append(f"the budget of {budget.shots:,} shots will end it before the shots to expect: inconclusive")
    if fallback is not None:
        found.append(f"falls back to {_device(fallback.backend)}, and the verdict says so")
    return tuple(found)
