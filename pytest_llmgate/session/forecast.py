"""What a suite will take, before anything is spent: the figures behind `llmgate plan`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_llmgate.core.errors import LlmgateError, Problem
from pytest_llmgate.core.plan import SuitePlan, TestPlan
from pytest_llmgate.core.ports import Designs, Prices
from pytest_llmgate.providers.prices import PriceTable
from pytest_llmgate.reports.numbers import counted
from pytest_llmgate.reports.plan import PlanFigures, TestFigures, lines
from pytest_llmgate.reports.plan_circuits import CircuitTestFigures
from pytest_llmgate.reports.plan_gates import ComparedFigures
from pytest_llmgate.session.assembly import rule_plan
from pytest_llmgate.session.circuits.tests import SCRATCH
from pytest_llmgate.session.compared_figures import compared_figures, has_rate, noted
from pytest_llmgate.session.judge_costs import call_ceiling, judge_calls, judge_ceilings
from pytest_llmgate.session.planner import Planner
from pytest_llmgate.session.rate_figures import InTrials, rate_figures
from pytest_llmgate.stats.figures import shared_cost, suite_blocked
from pytest_llmgate.stats.path import Charted
from pytest_llmgate.stats.planning import RulePlan

if TYPE_CHECKING:
    from pytest_llmgate.session.circuits.forecast import CircuitForecast

Circuits = Callable[[TestPlan], "CircuitForecast"]
"""Forecasts a circuit test."""


class Forecast(NamedTuple):
    """The figures of a suite, and the gates in it that cannot decide."""

    figures: PlanFigures
    refused: tuple[Problem, ...] = ()


def forecast(
    suite: SuitePlan, designs: Designs, prices: Prices, budget: Decimal | None, circuits: Circuits | None = None
) -> Forecast:
    """The figures of a suite's plan, exact but for the cost of a call, which is an upper bound, and for circuits.

    circuits: forecasts those of the suite, where it has any.
    """
    tests: list[TestFigures | CircuitTestFigures] = []
    rules: list[RulePlan] = []
    refused: list[Problem] = []
    clear = None
    for plan in suite.tests:
        if plan.kind == "circuit" and circuits is not None:
            circuit = circuits(plan)
            tests.append(circuit.figures)
            refused += circuit.refused
            clear = (1.0 if clear is None else clear) * circuit.clear
            continue
        chosen = {gate.name: rule_plan(gate, plan, designs) for gate in plan.gates if has_rate(gate)}
        rules += [chosen[gate.name] for gate in plan.gates if gate.blocks and gate.name in chosen]
        tests.append(_test(plan, chosen, prices))
    figures = PlanFigures(
        suite=suite.name, file=suite.file, tests=tests, p_good_blocked=_blocked(rules, clear), budget=budget
    )
    return Forecast(figures, tuple(refused))


def _blocked(rules: Sequence[RulePlan], clear: float | None) -> float | None:
    """P(a good suite is blocked). clear: P(no gate on a circuit blocks it), at least; None without circuits."""
    if clear is None:
        return suite_blocked(rules) if rules else None
    return 1.0 - clear * (1.0 - suite_blocked(rules)) if rules else 1.0 - clear


def plan_lines(planner: Planner, suite: Path, width: int) -> tuple[list[str], LlmgateError | None]:
    """The plan of a suite file as text, and what refuses it where a gate in it cannot decide."""
    compiled = planner.suite(suite)
    prices = PriceTable.load(planner.settings.prices)
    found = forecast(compiled, planner.designs, prices, planner.budget(), _circuits(planner, compiled))
    planner.designs.flush()
    return lines(found.figures, width), LlmgateError(*found.refused) if found.refused else None


def _circuits(planner: Planner, suite: SuitePlan) -> Circuits | None:
    """Forecasts the circuits of a suite; qiskit is imported for them alone, and nothing is sampled."""
    plans = [plan for plan in suite.tests if plan.kind == "circuit"]
    if not plans:
        return None
    from pytest_llmgate.session.circuits.desk import CircuitDesk, DeskRooms
    from pytest_llmgate.session.circuits.forecast import circuit_forecast

    settings = planner.settings
    rooms = DeskRooms(
        root=settings.root, scratch=settings.root / SCRATCH, run="plan", registry=planner.registry,
        designs=planner.designs, redact_text=str,
    )  # fmt: skip
    desk = CircuitDesk(rooms)
    desk.warm(plans)
    return lambda plan: circuit_forecast(plan, desk.brief(plan), planner.designs)


def _test(plan: TestPlan, chosen: Mapping[str, RulePlan], prices: Prices) -> TestFigures:
    size = len(plan.cases)
    once = size * max((gate.repeats for gate in plan.gates), default=1)
    covered = min(once, plan.trials) if plan.cover == "each" else 0
    gates = [
        noted(gate, rate_figures(gate, chosen[gate.name])) if gate.name in chosen else compared_figures(gate, plan)
        for gate in plan.gates
    ]
    asked = [(figures.expected, figures.name) for figures in gates if isinstance(figures, ComparedFigures)]
    expected, costliest = max([*_shared(plan, chosen), *asked, (float(covered), "cover: each case once")])
    return TestFigures(
        id=plan.id,
        cases=size,
        ceiling=plan.trials,
        expected_trials=expected,
        costliest=costliest,
        gates=gates,
        calls_per_trial=1 + judge_calls(plan) if plan.kind == "prompt" else None,
        cost_per_call=_cost_per_call(plan, prices),
        notes=_notes(plan),
    )


def _shared(plan: TestPlan, chosen: Mapping[str, RulePlan]) -> list[tuple[float, str]]:
    """The trials that the gates on rates take together, and the one that takes most."""
    both = [(gate, chosen[gate.name]) for gate in plan.gates if gate.name in chosen]
    if not both:
        return []
    cost = shared_cost([(_in_trials(rule, gate.repeats, len(plan.cases)), rule.good) for gate, rule in both])
    return [(cost.expected, both[cost.costliest][0].name)]


def _in_trials(rule: RulePlan, repeats: int, cases: int) -> Charted:
    return rule.rule if repeats == 1 else InTrials(rule.rule, cases, repeats)


def _notes(plan: TestPlan) -> tuple[str, ...]:
    private = sum(case.private for case in plan.cases)
    if not private:
        return _about_replies(plan)
    return (*_about_replies(plan), f"{private} of the cases opted out: their replies are judged and not kept")


def _about_replies(plan: TestPlan) -> tuple[str, ...]:
    asked = judge_calls(plan)
    judges = (f"judges ask up to {counted(asked, 'call')} a trial: {', '.join(plan.judges)}",) if asked else ()
    if plan.equal_replies:
        return ("replies are declared deterministic: a census, one trial a case", *judges)
    if plan.presumed_equal and any(gate.repeats > 1 for gate in plan.gates):
        return ("temperature 0: where every case gives the same reply twice, there are no several replies to compare",)
    if plan.presumed_equal:
        return ("temperature 0: a census as soon as every case has given the same reply twice", *judges)
    return judges


def _cost_per_call(plan: TestPlan, prices: Prices) -> Decimal | None:
    """An upper bound of one call's price: the largest prompt is not rendered here, so cases stand in for it.

    Where judges are asked as well, the mean over the calls of a trial.
    """
    if plan.kind != "prompt" or plan.model is None or plan.prompt is None:
        return None
    widest = max((len(str(case.vars)) + len(str(case.context or "")) for case in plan.cases), default=0)
    own = call_ceiling(plan.model, (*plan.prompt.messages, {"role": "user", "content": " " * widest}), prices)
    asked = judge_ceilings(plan, prices, widest)
    if own is None or any(price is None for price, _ in asked):
        return None
    total = own + sum(((price or Decimal(0)) * often for price, often in asked), Decimal(0))
    return total / (1 + judge_calls(plan))
