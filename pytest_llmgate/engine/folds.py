"""The folds of a test's gates, one a gate."""

from __future__ import annotations

from collections.abc import Callable

from pytest_llmgate.core.decision import Rule
from pytest_llmgate.core.plan import GatePlan, TestPlan
from pytest_llmgate.engine.compared import ComparedFold, CostFold, PairFold
from pytest_llmgate.engine.compared_runaways import RunawayFold
from pytest_llmgate.engine.gate import Fold, GateFold
from pytest_llmgate.engine.slices import members_of
from pytest_llmgate.stats.against import compared_rule
from pytest_llmgate.stats.cost_rule import CostRule
from pytest_llmgate.stats.paired import PairedRate
from pytest_llmgate.stats.runaways import RunawayRule


def folds_of(plan: TestPlan, rate_rule: Callable[[GatePlan], Rule]) -> tuple[Fold, ...]:
    """A fold for each gate, in order. rate_rule: gives the rule of a gate on a rate."""
    return tuple(_fold(gate, plan, rate_rule) for gate in plan.gates)


def _fold(gate: GatePlan, plan: TestPlan, rate_rule: Callable[[GatePlan], Rule]) -> Fold:
    members = members_of(gate, plan)
    if gate.compared is None or (gate.rated and gate.compared.standing in ("same", "changed")):
        return GateFold(gate, rate_rule(gate), members)
    rule = compared_rule(gate, gate.trials, len(plan.cases))
    if isinstance(rule, PairedRate):
        return PairFold(gate, rule, plan.seed, members)
    if isinstance(rule, CostRule):
        return CostFold(gate, rule, members)
    if isinstance(rule, RunawayRule):
        return RunawayFold(gate, rule, plan.seed, members)
    return ComparedFold(gate, members)
