"""Circuits in words and in a terminal: shots and distances, and why a circuit fails."""

from __future__ import annotations

from typing import Any

import pytest
from circuit_samples import (
    CAUSES,
    arm,
    circuit_row,
    equivalent_gate,
    expectation_gate,
    failing_gate,
    outcome,
    rate_gate,
    shots_gate,
    tolerance_gate,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import HOSTILE, run_result
from report_samples import test_row as prompt_row
from test_report_terminal import assert_harmless

from pytest_llmgate.core.verdict import GateVerdict
from pytest_llmgate.reports.circuits import outcome_lines
from pytest_llmgate.reports.columns import table
from pytest_llmgate.reports.escape import columns
from pytest_llmgate.reports.numbers import figure
from pytest_llmgate.reports.terminal import lines
from pytest_llmgate.reports.words import figures, measured, rates, spent_by, spent_in_all


def page(*tests: dict[str, Any], width: int = 80) -> str:
    return "\n".join(lines(run_result(*tests), width))


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (shots_gate(), "TVD 0.0207, interval 0 to 0.0574; good: as the reference bell.qasm"),
        (tolerance_gate(), "TVD 0.031, interval 0.012 to 0.051; good at or below TVD 0.05, bad at or above 0.1"),
        (expectation_gate(), "-1.25, interval -1.5 to -0.75; good at or below -1, bad at or above -0.5"),
        (
            expectation_gate(threshold=-2.0, bad=-2.5),
            "-1.25, interval -1.5 to -0.75; good at or above -2, bad at or below -2.5",
        ),
        (equivalent_gate(), "fidelity 0.25"),
        (rate_gate(), "100 %, interval 94.97 % to 100 %; good at or above 95 %, bad at or below 90 %"),
        (shots_gate(estimate=None, interval=None), "nothing measured; good: as the reference bell.qasm"),
    ],
)  # fmt: skip
def test_every_kind_of_gate_has_its_own_words(gate: GateVerdict, said: str) -> None:
    row = gate.to_row()
    assert figures(row) == said
    assert said.startswith(measured(row))
    assert said.endswith(rates(row))


def test_a_distance_is_never_a_percentage() -> None:
    assert "%" not in figures(tolerance_gate().to_row())


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"), (0.031234, "0.0312"), (1e-4, "0.0001"), (4e-8, "below 0.000001"), (-1.256, "-1.26"),
        (2500.4, "2,500"),
    ],
)  # fmt: skip
def test_a_figure_that_is_not_zero_is_not_shown_as_zero(value: float, shown: str) -> None:
    assert figure(value) == shown


def test_a_circuit_took_shots_in_chunks_not_trials_and_calls() -> None:
    assert spent_by(circuit_row()) == (
        "1,216 shots in 14 chunks, exact probabilities under brisbane (2025-02-26), 2 qubits, depth 3"
    )


@pytest.mark.parametrize(
    ("circuit", "jobs", "said"),
    [
        ({"described": {"noise": "none"}, "methods": ["stabilizer"]}, 0, "14 chunks, method stabilizer without noise"),
        ({"backend": "ibm", "device": "brisbane", "methods": ["hardware"]}, 4, "4 jobs, measured on ibm:brisbane"),
        ({"backend": "given", "shape": {}, "described": {}, "methods": ["given"]}, 0, "counts that the test returned"),
        ({"shots": 0, "methods": []}, 0, "no shots, 2 qubits, depth 3"),
        ({"backend": "ibm", "fallback": True}, 0, "exact probabilities by the stand-in"),
    ],
)  # fmt: skip
def test_where_shots_came_from_is_said(circuit: dict[str, Any], jobs: int, said: str) -> None:
    assert said in spent_by(circuit_row(circuit=circuit, jobs=jobs))


def test_a_device_costs_money() -> None:
    assert spent_by(circuit_row(circuit={"backend": "ibm"}, jobs=4)).endswith("$0.50")


def test_a_run_counts_shots_apart_from_trials_and_jobs_apart_from_calls() -> None:
    assert spent_in_all(run_result(circuit_row(), circuit_row())) == "2,432 shots of 2 circuits"
    both = spent_in_all(run_result(prompt_row(), circuit_row()))
    assert both == "120 trials, 120 calls, 5,120 tokens in, 2,210 out, $0.0012, 1,216 shots of 1 circuit"
    jobs = run_result(circuit_row(circuit={"backend": "ibm"}, jobs=4))
    assert spent_in_all(jobs) == "1,216 shots of 1 circuit, 4 jobs, $0.50"
    assert "live replies" not in page(*jobs["tests"])


