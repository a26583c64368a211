"""From questions to plans: how each gate will be decided on each arm, and at what cost. Pure; no circuit is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pytest_llmgate.core.errors import LlmgateError, Problem
from pytest_llmgate.core.plan import GatePlan, TestPlan
from pytest_llmgate.core.ports import Designs
from pytest_llmgate.core.trial import derived_seed
from pytest_llmgate.quantum.assertions import expectation_limits, tolerance
from pytest_llmgate.quantum.outcomes import spaced
from pytest_llmgate.session.circuits.question import Brief, Question
from pytest_llmgate.stats.planning import RulePlan, gate_rule
from pytest_llmgate.stats.shots.expectation_plan import ExpectationPlan, plan_expectation
from pytest_llmgate.stats.shots.grouping import grouper
from pytest_llmgate.stats.shots.hypotheses import align, told_apart
from pytest_llmgate.stats.shots.identity_plan import IdentityPlan, plan_identity
from pytest_llmgate.stats.shots.minp import FixedIdentityRule
from pytest_llmgate.stats.shots.observable import Observable
from pytest_llmgate.stats.shots.tolerance_plan import TolerancePlan, plan_tolerance
from pytest_llmgate.stats.shots.two_sample import TwoSampleRule, cells

_FEW_OUTCOMES = 4096  # as many are listed one by one where recorded counts are compared

Decider = RulePlan | IdentityPlan | FixedIdentityRule | TolerancePlan | ExpectationPlan | TwoSampleRule
"""What decides a question: a plan, or a rule with one look, which is its own plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One gate on one arm, planned.

    gate: with its alpha shared by its arms, as any of them can block a good build. decider: None where no shot decides.
    outcomes: names in the order of a tolerance's reference. expected: shares by counted outcome, for the table.
    """

    gate: GatePlan
    question: Question
    decider: Decider | None = None
    outcomes: tuple[str, ...] = ()
    expected: Mapping[str, float] = field(default_factory=dict)

    @property
    def refusal(self) -> str:
        """Why no number of shots within the ceiling can decide it; nothing where one can."""
        decider = self.decider
        if isinstance(decider, IdentityPlan) and not decider.can_pass:
            return "; ".join(decider.notes[:2])
        if isinstance(decider, TolerancePlan) and not (decider.can_decide or decider.at_once):
            passing, _, failing, *_ = decider.notes
            limits = f"TVD {decider.max_tvd:g} from {decider.bad_tvd:g}"
            return f"{decider.looks[-1]:,} shots cannot tell {limits}; {passing}; {failing}"
        return ""

    def problems(self) -> tuple[Problem, ...]:
        """What keeps it from deciding, for the user."""
        screened = isinstance(self.decider, IdentityPlan) and self.decider.screen is not None
        return (_undecidable(self.gate, self.refusal, screened=screened),) if self.refusal else ()

    def check(self) -> None:
        """Refuse what cannot decide. Raises LlmgateError."""
        if self.refusal:
            raise LlmgateError(*self.problems())


def _undecidable(gate: GatePlan, why: str, *, screened: bool = False) -> Problem:
    """screened: whether it needs its shots to look for changes that nobody declared."""
    ways = ["allow more shots"] if gate.type == "distribution" else []
    if ways and gate.rule != "fixed":
        ways.append("ask for less with group_by")
    if gate.params.get("max_tvd") is not None:
        ways.append("widen max_tvd and bad_tvd")
    elif screened:
        ways.append("write screen: quick")
    hint = ", or ".join(ways)
    return Problem("circuit-plan", f"gate {gate.name!r}: {why}", gate.where, hint)


def plans_of(plan: TestPlan, brief: Brief, designs: Designs) -> tuple[Planned, ...]:
    """How every question is decided, in their order. Raises LlmgateError for what no rule can be made of."""
    return tuple(_planned(plan, brief, question, designs) for question in brief.questions)


def _planned(plan: TestPlan, brief: Brief, question: Question, designs: Designs) -> Planned:
    arms = sum(other.gate == question.gate for other in brief.questions)
    written = next(gate for gate in plan.gates if gate.name == question.gate)
    gate = replace(written, family=written.family * max(1, arms))
    try:
        return _Maker(plan, brief, gate, question).planned(designs)
    except ValueError as fault:
        raise LlmgateError(_undecidable(gate, str(fault))) from None


@dataclass(frozen=True, slots=True)
class _Maker:
    """Plans one question."""

    plan: TestPlan
    brief: Brief
    gate: GatePlan
    question: Question

    def planned(self, designs: Designs) -> Planned:
        gate, question = self.gate, self.question
        if question.kind == "settled":
            return self._with(None)
        if question.kind == "success":
            return self._with(gate_rule(gate, gate.bad, self._shots, designs))
        if question.kind == "expectation":
            return self._with(self._expectation())
        if question.kind == "two-sample":
            return self._two_sample()
        assert question.reference is not None
        expected = self._fold(question.reference)
        return self._tolerance(expected) if question.kind == "tolerance" else self._identity(expected)

    def _with(self, decider: Decider | None, **more: Any) -> Planned:
        return Planned(gate=self.gate, question=self.question, decider=decider, **more)

    @property
    def _shots(self) -> int:
        assert self.plan.circuit is not None
        return self.plan.circuit.shots

    def _fold(self, p: Mapping[str, float]) -> dict[str, float]:
        """Probabilities of what is counted."""
        question = self.question
        return dict(p) if question.group is None else grouper(question.group, question.widths).fold(p)

    def _expectation(self) -> ExpectationPlan:
        observable = Observable.parse(self.gate.params["observable"], self.question.widths)
        side, limit, bad = expectation_limits(self.gate.params, self.gate.where)
        return plan_expectation(
            observable.levels, observable.values, limit=limit, bad=bad, side=side, alpha=self.gate.alpha_used,
            beta=self.gate.beta, ceiling=self._shots,
        )  # fmt: skip

    def _identity(self, expected: dict[str, float]) -> Planned:
        assert self.plan.circuit is not None
        others = [(name, kind, self._fold(p)) for name, kind, p in self.question.alternatives]
        reference, aligned = align(expected, others)
        alternatives = told_apart(reference, aligned)
        alpha, seed = self.gate.alpha_used, self._seed
        if self.gate.rule == "fixed":
            fixed = FixedIdentityRule(
                reference=reference, shots=self._shots, alpha=alpha, seed=seed, alternatives=alternatives
            )
            if self._excludes_nothing(expected) and fixed.least_p > alpha:
                rarest = f"even the rarest counts have p = {fixed.least_p:.2g}, above its {alpha:.2g}"
                raise ValueError(f"with shots: {self._shots} it can fail no circuit: {rarest}")
            return self._with(fixed, expected=expected)
        planned = plan_identity(
            reference, alternatives, alpha=alpha, beta=self.gate.beta, ceiling=self._shots,
            screen=self.plan.circuit.screen, seed=seed,
        )  # fmt: skip
        return self._with(planned, expected=expected)

    def _excludes_nothing(self, expected: Mapping[str, float]) -> bool:
        """Whether everything that can be counted can happen in a good circuit; what is too wide to be listed cannot."""
        question = self.question
        if 2 ** sum(question.widths) > _FEW_OUTCOMES:
            return False
        counted = self._fold(dict.fromkeys(_every(question.widths), 0.0))
        return all(expected.get(outcome, 0.0) > 0.0 for outcome in counted)

    def _tolerance(self, expected: dict[str, float]) -> Planned:
        limits = tolerance(self.gate.params, self.gate.where)
        assert limits is not None
        reference, _ = align(expected)
        planned = plan_tolerance(
            reference.p, max_tvd=limits[0], bad_tvd=limits[1], alpha=self.gate.alpha_used, beta=self.gate.beta,
            ceiling=self._shots, at_once=self.brief.given > 0,
        )  # fmt: skip
        return self._with(planned, outcomes=reference.outcomes, expected=expected)

    def _two_sample(self) -> Planned:
        question, recorded = self.question, dict(self.question.recorded or {})
        if question.group is not None:
            groups: dict[str, int] = {}
            named = grouper(question.group, question.widths)
            for outcome, number in recorded.items():
                groups[named.group(outcome)] = groups.get(named.group(outcome), 0) + number
            recorded = groups
        few = question.group is None and 2 ** sum(question.widths) <= _FEW_OUTCOMES
        known = cells(recorded, seed=self._seed, every=_every(question.widths) if few else None)
        rule = TwoSampleRule(known=known, shots=self._shots, alpha=self.gate.alpha_used, seed=self._seed)
        total = sum(recorded.values())
        return self._with(rule, expected={outcome: number / total for outcome, number in recorded.items()})

    @property
    def _seed(self) -> int:
        """Of a rule's own draws, never one that shots are drawn with."""
        arm = self.brief.arms[self.question.arm].id
        return derived_seed(self.plan.seed, self.plan.id, self.question.gate, arm, "rule")


def group_of(question: Question) -> Callable[[str], str] | None:
    """From a single outcome to what a rule counts."""
    return None if question.group is None else grouper(question.group, question.widths).group


def _every(widths: Sequence[int]) -> tuple[str, ...]:
    """All outcomes that registers of these widths can show."""
    bits = sum(widths)
    return tuple(spaced(f"{number:0{bits}b}", widths) for number in range(1 << bits))
