"""A pass on shots says what it rules out, and claims nothing where it only found nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.core.plan import GatePlan
from pytest_llmgate.engine.circuit_words import sentence


def said(**figures: Any) -> str:
    gate = GatePlan(name="g", type="distribution", params={})
    fold = SimpleNamespace(decision=Decision(Outcome.PASS, "boundary"), shots=512, plan=gate)
    return sentence(cast(Any, fold), figures, cast(Any, None))


def test_a_pass_of_one_look_does_not_claim_to_rule_anything_out() -> None:
    assert said(against="expected", p_value=0.5801) == (
        "512 shots: no difference from expected was found (p = 0.58); none is ruled out"
    )


def test_a_sequential_pass_names_the_risk_at_which_declared_changes_are_ruled_out() -> None:
    assert said(against="expected", ruled_out="each of 3 declared changes is ruled out") == (
        "512 shots: as expected: each of 3 declared changes is ruled out (5 % risk)"
    )


def test_a_pass_says_whether_undeclared_changes_would_have_been_seen() -> None:
    ruled_out = "each of 3 declared changes is ruled out"
    full = said(ruled_out=ruled_out, screen={"shots": 512, "tvd": 0.1, "power": 0.834})
    assert full.endswith("; an undeclared change of TVD 0.1 would have been seen in 83 %")
    assert said(ruled_out=ruled_out, screen=None).endswith("; undeclared changes not tested")