def test_a_stand_in_cannot_be_overlooked() -> None:
    row = circuit_row(circuit={"backend": "ibm", "device": "ibm_brisbane", "fallback": True})
    assert "fallback: not drawn on ibm:ibm_brisbane, but by its stand-in" in flat(page(row))


def test_a_failure_is_a_table_of_outcomes_with_its_causes() -> None:
    text = page(circuit_row(failing_gate(), verdict="fail"))
    start = text.index("outcome ")
    assert text[start:].split("\n")[:5] == [
        "outcome   expected      observed    residual",
        "                  00            50 %  48.44 % (31)        −0.3",
        "                  11            49 %       0 % (0)        −7.9",
        "                  01             0 %  51.56 % (33)  impossible",
        "                  3 others       1 %       0 % (0)",
    ]
    assert (
        "most like: cx q0,q1 missing, 10^27 times as likely as the reference (TVD 0.49); "
        "then h q0: angle + 0.1, 7.94 times"
    ) in flat(text)
    assert "then bit order reversed" not in text, "a change that is less likely than the reference explains nothing"
    assert "bears" not in text, "what fails bears no noise at all"


def test_the_table_keeps_what_is_farthest_off_and_counts_the_rest() -> None:
    rows = [outcome(f"{number:04b}", 0.06, 64, 0.0) for number in range(15)]
    rows += [outcome("1111", 0.05, 200, 22.0), outcome(None, 0.05, 10, None, others=7)]
    text = "\n".join(outcome_lines(failing_gate(circuit={"outcomes": rows, "shots": 1170}).to_row()))
    assert "1111" in text
    assert len([line for line in text.splitlines() if "%" in line]) == 9
    assert "15 others" in text, "8 that are not shown and 7 that the engine put together"


def test_a_change_that_is_too_small_is_not_passed_off_as_the_cause() -> None:
    causes = [{**CAUSES[1], "log10_ratio": 15.0}]
    text = flat(page(circuit_row(failing_gate(circuit={"causes": causes}), verdict="fail")))
    assert "10^15 times as likely as the reference and too small to explain it (TVD 0.05)" in text


@pytest.mark.parametrize(
    ("causes", "said"),
    [
        ([CAUSES[2]], "no declared change explains this better than the reference does"),
        ([{**CAUSES[0], "log10_ratio": None}], "cx q0,q1 missing, possible, where the reference excludes"),
        ([{**CAUSES[0], "log10_ratio": 4000.0}], "more than 10^300 times as likely as the reference"),
    ],
)  # fmt: skip
def test_causes_are_named_as_far_as_they_explain(causes: list[dict[str, Any]], said: str) -> None:
    assert said in flat(page(circuit_row(failing_gate(circuit={"causes": causes}), verdict="fail")))


def test_a_pass_says_what_it_does_not_rule_out() -> None:
    unresolved = [
        {"name": "angle + 0.1", "tvd": 0.012},
        {"name": "angle − 0.1", "tvd": 0.011},
        {"name": "bit order reversed", "tvd": 0.0},
    ]
    text = page(circuit_row(shots_gate(circuit={"unresolved": unresolved})))
    assert "too near to be told apart: angle + 0.1 (TVD 0.012) and 1 more" in text
    assert "never revealed by this measurement: bit order reversed" in text
    assert "outcome " not in text, "a pass needs no table"


@pytest.mark.parametrize(
    ("headroom", "said"),
    [
        (2.4, "bears × 2.4 of this noise"),
        (None, "bears more than × 8 of this noise"),
        (1.0, "bears no more noise than this"),
    ],
)  # fmt: skip
def test_headroom_is_a_figure_of_the_verdict(headroom: float | None, said: str) -> None:
    assert said in page(circuit_row(shots_gate(circuit={"headroom": headroom})))


def test_headroom_is_looked_for_as_far_as_the_report_says() -> None:
    outline = pytest.importorskip("pytest_llmgate.session.circuits.outline")
    from pytest_llmgate.reports.circuit_words import MOST_NOISE

    assert outline.HEADROOM[-1] == MOST_NOISE


