"""From questions to folds: which rule decides what one gate asks of one arm. Pure; no circuit is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import pairwise
from typing import Any

from pytest_llmgate.core.circuit import Arm
from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.plan import GatePlan, TestPlan
from pytest_llmgate.core.ports import Designs
from pytest_llmgate.engine.circuit_stream import ArmsGate, CircuitStream
from pytest_llmgate.engine.shots import OutcomeFold, SettledFold, ShotFold, SuccessFold
from pytest_llmgate.quantum.assertions import expectation_limits, tolerance
from pytest_llmgate.quantum.outcomes import spaced
from pytest_llmgate.session.circuits.question import Brief, Question
from pytest_llmgate.stats.planning import gate_rule
from pytest_llmgate.stats.shots.expectation_plan import plan_expectation
from pytest_llmgate.stats.shots.grouping import grouper
from pytest_llmgate.stats.shots.hypotheses import align
from pytest_llmgate.stats.shots.identity_plan import IdentityPlan, plan_identity
from pytest_llmgate.stats.shots.minp import FixedIdentityRule
from pytest_llmgate.stats.shots.observable import Observable
from pytest_llmgate.stats.shots.rule import ShotsRule
from pytest_llmgate.stats.shots.schedule import look_totals
from pytest_llmgate.stats.shots.tolerance import ToleranceRule
from pytest_llmgate.stats.shots.tolerance_plan import plan_tolerance
from pytest_llmgate.stats.shots.two_sample import TwoSampleRule, cells

_FEW_OUTCOMES = 4096  # as many are listed one by one where recorded counts are compared

_Ruled = tuple[ShotsRule, dict[str, Any], dict[str, float]]


def stream_of(plan: TestPlan, brief: Brief, designs: Designs) -> CircuitStream:
    """The ordered window of a circuit test. Raises LlmgateError for what no rule can decide."""
    makers = {gate.name: _Maker(plan, brief, gate, designs) for gate in plan.gates}
    folds = [makers[question.gate].fold(question) for question in brief.questions]
    gates = [ArmsGate(gate, [fold for fold in folds if fold.plan.name == gate.name]) for gate in plan.gates]
    arms = [
        _scheduled(arm, [fold for fold in folds if fold.arm == place], brief) for place, arm in enumerate(brief.arms)
    ]
    return CircuitStream(plan, arms, gates, brief.wanted)


def _scheduled(arm: Arm, folds: Sequence[ShotFold], brief: Brief) -> Arm:
    """The arm with its chunks: they end wherever one of its gates looks."""
    totals: set[int] = set()
    for fold in folds:
        if isinstance(fold, OutcomeFold):
            totals.update(fold.rule.looks)
            if isinstance(fold.rule, ToleranceRule):  # it asks one half of the shots what the other half suggests
                totals.update((before + look) // 2 for before, look in pairwise((0, *fold.rule.looks)) if look > 1)
        elif isinstance(fold, SuccessFold):
            totals.update(_totals(fold.gate.rule.ceiling, brief.steps))
    if brief.wanted:
        totals.update(total for total in _totals(brief.wanted, brief.steps) if not totals or total > max(totals))
    return replace(arm, totals=tuple(sorted(totals - {0})))


def _totals(ceiling: int, steps: int) -> tuple[int, ...]:
    """Looks of a simulator, or of a device: there a few, each twice the one before."""
    if not steps:
        return look_totals(ceiling)
    return tuple(sorted({max(1, ceiling >> step) for step in range(steps)}))


class _Maker:
    """Makes the folds of one gate. Its alpha is shared by its arms, as any of them can block a good build."""

    def __init__(self, plan: TestPlan, brief: Brief, gate: GatePlan, designs: Designs) -> None:
        arms = sum(question.gate == gate.name for question in brief.questions)
        self._plan = plan
        self._gate = replace(gate, family=gate.family * max(1, arms))
        self._brief = brief
        self._designs = designs

    def fold(self, question: Question) -> ShotFold:
        """The fold of one question. Raises LlmgateError."""
        try:
            return self._fold(question)
        except ValueError as fault:
            hint = "allow more shots, or ask for less with group_by, max_tvd and bad_tvd"
            raise problem("circuit-plan", f"gate {self._gate.name!r}: {fault}", self._gate.where, hint) from None

    def _fold(self, question: Question) -> ShotFold:
        gate = self._gate
        if question.kind == "settled":
            decision = Decision(Outcome(question.verdict), question.reason)
            return SettledFold(gate, question.arm, decision, question.extra)
        if question.kind == "success":
            rate = gate_rule(gate, gate.bad, gate.trials or self._shots, self._designs).rule
            return SuccessFold(gate, question.arm, rate, frozenset(gate.params["bitstrings"]), question.extra)
        if question.kind == "expectation":
            return self._expectation(question)
        rule, notes, expected = self._rule(question)
        extra = {**question.extra, **notes}
        return OutcomeFold(gate, question.arm, rule, extra, group_of(question), expected)

    @property
    def _shots(self) -> int:
        assert self._plan.circuit is not None
        return self._plan.circuit.shots

    def _expectation(self, question: Question) -> ShotFold:
        gate = self._gate
        observable = Observable.parse(gate.params["observable"], question.widths)
        side, limit, bad = expectation_limits(gate.params, gate.where)
        planned = plan_expectation(
            observable.levels, observable.values, limit=limit, bad=bad, side=side, alpha=gate.alpha_used,
            beta=gate.beta, ceiling=self._shots,
        )  # fmt: skip
        rule = replace(planned.rule, looks=_totals(self._shots, self._brief.steps))
        extra = {**question.extra, "side": side, "notes": list(planned.notes)}
        return OutcomeFold(gate, question.arm, rule, extra, observable.group)

    def _rule(self, question: Question) -> _Ruled:
        """The rule on a distribution, what its plan has to say, and the expected shares for the table."""
        if question.kind == "two-sample":
            return self._two_sample(question)
        fold = (lambda p: dict(p)) if question.group is None else grouper(question.group, question.widths).fold
        assert question.reference is not None
        expected = fold(question.reference)
        if question.kind == "tolerance":
            return self._tolerance(question, expected)
        alternatives = [(name, kind, fold(p)) for name, kind, p in question.alternatives]
        reference, others = align(expected, alternatives)
        seed = self._seed(question)
        if self._gate.rule == "fixed":
            fixed = FixedIdentityRule(
                reference=reference, shots=self._shots, alpha=self._gate.alpha_used, seed=seed, alternatives=others
            )
            return fixed, {}, expected
        planned = self._identity(question, reference, others, seed)
        return planned.rule, _said(planned), expected

    def _identity(self, question: Question, reference: Any, others: Any, seed: int) -> IdentityPlan:
        assert self._plan.circuit is not None
        planned = plan_identity(
            reference, others, alpha=self._gate.alpha_used, beta=self._gate.beta, ceiling=self._shots,
            screen=self._plan.circuit.screen, seed=seed,
        )  # fmt: skip
        if not planned.can_pass:
            raise ValueError(f"{self._shots:,} shots cannot pass: {'; '.join(planned.notes)}")
        if self._brief.steps:
            looks = {*_totals(self._shots, self._brief.steps), *([planned.screen.shots] if planned.screen else [])}
            rule = replace(planned.rule, totals=tuple(sorted(total for total in looks if total)))
            return replace(planned, rule=rule)
        return planned

    def _tolerance(self, question: Question, expected: dict[str, float]) -> _Ruled:
        limits = tolerance(self._gate.params, self._gate.where)
        assert limits is not None
        reference, _ = align(expected)
        planned = plan_tolerance(
            reference.p, max_tvd=limits[0], bad_tvd=limits[1], alpha=self._gate.alpha_used, beta=self._gate.beta,
            ceiling=self._shots,
        )  # fmt: skip
        if not planned.can_decide:
            raise ValueError("; ".join(planned.notes))
        return planned.rule(reference.outcomes), {"notes": list(planned.notes)}, expected

    def _two_sample(self, question: Question) -> _Ruled:
        recorded = dict(question.recorded or {})
        if question.group is not None:
            groups: dict[str, int] = {}
            named = grouper(question.group, question.widths)
            for outcome, number in recorded.items():
                groups[named.group(outcome)] = groups.get(named.group(outcome), 0) + number
            recorded = groups
        seed = self._seed(question)
        few = question.group is None and 2 ** sum(question.widths) <= _FEW_OUTCOMES
        known = cells(recorded, seed=seed, every=_every(question.widths) if few else None)
        rule = TwoSampleRule(known=known, shots=self._shots, alpha=self._gate.alpha_used, seed=seed)
        total = sum(recorded.values())
        return rule, {}, {outcome: number / total for outcome, number in recorded.items()}

    def _seed(self, question: Question) -> int:
        """Of a rule's own draws, never one that shots are drawn with."""
        named = f"{self._plan.seed}\0{self._plan.id}\0{question.gate}\0{self._brief.arms[question.arm].id}\0rule"
        return int.from_bytes(blake2b(named.encode(), digest_size=6).digest(), "big")


def group_of(question: Question) -> Callable[[str], str] | None:
    """From a single outcome to what a rule counts."""
    return None if question.group is None else grouper(question.group, question.widths).group


def _every(widths: Sequence[int]) -> tuple[str, ...]:
    """All outcomes that registers of these widths can show."""
    bits = sum(widths)
    return tuple(spaced(f"{number:0{bits}b}", widths) for number in range(1 << bits))


def _said(planned: IdentityPlan) -> dict[str, Any]:
    """What a plan has to say in the verdict: what was screened, what could not be told apart."""
    screened = planned.screen
    said = (
        "; undeclared changes not tested"
        if screened is None
        else f"; an undeclared change of TVD {screened.tvd:g} would have been seen in {100 * screened.power:.0f} %"
    )
    return {
        "screened": said,
        "screen_shots": None if screened is None else screened.shots,
        "ruled_out": f"each of {len(planned.declared)} declared changes is ruled out",
        "unresolved": [{"name": item.name, "tvd": float(f"{item.tvd:.6g}")} for item in planned.unresolved],
        "notes": list(planned.notes),
    }
