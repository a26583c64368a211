"""The verdict of a finished test on replies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.verdict import GateVerdict, TestVerdict, worst
from pytest_llmgate.engine.compared import ComparedFold
from pytest_llmgate.engine.compared_verdicts import compared_verdict, timed_verdict
from pytest_llmgate.engine.evidence import Evidence
from pytest_llmgate.engine.gate import Fold, GateFold
from pytest_llmgate.engine.stream import TestStream
from pytest_llmgate.engine.verdicts import gate_verdict, unjudged


def decide_test(stream: TestStream, order: int = 0, warnings: tuple[str, ...] = ()) -> TestVerdict:
    """The verdict of a finished test."""
    plan, evidence = stream.plan, stream.evidence
    gates = tuple(_with_fields(_verdict(gate, stream), evidence) for gate in stream.gates)
    return replace(
        unjudged(plan, evidence.unscored.told(), order),
        verdict=worst(gate.verdict for gate in gates if gate.blocking),
        trials=stream.folded,
        cases=evidence.cases,
        holes=evidence.errors,
        distinct_replies=evidence.distinct_replies,
        usage=evidence.usage,
        gates=gates,
        slices=evidence.slices(),
        failing=tuple(evidence.failing),
        redactions=dict(sorted(evidence.redactions.items())),
        models=dict(sorted(evidence.models.items())),
        **_judged(evidence, (*warnings, *_several_models(plan, evidence))),
    )


def _several_models(plan: TestPlan, evidence: Evidence) -> tuple[str, ...]:
    """A prompt that several models answered was no one subject: a provider may have moved its alias meanwhile."""
    if plan.kind != "prompt" or len(evidence.models) < 2:
        return ()
    named = ", ".join(f"{name} ({count:,})" for name, count in sorted(evidence.models.items()))
    return (f"{len(evidence.models)} models answered: {named}; a rate over both is of neither",)


def _judged(evidence: Evidence, warnings: tuple[str, ...]) -> dict[str, Any]:
    """What a verdict says of the models that judged the replies; a judge that changed on the way is a warning."""
    judges = evidence.judges
    if judges is None:
        return {"warnings": warnings}
    return {"judges": judges.row(), "warnings": (*warnings, *judges.warnings())}


def _with_fields(verdict: GateVerdict, evidence: Evidence) -> GateVerdict:
    """A verdict on structured replies says which fields agree how often, over all counted trials."""
    found = evidence.fields.get(verdict.name)
    return verdict if found is None else replace(verdict, figures={**verdict.figures, "fields": found.rows()})


def _verdict(gate: Fold, stream: TestStream) -> GateVerdict:
    if isinstance(gate, ComparedFold):
        return compared_verdict(gate, stream)
    found = gate_verdict(cast(GateFold, gate), stream)
    against = gate.plan.compared  # of latencies: the limit is the baseline's
    return found if against is None else timed_verdict(found, gate.plan, against)
