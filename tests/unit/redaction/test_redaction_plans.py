"""What a run writes of its plan holds nothing private, and names the same cases and gates everywhere."""

from __future__ import annotations

from dataclasses import replace

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.plan import GatePlan, PromptPlan, Quarantine, SuitePlan, TestPlan, plan_from_row
from pytest_llmgate.engine.slices import members_of
from pytest_llmgate.redaction.plans import redact_suite, stored_plan
from pytest_llmgate.redaction.redactor import Redactor

MAIL, CARD = "bob@corp.com", 4111111111111111
GATE = GatePlan(
    name=f"asks {MAIL}", type="contains", params={"value": MAIL}, quarantine=Quarantine(until="2999-01-01", reason=MAIL)
)
CASE = Case(
    id=MAIL, vars={"to": MAIL, "card": CARD}, context=(MAIL,), expected={"mail": MAIL}, slice={"who": MAIL}
)  # fmt: skip
TEST = TestPlan(
    id="suites/a.suite.yaml::t", suite="a", file="suites/a.suite.yaml", kind="prompt", base="suites", seed=CARD,
    prompt=PromptPlan(name="ask", messages=({"role": "user", "content": f"write to {MAIL}"},)),
    cases=(CASE, Case(id="two")), gates=(GATE,), trials=300,
)  # fmt: skip


def test_the_stored_plan_is_clean_and_can_be_read_again() -> None:
    (test,) = redact_suite(Redactor(), SuitePlan(name="a", file="suites/a.suite.yaml", tests=(TEST,))).tests
    row = stored_plan(Redactor(), test)
    assert "corp.com" not in repr(row)
    assert str(CARD) not in repr(row["cases"])
    again = plan_from_row(row)
    assert [case.id for case in again.cases] == [case.id for case in test.cases]
    assert [gate.name for gate in again.gates] == [gate.name for gate in test.gates]
    assert (again.seed, again.trials, again.id) == (TEST.seed, 300, TEST.id)


def test_what_is_asked_stays_as_it_was_written() -> None:
    (test,) = redact_suite(Redactor(), SuitePlan(name="a", file="f", tests=(TEST,))).tests
    assert test.prompt == TEST.prompt
    assert test.cases[0].vars == TEST.cases[0].vars and test.cases[0].expected == TEST.cases[0].expected
    assert test.gates[0].params == GATE.params


def test_a_private_slice_keeps_its_cases() -> None:
    gate = GatePlan(name=f"asks[who={MAIL}]", type="contains", cohort=f"who={MAIL}")
    (test,) = redact_suite(
        Redactor(), SuitePlan(name="a", file="f", tests=(replace(TEST, gates=(gate,)),))
    ).tests  # fmt: skip
    (asked,) = test.gates
    assert "corp.com" not in repr((asked.cohort, asked.name, [case.slice for case in test.cases]))
    assert members_of(asked, test) == {0}, "the gate of a cohort counts no case"


def test_nothing_private_changes_nothing() -> None:
    suite = SuitePlan(name="a", file="f", tests=(TestPlan(id="i", suite="a", file="f", kind="body", base="."),))
    assert redact_suite(Redactor(), suite) == suite
