"""From plans to folds: which rule decides what one gate asks of one arm. Pure; no circuit is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from pytest_llmgate.core.circuit import Arm
from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.ports import Designs
from pytest_llmgate.engine.circuit_stream import ArmsGate, CircuitStream
from pytest_llmgate.engine.shots import OutcomeFold, SettledFold, ShotFold, SuccessFold
from pytest_llmgate.session.circuits.counts import of_counts
from pytest_llmgate.session.circuits.plans import Planned, group_of, plans_of
from pytest_llmgate.session.circuits.question import Brief
from pytest_llmgate.stats.planning import RulePlan
from pytest_llmgate.stats.shots.expectation_plan import ExpectationPlan
from pytest_llmgate.stats.shots.identity import IdentityRule
from pytest_llmgate.stats.shots.identity_plan import IdentityPlan
from pytest_llmgate.stats.shots.observable import Observable
from pytest_llmgate.stats.shots.schedule import look_totals
from pytest_llmgate.stats.shots.tolerance import ToleranceRule
from pytest_llmgate.stats.shots.tolerance_plan import TolerancePlan


def stream_of(plan: TestPlan, brief: Brief, designs: Designs) -> CircuitStream:
    """The ordered window of a circuit test. Raises LlmgateError for what no rule can decide."""
    if brief.given:
        plan = of_counts(plan, brief.given)
    folds = [_fold(planned, brief) for planned in plans_of(plan, brief, designs)]
    gates = [ArmsGate(gate, [fold for fold in folds if fold.plan.name == gate.name]) for gate in plan.gates]
    return CircuitStream(plan, _arms(folds, brief), gates, brief.wanted)


def most_chunks(planned: Sequence[Planned], brief: Brief) -> int:
    """Chunks of a stream at most: its jobs, on a device. Gates that cannot decide are left out."""
    folds = [_fold(one, brief) for one in planned if not one.refusal]
    return max(len(arm.totals) for arm in _arms(folds, brief))


def _arms(folds: Sequence[ShotFold], brief: Brief) -> list[Arm]:
    return [
        _scheduled(arm, [fold for fold in folds if fold.arm == place], brief) for place, arm in enumerate(brief.arms)
    ]


def _scheduled(arm: Arm, folds: Sequence[ShotFold], brief: Brief) -> Arm:
    """The arm with its chunks: they end wherever one of its gates looks.

    A device is asked in few jobs, as each waits in a queue: a rate, which may be looked at anywhere, makes do with the
    looks of other gates, and a job is dealt into halves where a simulator draws two chunks.
    """
    totals: set[int] = set()
    for fold in folds:
        if isinstance(fold, OutcomeFold):
            totals.update(fold.rule.looks)
            if isinstance(fold.rule, ToleranceRule) and not brief.steps:
                totals.update((before + look) // 2 for before, look in pairwise((0, *fold.rule.looks)) if look > 1)
    for fold in folds:
        if isinstance(fold, SuccessFold) and not (brief.steps and len(totals) > 1):
            totals.update(_totals(fold.gate.rule.ceiling, brief.steps))
    if brief.wanted:
        totals.update(total for total in _totals(brief.wanted, brief.steps) if not totals or total > max(totals))
    return replace(arm, totals=tuple(sorted(totals - {0})))


def _totals(ceiling: int, steps: int) -> tuple[int, ...]:
    """Looks of a simulator, or of a device: there a few, each twice the one before."""
    if not steps:
        return look_totals(ceiling)
    return tuple(sorted({max(1, ceiling >> step) for step in range(steps)}))


def _fold(planned: Planned, brief: Brief) -> ShotFold:
    """The fold of one question. Raises LlmgateError where its plan cannot decide."""
    planned.check()
    gate, question, decider = planned.gate, planned.question, planned.decider
    if decider is None:
        decision = Decision(Outcome(question.verdict), question.reason)
        return SettledFold(gate, question.arm, decision, question.extra)
    if isinstance(decider, RulePlan):
        return SuccessFold(gate, question.arm, decider.rule, frozenset(gate.params["bitstrings"]), question.extra)
    if isinstance(decider, ExpectationPlan):
        return _expectation(planned, decider, brief)
    reduce, expected = group_of(question), planned.expected
    if isinstance(decider, IdentityPlan):
        extra = {**question.extra, **_said(decider)}
        return OutcomeFold(gate, question.arm, _identity(decider, brief), extra, reduce, expected, dealt=True)
    if isinstance(decider, TolerancePlan):
        extra = {**question.extra, "notes": list(decider.notes)}
        if decider.at_once:
            extra["shots_needed"] = decider.needed
        rule, dealt = decider.rule(planned.outcomes), brief.steps > 0
        return OutcomeFold(gate, question.arm, rule, extra, reduce, expected, dealt=dealt)
    # Dealt: half of the shots choose the set of outcomes whose share bounds the TVD from below.
    return OutcomeFold(gate, question.arm, decider, question.extra, reduce, expected, dealt=True)


def _expectation(planned: Planned, decider: ExpectationPlan, brief: Brief) -> ShotFold:
    rule = replace(decider.rule, looks=_totals(decider.rule.looks[-1], brief.steps))
    extra = {**planned.question.extra, "side": rule.side, "notes": list(decider.notes)}
    observable = Observable.parse(planned.gate.params["observable"], planned.question.widths)
    return OutcomeFold(planned.gate, planned.question.arm, rule, extra, observable.group)


def _identity(planned: IdentityPlan, brief: Brief) -> IdentityRule:
    """The rule; a device is looked at a few times, and where the screen looks."""
    if not brief.steps:
        return planned.rule
    screen = planned.screen.shots if planned.screen else None
    looks = {*_totals(planned.rule.looks[-1], brief.steps), *([screen] if screen else [])}
    return replace(planned.rule, totals=tuple(sorted(looks)))


def _said(planned: IdentityPlan) -> dict[str, Any]:
    """What a plan has to say in the verdict: what was screened, what could not be told apart."""
    screen = planned.screen
    found = None if screen is None else {"shots": screen.shots, "tvd": screen.tvd, "power": round(screen.power, 3)}
    return {
        "screen": found,
        "ruled_out": _ruled_out(len(planned.rule.declared)),
        "unresolved": [{"name": item.name, "tvd": float(f"{item.tvd:.6g}")} for item in planned.unresolved],
    }


def _ruled_out(declared: int) -> str | None:
    """What a pass says of so many declared changes; None where there are none."""
    if declared == 1:
        return "the one declared change is ruled out"
    return f"each of {declared} declared changes is ruled out" if declared else None
