"""The text of a plan: trials, calls and cost to expect, and how sure the verdicts will be."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from pytest_llmgate.reports.plan import GateFigures, PlanFigures, TestFigures, lines

GATE = GateFigures(
    name="is-json",
    type="is-json",
    rule="sequential",
    good=0.95,
    bad=0.90,
    bad_assumed=False,
    alpha_used=0.05,
    beta=0.05,
    mean_n=(("good", 0.95, 166.9), ("bad", 0.90, 172.4)),
    n95_good=377,
    ceiling=852,
    p_blocked_good=0.0499,
    p_pass_bad=0.05,
    p_inconclusive_good=0.0,
    p_inconclusive_bad=0.00001,
    fixed_n=298,
    curtailed=(294.7, 206.2),
)
TEST = TestFigures(
    id="s.suite.yaml::refunds",
    cases=40,
    ceiling=852,
    expected_trials=166.9,
    costliest="is-json",
    gates=(GATE,),
    cost_per_call=Decimal("0.0001"),
)


def plan(*tests: TestFigures, width: int = 100, **changes: Any) -> str:
    figures = PlanFigures(suite="support", file="s.suite.yaml", tests=tests, **changes)
    return "\n".join(lines(figures, width))


def test_a_plan_names_trials_calls_cost_and_risks() -> None:
    text = plan(TEST, p_good_blocked=0.0499, budget=Decimal("1.00"))
    for part in (
        "167 trials to expect, 852 trials at most on 40 cases; is-json sets the cost",
        "167 calls, at most $0.0167 to expect",
        "sequential: blocks a good build at 5 % risk; lets a bad one pass at 5 %",
        "trials to expect: 167 if good (95 %), 172 if bad (90 %)",
        "decided by trial 377, the last by 852; one fixed sample would take 298",
        "would take 298, or if it ended once settled 295 at the good rate and 206 at the bad",
        "at the bad rate: pass 5 %, inconclusive < 0.01 %",
        "in all 167 trials, 167 calls to expect, $0.0167; budget $1.00",
        "a suite that is good at every limit is blocked with probability 4.99 %",
    ):
        assert " ".join(part.split()) in " ".join(text.split())


def test_an_unpriced_model_is_never_free() -> None:
    text = plan(replace(TEST, cost_per_call=None))
    assert "cost unknown: the model is not in the price table" in text
    assert "1 test without a price" in text
    assert "$" not in text


def test_a_subject_that_asks_for_itself_and_one_that_asks_nothing() -> None:
    own = replace(TEST, calls_per_trial=None)
    assert "calls and cost are the subject's own" in plan(own)
    assert "in all 167 trials, calls and cost are the subjects' own" in plan(own)
    assert "in all 334 trials, 167 calls to expect, $0.0167, and what 1 test may call" in plan(TEST, own)
    assert "no model is called" in plan(replace(TEST, calls_per_trial=0))


def test_what_the_plan_assumed_or_shares_is_said() -> None:
    gate = replace(GATE, bad_assumed=True, family=6, alpha_used=0.05 / 6, severity="warn", notes=("it cannot pass",))
    text = " ".join(plan(replace(TEST, gates=(gate,), notes=("needs 58 trials",))).split())
    assert "bad at or below 90 % (assumed: state bad_rate to choose it)" in text
    assert "at 0.83 % risk, 1 of 6 that share it" in text
    assert "is-json [warn: does not block]" in text
    assert "note: it cannot pass" in text
    assert "note: needs 58 trials" in text


def test_zero_tolerance_takes_no_share_of_the_risk_to_good_builds() -> None:
    gate = replace(GATE, rule="zero tolerance", never_blocks_good=True, family=6, alpha_used=0.05 / 6)
    text = " ".join(plan(replace(TEST, gates=(gate,))).split())
    assert "zero tolerance: fails at the first violation, so never a good build; lets a bad one pass at 5 %" in text
    assert "share it" not in text


def test_rates_of_unwanted_events_read_the_other_way_round() -> None:
    gate = replace(GATE, unwanted=True, good=0.05, bad=0.10)
    assert "good at or below 5 %, bad at or above 10 %" in plan(replace(TEST, gates=(gate,)))


def test_a_plan_fits_the_terminal_and_no_name_in_it_is_obeyed() -> None:
    test = replace(
        TEST, id="::error::" + "x" * 200 + "\x1b[31m", gates=(replace(GATE, name="##[error]\n::warning::x"),)
    )
    text = plan(test, width=60)
    assert max(map(len, text.splitlines())) <= 60
    assert "\x1b" not in text
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in text.splitlines())
