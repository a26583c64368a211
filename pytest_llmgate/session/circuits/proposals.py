"""What a run proposes as the baseline of one arm of a gate."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_llmgate.core.baseline import PARTS, CircuitBaseline, CircuitIdentity, parts
from pytest_llmgate.core.plan import GatePlan, TestPlan


def proposal(
    plan: TestPlan, gate: GatePlan, arm: str, identity: CircuitIdentity, outcomes: Mapping[str, float], exact: bool
) -> CircuitBaseline:
    """A proposal. outcomes: probabilities where they are exact, else counts."""
    assert plan.circuit is not None
    counted = parts(outcomes) if exact else {name: int(number) for name, number in sorted(outcomes.items())}
    return CircuitBaseline(
        test=plan.id,
        gate=gate.name,
        arm=arm,
        kind="probabilities" if exact else "counts",
        widths=identity.widths,
        outcomes=counted,
        total=PARTS if exact else sum(counted.values()),
        circuit_digest=identity.circuit_digest,
        shape=identity.shape,
        noise_digest=identity.noise_digest,
        transpile_digest=identity.transpile_digest,
        backend=plan.circuit.backend.provider,
    )
