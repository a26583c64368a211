"""Counts judged at once, without a suite: what `assert_distribution` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.circuit import CircuitPlan
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.plan import GatePlan, TestPlan
from pytest_llmgate.engine.circuit_judge import CircuitJudge
from pytest_llmgate.engine.circuit_verdicts import decide_circuit
from pytest_llmgate.quantum.assertions import DISTRIBUTION
from pytest_llmgate.reports.circuits import outcome_lines
from pytest_llmgate.session.circuits.counts import checked_counts, counts_brief
from pytest_llmgate.session.circuits.rules import stream_of
from pytest_llmgate.session.circuits.subject import CircuitSubject, GivenCounts
from pytest_llmgate.store.baselines import Baselines


class _NoDesigns:
    """Nothing is kept: no rate is asked for."""

    def get(self, key: str) -> Mapping[str, Any] | None:
        return None

    def put(self, key: str, design: Mapping[str, Any]) -> None:
        """Forget it."""


def judge_counts(counts: Mapping[str, int], expected: Mapping[str, float], max_tvd: float | None, alpha: float) -> str:
    """Why counts do not pass, or nothing where they do. Raises LlmgateError for what makes no sense."""
    if not 0.0 < alpha <= 0.5:
        raise problem("bad-value", f"alpha is above 0 and at most 0.5, not {alpha!r}")
    params = {"expected": dict(expected), **({} if max_tvd is None else {"max_tvd": max_tvd})}
    gate = GatePlan(name="distribution", type="distribution", params=params, alpha=alpha)
    DISTRIBUTION.sound(params, None, None)  # type: ignore[arg-type]  # no file is named
    plan = TestPlan(
        id="assert_distribution", suite="", file="", base="", kind="circuit", circuit=CircuitPlan(),
        cases=(Case(id="counts"),), gates=(gate,),
    )  # fmt: skip
    given = checked_counts(counts, None)
    brief = counts_brief(plan, given, Baselines({}))
    stream = stream_of(plan, brief, _NoDesigns())
    subject = CircuitSubject([None], [GivenCounts(given)], stream, plan.id, str)
    judge = CircuitJudge(plan.id, brief.arms)
    while (trial := stream.next()) is not None:
        stream.put(judge.record(trial, subject.sample_now(trial)))
    verdict = decide_circuit(stream, brief.facts).gates[0]
    if verdict.verdict is Outcome.PASS:
        return ""
    return "\n".join([verdict.reason, *outcome_lines(verdict.to_row())])
