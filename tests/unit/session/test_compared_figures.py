"""What `llmgate plan` says of a cost regression whose baseline is small."""

from __future__ import annotations

from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.compared import Compared, ReplyBaseline
from pytest_llmgate.core.plan import COST_REGRESSION, RUNAWAYS, GatePlan, TestPlan
from pytest_llmgate.reports.plan_gates import ComparedFigures
from pytest_llmgate.session.compared_figures import compared_figures


def said(n: int, cases: int, **params: Any) -> ComparedFigures:
    """Of a baseline with n replies of 100 tokens to each case."""
    one = {"n": n, "total": 100 * n, "squares": 10_000 * n}
    baseline = ReplyBaseline(
        test="t", gate=COST_REGRESSION, kind="usage", cases={f"c{k}": one for k in range(cases)}, digests={},
        figures={"n": n * cases, "total": 100 * n * cases, "runaways": 0, "runaways_of": n * cases},
        parameters={"of": "total_tokens", "runaway_factor": 3},
    )  # fmt: skip
    compared = Compared(kind="usage", standing="same", baseline=baseline)
    gate = GatePlan(name=COST_REGRESSION, type=COST_REGRESSION, margin=0.1, compared=compared, params=params)
    plan = TestPlan(
        id="t", suite="s", file="s.suite.yaml", kind="function", base=".", gates=(gate,), trials=400,
        cases=tuple(Case(id=f"c{k}", vars={}) for k in range(cases)),
    )  # fmt: skip
    return compared_figures(gate, plan)


def test_a_baseline_that_never_varied_expects_the_first_look() -> None:
    found = said(10, cases=40)
    assert found.expected == 80
    assert "looks at 80 and 160 and 240 and 320 and 400 trials" in found.said[0]
    assert "if today's do not either, the first look decides" in found.said[1]


def test_one_reply_a_case_is_planned_in_pairs() -> None:
    found = said(1, cases=400, part=RUNAWAYS)
    assert found.expected == 320
    assert "one look at 320 pairs, as cases have one reply in the baseline" in found.said[0]
    assert not any(line.startswith("note:") for line in found.said)


def test_too_few_pairs_are_told_before_anything_is_spent() -> None:
    found = said(1, cases=20, part=RUNAWAYS)
    assert found.expected == 20
    assert found.said[-1].startswith("note: 20 pairs cannot rule that out: propose a baseline with more replies")
