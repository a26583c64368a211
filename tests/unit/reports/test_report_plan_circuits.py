"""The plan of a circuit in words: what each gate will catch, at what cost, and what it can never show."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_report_plan import GATE, TEST

from pytest_llmgate.reports.plan import PlanFigures, lines
from pytest_llmgate.reports.plan_circuits import (
    SHOWN_CHANGES,
    SHOWN_STREAMS,
    WHOLE_STREAMS,
    CircuitGateFigures,
    CircuitTestFigures,
    StreamFigures,
)
from pytest_llmgate.stats.shots.expectation_plan import plan_expectation
from pytest_llmgate.stats.shots.hypotheses import align
from pytest_llmgate.stats.shots.identity_plan import IdentityPlan, plan_identity
from pytest_llmgate.stats.shots.tolerance_plan import plan_tolerance

BELL = {"00": 0.5, "11": 0.5}
FAULTS = [
    ("cx q0,q1 missing", "gate-missing", {"00": 0.5, "01": 0.5}),
    ("h q0: angle + 0.1", "angle", {"00": 0.45, "11": 0.55}),
    ("h q0: angle + 0.01", "angle", {"00": 0.495, "11": 0.505}),
    ("bit order reversed", "reversed", BELL),
]


def identity(screen: Any = "full", ceiling: int = 20_000, faults: Any = FAULTS) -> IdentityPlan:
    reference, alternatives = align(BELL, faults)
    return plan_identity(reference, alternatives, alpha=0.01, beta=0.05, ceiling=ceiling, screen=screen, seed=1)


def stream(plan: Any = None, kind: Any = "identity", **changes: Any) -> StreamFigures:
    values = {"outcomes": 2, "expected_shots": 560.0, "ceiling": 20_000, "against": "the reference bell.qasm"}
    return StreamFigures(**{"kind": kind, "plan": plan, **values, **changes})


def gate(*streams: StreamFigures, **changes: Any) -> CircuitGateFigures:
    values = {"name": "distribution", "alpha_used": 0.005, "family": 2, "beta": 0.05, "streams": streams}
    return CircuitGateFigures(**{**values, **changes})


def circuit(*gates: CircuitGateFigures, **changes: Any) -> CircuitTestFigures:
    values = {
        "id": "s.suite.yaml::bell", "source": "simulated here without noise", "streams": 1, "ceiling": 20_000,
        "expected_shots": 560.0, "costliest": "distribution", "gates": gates,
    }  # fmt: skip
    return CircuitTestFigures(**{**values, **changes})


def plan(*tests: Any, width: int = 80, **changes: Any) -> str:
    figures = PlanFigures(suite="quantum", file="s.suite.yaml", tests=tests, **changes)
    return "\n".join(lines(figures, width))


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_plan_names_what_is_compared_and_the_shots_and_risks() -> None:
    planned = identity()
    text = flat(plan(circuit(gate(stream(planned))), p_good_blocked=0.01))
    assert planned.pass_expectation is not None
    assert planned.screen is not None
    for part in (
        "560 shots to expect of a good circuit, 20,000 at most; distribution sets the cost",
        "distribution: as the reference bell.qasm, 2 outcomes",
        "sequential: blocks a good circuit at 0.5 % risk, 1 of 2 that share it; lets each declared change pass at 5 %",
        f"rehearsed, a good circuit passes with {planned.pass_expectation:,.0f} shots on average",
        f"an undeclared TVD of 0.1 is caught in {100 * planned.screen.power:.0f} % at N = {planned.screen.shots:,}",
        "2 declared changes, the hardest first",
        "unresolved, too near to be told apart (TVD below 0.02): h q0: angle + 0.01 (TVD 0.005)",
        "never revealed: bit order reversed (every outcome is as likely with it; other bases or inputs may show it)",
        "in all 560 shots to expect of 1 circuit",
        "a suite that is good at every limit is blocked with probability at most 1 %",
    ):
        assert part in text


def test_every_declared_change_has_its_figures_the_hardest_first() -> None:
    planned = identity()
    text = plan(circuit(gate(stream(planned))))
    rows = re.findall(r"^ {6}(.+?)  +([\d.]+)  +([\d,]+)  +([\d,]+)  +([\d.]+) %$", text, re.M)
    assert [row[0] for row in rows] == ["h q0: angle + 0.1", "cx q0,q1 missing"]
    by_name = {item.name: item for item in planned.declared}
    for name, tvd, out, catch, power in rows:
        item = by_name[name]
        assert float(tvd) == pytest.approx(item.tvd, rel=1e-2)
        assert float(out.replace(",", "")) == pytest.approx(item.shots_to_rule_out, abs=0.6)
        assert float(catch.replace(",", "")) == pytest.approx(item.shots_to_catch, abs=0.6)
        assert float(power) == pytest.approx(100 * item.power, abs=0.01)


def test_easy_changes_are_counted_not_listed() -> None:
    faults = [
        (f"fault {number:02}", "angle", {"00": 0.1 + number / 200, "11": 0.9 - number / 200}) for number in range(30)
    ]
    text = plan(circuit(gate(stream(identity(faults=faults)))))
    assert len(re.findall(r"^ {6}fault \d+", text, re.M)) == SHOWN_CHANGES
    assert f"and {30 - SHOWN_CHANGES} more, each caught in" in text


def test_a_quick_screen_is_never_silent() -> None:
    assert "undeclared changes not tested (screen: quick)" in plan(circuit(gate(stream(identity("quick")))))


def test_what_was_not_even_simulated_is_counted() -> None:
    text = flat(plan(circuit(gate(stream(identity(), left_out=83)))))
    assert "83 further changes not tried: they were too many to simulate" in text


def test_a_ceiling_below_the_screen_is_a_refusal() -> None:
    planned = identity(ceiling=128)
    text = flat(plan(circuit(gate(stream(planned, ceiling=128, refusal="it cannot pass")))))
    assert planned.screen is not None
    assert f"N = {planned.screen.shots:,}: above the ceiling" in text
    assert "refused: this gate cannot decide, see below" in text


def test_a_tolerance_says_the_shots_that_it_needs() -> None:
    planned = plan_tolerance(
        np.array([0.5, 0.5, 0.0]), max_tvd=0.05, bad_tvd=0.1, alpha=0.005, beta=0.05, ceiling=20_000
    )
    text = flat(plan(circuit(gate(stream(planned, "tolerance")))))
    assert "near the reference bell.qasm, 2 outcomes; good at or below TVD 0.05, bad at or above 0.1" in text
    assert f"about {planned.to_pass:,} to pass a perfect circuit" in text
    assert f"about {planned.to_fail:,} to fail one at TVD 0.1; the ceiling is 20,000" in text
    hopeless = replace(planned, to_fail=None)
    assert "no number is enough to fail one" in flat(plan(circuit(gate(stream(hopeless, "tolerance")))))


def test_an_expectation_has_plain_numbers() -> None:
    planned = plan_expectation(
        ("+1", "-1"), (1.0, -1.0), limit=0.9, bad=0.8, side="min", alpha=0.005, beta=0.05, ceiling=20_000
    )
    text = flat(plan(circuit(gate(stream(planned, "expectation"), name="zz"))))
    assert "zz: an expectation; good at or above 0.9, bad at or below 0.8" in text
    assert f"about {planned.to_pass:,} to pass a circuit exactly at the limit" in text


def test_a_rate_over_bitstrings_speaks_of_shots_once_for_all_streams() -> None:
    rate = gate(*[stream(GATE, "rate", label=f"noise × {level}") for level in (1, 2)], name="is-json")
    text = flat(plan(circuit(rate, streams=2)))
    assert text.count("good at or above 95 %, bad at or below 90 %") == 1
    assert "shots to expect: 167 if good (95 %)" in text
    assert "are decided by shot 377" in text
    assert "the same in each of 2 streams" in text


def test_one_look_rules_say_so_and_name_the_power() -> None:
    changes = (("bit order reversed", 0.0, 0.004), ("cx q0,q1 missing", 0.5, 1.0))
    text = flat(plan(circuit(gate(stream(None, "fixed", changes=changes)))))
    assert "fixed: blocks a good circuit at 0.5 % risk" in text
    assert "bit order reversed 0 0.4 % cx q0,q1 missing 0.5 100 %" in text
    two = flat(plan(circuit(gate(stream(None, "two-sample", against="the baseline's 4,096 shots")))))
    assert "as the baseline's 4,096 shots" in two
    assert "one look, at 20,000 shots" in two


def test_what_no_shot_decides_is_told_with_its_answer() -> None:
    text = flat(plan(circuit(gate(stream(None, "settled", said="the states are equal"), name="equivalent"))))
    assert "equivalent: no shot decides it: the states are equal" in text
    assert "risk" not in text


def test_streams_beyond_the_first_are_told_in_short_and_many_are_counted() -> None:
    planned = identity("quick")
    streams = [stream(planned, label=f"basis {number}") for number in range(SHOWN_STREAMS + 5)]
    text = plan(circuit(gate(*streams), streams=len(streams)))
    assert text.count("undeclared changes not tested") == WHOLE_STREAMS
    assert text.count("560 shots to expect\n") == SHOWN_STREAMS - WHOLE_STREAMS
    assert "distribution: 5 more streams" in text
    assert "never revealed in any of the 17 streams: bit order reversed" in flat(text)


def test_a_change_that_another_basis_reveals_is_revealed() -> None:
    sees = identity(faults=[*FAULTS[:3], ("bit order reversed", "reversed", {"00": 0.1, "11": 0.9})])
    text = plan(circuit(gate(stream(identity(), label="basis Z"), stream(sees, label="basis X"))))
    assert "never revealed: bit order reversed" in text
    assert "in any of" not in text


def test_prompts_and_circuits_are_added_up_apart() -> None:
    text = flat(plan(TEST, circuit(gate(stream(identity())))))
    assert "in all 167 trials, 167 calls to expect, $0.0167; 560 shots to expect of 1 circuit" in text


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_plan_of_circuits_fits_the_terminal_and_no_name_in_it_is_obeyed(width: int) -> None:
    hostile = "::error::" + "x" * 90 + "\x1b[31m ##[error]"
    faults = [(hostile, "angle", {"00": 0.3, "11": 0.7})]
    made = gate(stream(identity(faults=faults), label=hostile, against=hostile), name=hostile)
    text = plan(circuit(made, id=hostile, source=hostile, notes=(hostile,)), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in text.splitlines())
