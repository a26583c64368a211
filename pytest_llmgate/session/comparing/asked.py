"""What is compared: the tests of a suite under one model and under the other, on its cases or on recorded traffic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.compared import Compared
from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.plan import GatePlan, SuitePlan, TestPlan
from pytest_llmgate.session.planner import Planner

MOST = 1000
"""Trials of each model on a test, where nobody says how many at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One side of a comparison. planner: with the alias in place of every test's own model."""

    alias: str
    planner: Planner
    plans: tuple[TestPlan, ...]


def aliases_of(suite: SuitePlan) -> list[str]:
    """Aliases of the models that the prompts of a suite are sent to."""
    return sorted({test.model.alias for test in suite.tests if test.model is not None and test.kind == "prompt"})


def compared_plans(
    suite: SuitePlan, cases: tuple[Case, ...] | None, trials: int | None, *, recorded: bool = False
) -> tuple[TestPlan, ...]:
    """The prompt tests of a suite, to be drawn for a given number of trials whatever their gates say.

    cases: in place of those of every test. recorded: each has one reply to compare with, so it is asked once at most.
    Their gates on rates are kept as measures; those that compare with a baseline of their own are left out, as what is
    compared here stands beside them.
    """
    found = []
    for test in suite.tests:
        gates = _measures(test.gates)
        if test.kind != "prompt" or not gates:
            continue
        own = test.cases if cases is None else cases
        most = min(trials or len(own), len(own)) if recorded else trials or max(MOST, len(own))
        found.append(replace(test, gates=gates, cases=own, cover="sample", trials=most))
    if not found:
        hint = "give it a test with prompt:, and an assertion with a rate"
        raise problem("nothing-to-compare", f"{suite.file} asks no model anything that could be compared", None, hint)
    return tuple(found)


def _measures(gates: Sequence[GatePlan]) -> tuple[GatePlan, ...]:
    """The gates as measures without a rule; those of cohorts are one again."""
    found: dict[str, GatePlan] = {}
    for gate in gates:
        if gate.rated and gate.compared is None:
            name = gate.name.removesuffix(f"[{gate.cohort}]")
            against = Compared(kind="quality", standing="new")
            found.setdefault(name, replace(gate, name=name, compared=against, cohort=None))
    return tuple(found.values())


def left_out(suite: SuitePlan, plans: Sequence[TestPlan]) -> list[str]:
    """Ids of the tests that are not compared."""
    kept = {plan.id for plan in plans}
    return [test.id for test in suite.tests if test.id not in kept]