def test_levels_of_noise_are_listed_and_the_first_that_fails_is_named() -> None:
    arms = [arm("noise × 1", "pass"), arm("noise × 2", "inconclusive", 20_000, 0.06), arm("noise × 3", "fail")]
    gate = failing_gate(circuit={"arms": arms, "first_failing_noise_scale": 3.0})
    text = flat(page(circuit_row(gate, verdict="fail")))
    assert "noise × 1: pass, 128 shots, TVD 0.03 (0 to 0.06)" in text
    assert "noise × 2: inconclusive, 20,000 shots, TVD 0.06 (0 to 0.12)" in text
    assert "first fails at noise × 3" in text
    passed = shots_gate(circuit={"arms": arms[:1], "first_failing_noise_scale": None})
    assert "fails at none of these levels of noise" in flat(page(circuit_row(passed)))


def test_of_many_streams_the_bad_ones_are_shown() -> None:
    arms = [arm(f"case {number}", "pass") for number in range(40)] + [arm("the-bad-one", "fail")]
    text = page(circuit_row(failing_gate(circuit={"arms": arms}), verdict="fail"))
    assert "the-bad-one: fail" in text
    assert "29 more streams" in text


def test_a_rate_over_bitstrings_has_rates_in_its_streams() -> None:
    gate = rate_gate(verdict="fail", circuit={"shots": 58, "arms": [arm("noise × 2", "fail", 784, 0.91)]})
    assert "noise × 2: fail, 784 shots, rate 91 % (0 to 182 %)" in flat(page(circuit_row(gate, verdict="fail")))


def test_what_was_settled_without_shots_needs_no_figures() -> None:
    text = page(circuit_row(equivalent_gate(verdict="fail"), verdict="fail"))
    assert "the states are different: fidelity 0.25" in flat(text)
    assert "nothing measured" not in text
    assert text.count("fidelity") == 1


def test_a_circuit_that_could_not_be_judged_is_reported_all_the_same() -> None:
    gate = shots_gate(verdict="error", n=0, estimate=None, interval=None, stop_reason="error",
                      reason="no such file", circuit={})  # fmt: skip
    bare = {**gate.to_row(), "shots": 0, "tvd": None, "tvd_interval": None, "outcomes": []}
    row = {**circuit_row(verdict="error"), "circuit": None, "gates": [bare]}
    assert "no such file" in page(row)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80), st.integers(40, 100))
def test_no_outcome_change_or_stream_is_obeyed_or_too_wide(text: str, width: int) -> None:
    rows = [outcome(text, 0.5, 31, -0.3), outcome(text + "x", 0.5, 33, 0.4)]
    causes = [{**CAUSES[0], "name": text}]
    figures_ = {"outcomes": rows, "causes": causes, "arms": [arm(text, "fail")], "against": text}
    unresolved = {"unresolved": [{"name": text, "tvd": 0.01}], "against": text}
    circuit = {"source": text, "backend": text or "x", "device": text, "methods": [text], "fallback": True}
    gates = (failing_gate(circuit=figures_), shots_gate(circuit=unresolved, verdict="inconclusive"))
    result = run_result(circuit_row(*gates, verdict="fail", circuit=circuit))
    assert_harmless(lines(result, width), width)


def test_the_hostile_sample_does_no_harm_as_an_outcome() -> None:
    gate = failing_gate(circuit={"outcomes": [outcome(HOSTILE, 1.0, 64, None)]})
    assert_harmless(lines(run_result(circuit_row(gate, verdict="fail")), 80), 80)


@given(st.lists(st.tuples(st.text(max_size=40), st.integers(0, 10**9)), min_size=1, max_size=5), st.integers(8, 80))
def test_a_table_is_never_wider_than_its_room_or_it_is_sentences(rows: list[tuple[str, int]], width: int) -> None:
    made = table(["name", "count"], [[name, f"{count:,}"] for name, count in rows], width)
    if len(made) > len(rows):
        assert all(columns(line) <= width for line in made)
    else:
        assert all(": count " in line for line in made)


def test_names_that_are_too_long_are_cut_in_their_middle() -> None:
    made = table(["outcome", "seen"], [["0" * 30 + "1", "5 %"]], 20)
    assert made == ["outcome         seen", "0000000…000001   5 %"]
