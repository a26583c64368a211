"""Redacts what a run writes of its plan; what a subject is asked stays as it is, or it would be another test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.codec import plain
from pytest_llmgate.core.plan import GatePlan, SuitePlan, TestPlan
from pytest_llmgate.core.ports import Redactor
from pytest_llmgate.redaction.replies import redact_value


def redact_suite(redactor: Redactor, suite: SuitePlan) -> SuitePlan:
    """The plan with stand-ins in the names that rows, reports and messages show: of cases, slices and gates.

    It is applied before anything is sampled, so that all of a run and its records speak of the same names.
    """
    return replace(suite, tests=tuple(_test(redactor, test) for test in suite.tests))


def stored_plan(redactor: Redactor, plan: TestPlan) -> dict[str, Any]:
    """The JSON form of a plan as it may be written down: no private text in its prompts, cases and parameters.

    A circuit has no prompts; its bitstrings are what a run is decided again by, and could be taken for phone numbers.
    """
    row: dict[str, Any] = plain(plan)
    if plan.circuit is not None:
        return row
    return {
        name: redact_value(redactor, value, []) if isinstance(value, (dict, list)) else value
        for name, value in row.items()
    }


def _test(redactor: Redactor, test: TestPlan) -> TestPlan:
    cases = tuple(_case(redactor, case) for case in test.cases)
    return replace(test, cases=cases, gates=tuple(_gate(redactor, gate) for gate in test.gates))


def _case(redactor: Redactor, case: Case) -> Case:
    name = redactor.redact(case.id)[0]
    cohorts = {redactor.redact(str(key))[0]: redactor.redact(str(value))[0] for key, value in case.slice.items()}
    return case if name == case.id and cohorts == case.slice else replace(case, id=name, slice=cohorts)


def _gate(redactor: Redactor, gate: GatePlan) -> GatePlan:
    quarantine = gate.quarantine
    if quarantine is not None:
        quarantine = replace(quarantine, reason=redactor.redact(quarantine.reason)[0])
    cohort = gate.cohort
    if cohort is not None:  # part by part, as in the cases, or none of them would belong to it
        cohort = "=".join(redactor.redact(part)[0] for part in cohort.split("=", 1))
    return replace(gate, name=redactor.redact(gate.name)[0], quarantine=quarantine, cohort=cohort)
