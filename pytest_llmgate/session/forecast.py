"""What a suite will take, before anything is spent: the figures behind `llmgate plan`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from pytest_llmgate.core.plan import GatePlan, SuitePlan, TestPlan
from pytest_llmgate.core.ports import Designs, Prices
from pytest_llmgate.core.rates import opposite
from pytest_llmgate.core.reply import Request
from pytest_llmgate.providers.prices import PriceTable
from pytest_llmgate.reports.plan import GateFigures, PlanFigures, TestFigures, lines
from pytest_llmgate.session.assembly import FREE_PROVIDERS, rule_plan
from pytest_llmgate.session.gate_session import Planner
from pytest_llmgate.stats.figures import plan_figures, shared_cost, suite_blocked
from pytest_llmgate.stats.planning import RulePlan

_LABELS = ("perfect", "half-way to perfect", "at the limit", "half-way to bad", "bad", "far below")


def forecast(suite: SuitePlan, designs: Designs, prices: Prices, budget: Decimal | None) -> PlanFigures:
    """The figures of a suite's plan, exact but for the cost of a call, which is an upper bound."""
    tests, rules = [], []
    for plan in suite.tests:
        chosen = [rule_plan(gate, plan, designs) for gate in plan.gates]
        rules += [rule for gate, rule in zip(plan.gates, chosen, strict=True) if gate.blocks]
        tests.append(_test(plan, chosen, prices))
    return PlanFigures(
        suite=suite.name,
        file=suite.file,
        tests=tests,
        p_good_blocked=suite_blocked(rules) if rules else None,
        budget=budget,
    )


def plan_lines(planner: Planner, suite: Path, width: int) -> list[str]:
    """The plan of a suite file as text."""
    compiled = planner.suite(suite)
    prices = PriceTable.load(planner.settings.prices)
    figures = forecast(compiled, planner.designs, prices, planner.budget())
    planner.designs.flush()
    return lines(figures, width)


def _test(plan: TestPlan, chosen: Sequence[RulePlan], prices: Prices) -> TestFigures:
    cost = shared_cost([(rule.rule, rule.good) for rule in chosen])
    covered = min(len(plan.cases), plan.trials) if plan.cover == "each" else 0
    gates = [_gate(gate, rule) for gate, rule in zip(plan.gates, chosen, strict=True)]
    return TestFigures(
        id=plan.id,
        cases=len(plan.cases),
        ceiling=plan.trials,
        expected_trials=max(cost.expected, covered),
        costliest="cover: each case once" if covered > cost.expected else plan.gates[cost.costliest].name,
        gates=gates,
        calls_per_trial=1 if plan.kind == "prompt" else None,
        cost_per_call=_cost_per_call(plan, prices),
        notes=_notes(plan),
    )


def _notes(plan: TestPlan) -> tuple[str, ...]:
    if plan.equal_replies:
        return ("replies are declared deterministic: a census, one trial a case",)
    if plan.presumed_equal:
        return ("temperature 0: a census as soon as every case has given the same reply twice",)
    return ()


def _cost_per_call(plan: TestPlan, prices: Prices) -> Decimal | None:
    """An upper bound of one call's price: the largest prompt is not rendered here, so cases stand in for it."""
    if plan.kind != "prompt" or plan.model is None or plan.prompt is None:
        return None
    if plan.model.provider in FREE_PROVIDERS:
        return Decimal(0)
    widest = max((len(str(case.vars)) + len(str(case.context or "")) for case in plan.cases), default=0)
    messages = (*plan.prompt.messages, {"role": "user", "content": " " * widest})
    return prices.ceiling(Request(model=plan.model.model, messages=messages, params=plan.model.params))


def _gate(gate: GatePlan, rule: RulePlan) -> GateFigures:
    exact = plan_figures(rule)
    turned = gate.unwanted
    return GateFigures(
        name=gate.name,
        type=gate.type,
        rule=_rule_name(gate, rule),
        good=_shown(rule.good, turned),
        bad=_shown(rule.bad, turned),
        bad_assumed=gate.bad_assumed,
        alpha_used=gate.alpha_used,
        beta=gate.beta,
        mean_n=[(_label(p, rule), _shown(p, turned), mean) for p, mean in exact.mean_n],
        n95_good=exact.n95_good,
        ceiling=exact.ceiling,
        p_blocked_good=exact.p_fail_good,
        p_pass_bad=exact.p_pass_bad,
        p_inconclusive_good=exact.p_inconclusive_good,
        p_inconclusive_bad=exact.p_inconclusive_bad,
        fixed_n=exact.fixed_n,
        curtailed=(exact.curtailed_good, exact.curtailed_bad),
        never_blocks_good=gate.zero_tolerance,
        family=gate.family,
        unwanted=turned,
        severity=gate.severity if gate.quarantine is None else "quarantined",
        notes=rule.notes,
    )


def _rule_name(gate: GatePlan, rule: RulePlan) -> str:
    if gate.zero_tolerance:
        return "zero tolerance"
    if gate.rule == "fixed":
        return "fixed"
    return "sequential" if rule.design is None or rule.design.calibrated else "sequential, cut at the ceiling"


def _label(p: float, rule: RulePlan) -> str:
    good, bad = rule.good, rule.bad
    rates = (1.0, (1.0 + good) / 2, good, (good + bad) / 2, bad)
    return next((name for name, rate in zip(_LABELS, rates, strict=False) if rate == p), _LABELS[-1])


def _shown(rate: float, turned: bool) -> float:
    return opposite(rate) if turned else round(rate, 12)
