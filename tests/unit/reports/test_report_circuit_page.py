"""The page of circuits: outcomes with bars, causes, streams and the drawing; as inert and as bounded as the rest."""

from __future__ import annotations

import re
from typing import Any

import pytest
from circuit_samples import (
    CAUSES,
    DRAWING,
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
from test_report_html import nothing, read

from pytest_llmgate.reports import circuit_page
from pytest_llmgate.reports.bar import bar_of
from pytest_llmgate.reports.circuit_page import DRAWINGS_SIZE, TABLES, Pictures
from pytest_llmgate.reports.html import render_html


def page(*tests: dict[str, Any]) -> str:
    return render_html(run_result(*tests), nothing)


def test_the_page_says_of_a_circuit_what_a_reviewer_asks() -> None:
    words = read(page(circuit_row()))
    for part in (
        "1,216 shots of 1 circuit",
        "1,216 shots in 14 chunks, exact probabilities under brisbane (2025-02-26), 2 qubits, depth 3",
        "Circuit 2 qubits, depth 3, 1 two-qubit gate",
        "cx 1, h 1, measure 2",
        "3 (6 as compiled)",
        "1 (1 as compiled)",
        "112, 126",
        "exact: probabilities by density_matrix, shots drawn from them",
        "bears × 2.4 of this noise",
        "TVD 0.0207, interval 0 to 0.0574",
        "TVD, the total variation distance",
        DRAWING.splitlines()[1],
    ):
        assert part in words


def test_all_other_outcomes_do_not_shrink_the_bars() -> None:
    outcomes = [outcome("00", 0.02, 16, 0.1), outcome("11", 0.01, 8, 0.1), outcome(None, 0.97, 744, None, others=900)]
    found = Pictures().gate(shots_gate(circuit={"outcomes": outcomes}).to_row())
    assert found is not None
    first, second, rest = (re.findall(r'width="([\d.]+)" height="6"', str(row.bars)) for row in found["outcomes"])
    assert (first[1], second[1]) == ("100", "50")
    assert rest == ["93", "4", "93", "4"], "cut, with a gap; the figures stand beside"


def test_of_many_changes_that_are_too_near_a_few_are_named_and_all_stand_behind_the_fold() -> None:
    near = [{"name": f"u1 q{number}: angle + 0.1", "tvd": 0.01} for number in range(8)]
    words = read(page(circuit_row(shots_gate(circuit={"unresolved": near}))))
    assert "u1 q2: angle + 0.1 (TVD 0.01) and 5 more" in words
    assert words.count("u1 q0: angle") == 2
    assert words.count("u1 q7: angle") == 1
    few = read(page(circuit_row(shots_gate(circuit={"unresolved": near[:3]}))))
    assert few.count("u1 q0: angle") == 1


def test_the_page_of_prompts_does_not_speak_of_circuits() -> None:
    words = read(page(prompt_row()))
    for word in ("TVD", "Circuit", "Outcomes", "shots"):
        assert word not in words


def test_measured_bars_stand_beside_expected_ones_on_one_scale() -> None:
    made = page(circuit_row(failing_gate(), verdict="fail"))
    bars = re.findall(r'class="expected"[^>]* width="([\d.]+)".*?class="observed"[^>]* width="([\d.]+)"', made)
    longest = 33 / 64
    expected = [(0.5, 31 / 64), (0.49, 0.0), (0.0, 33 / 64), (0.01, 0.0)]
    assert [(float(p), float(seen)) for p, seen in bars] == [
        (round(100 * p / longest, 1), round(100 * seen / longest, 1)) for p, seen in expected
    ]
    assert "style=" not in made, "the page's policy allows no style attribute"


def test_the_page_shows_every_outcome_and_marks_those_that_are_far_off() -> None:
    rows = [outcome(f"{number:04b}", 0.06, 4, 0.0) for number in range(14)]
    rows += [outcome("1110", 0.06, 9, 3.5), outcome("1111", 0.0, 3, None), outcome(None, 0.1, 8, None, others=48)]
    made = page(circuit_row(failing_gate(circuit={"outcomes": rows}), verdict="fail"))
    words = read(made)
    assert all(f"{number:04b}" in words for number in range(16))
    assert "48 others" in words
    assert re.findall(r'class="number far">([^<]*)<', made) == ["+3.5", "impossible"]


def test_of_many_outcomes_sixteen_have_a_row_and_the_rest_one() -> None:
    rows = [outcome(f"seen-{number}.", number / 1000, number, 0.0) for number in range(32)]
    words = read(page(circuit_row(failing_gate(circuit={"outcomes": rows}), verdict="fail")))
    assert all((f"seen-{number}." in words) is (number >= 16) for number in range(32))
    assert "16 others" in words


def test_the_power_against_every_change_stands_in_the_page() -> None:
    hard = {"name": "h q0: angle + 0.1", "tvd": 0.05, "ruled_out": False, "power": 0.213, "power_ceiling": 0.97}
    easy = {"name": "cx missing", "tvd": 0.49, "ruled_out": True, "power": 0.97, "power_ceiling": 1.0}
    more = {"number": 360, "ruled_out": 359, "power": 0.98, "power_ceiling": 0.99}
    screen = {"shots": 768, "tvd": 0.1, "power": 0.851}
    figures = {"alternatives": [hard, easy], "alternatives_more": more, "screen": screen}
    words = read(page(circuit_row(shots_gate(circuit=figures))))
    for row in (
        r"Power at 768 shots\s*At the ceiling",
        r"h q0: angle \+ 0\.1\s*0\.05\s*no\s*21\.3 %\s*97 %",
        r"cx missing\s*0\.49\s*yes\s*97 %\s*100 %",
        r"360 further changes\s*–\s*359 of 360\s*98 % or more\s*99 % or more",
        r"a change that is not declared\s*0\.1\s*–\s*85\.1 %\s*85\.1 %",
    ):
        assert re.search(row, words), row


def test_a_rule_with_one_look_rules_nothing_out_and_has_one_power() -> None:
    known = {"name": "cx missing", "tvd": 0.49, "ruled_out": None, "power": 0.97, "power_ceiling": None}
    more = {"number": 3, "ruled_out": None, "power": None, "power_ceiling": None}
    figures = {"alternatives": [known, {**known, "name": "cut", "power": None}], "alternatives_more": more}
    words = read(page(circuit_row(shots_gate(circuit=figures))))
    assert "Ruled out" not in words
    assert re.search(r"cx missing\s*0\.49\s*97 %", words)
    assert re.search(r"cut\s*0\.49\s*not computed", words)
    assert re.search(r"3 further changes\s*–\s*not computed", words)


def test_a_failure_does_not_say_what_was_ruled_out() -> None:
    """It is measured against the reference, which the same shots have ruled out."""
    known = {"name": "cx missing", "tvd": 0.49, "ruled_out": False, "power": 0.97, "power_ceiling": 1.0}
    words = read(page(circuit_row(failing_gate(circuit={"alternatives": [known]}), verdict="fail")))
    assert "Ruled out" not in words
    assert re.search(r"cx missing\s*0\.49\s*97 %\s*100 %", words)


def test_what_the_screen_would_have_seen_later_is_no_power_of_these_shots() -> None:
    figures = {"screen": {"shots": 768, "tvd": 0.1, "power": 0.851}}
    words = read(page(circuit_row(failing_gate(circuit=figures), verdict="fail")))
    assert re.search(r"a change that is not declared\s*0\.1\s*– \(looked for at 768 shots\)", words)


def test_changes_that_were_too_many_to_simulate_are_counted_at_their_gate() -> None:
    words = read(page(circuit_row(shots_gate(circuit={"left_out": 83}))))
    assert "83 further changes not tried: they were too many to simulate" in words


def test_causes_are_ranked_and_streams_are_listed() -> None:
    arms = [arm("noise × 1", "pass"), arm("noise × 2", "fail", 20_000)]
    gate = failing_gate(circuit={"arms": arms, "first_failing_noise_scale": 2.0})
    words = read(page(circuit_row(gate, verdict="fail")))
    assert words.index("cx q0,q1 missing") < words.index("h q0: angle + 0.1")
    assert "10^27 times as likely as the reference, TVD 0.49" in words
    assert "bit order reversed" not in words, "it is less likely than the reference"
    assert "first fails at noise × 2" in words
    assert "20,000" in words
    assert "0.03 (0 to 0.06)" in words


def test_a_failure_is_open_and_a_pass_is_folded() -> None:
    made = page(circuit_row(shots_gate(name="good"), failing_gate(name="bad"), verdict="fail"))
    assert re.search(r"<details open>\s*<summary>Outcomes of <bdi>bad", made)
    assert re.search(r"<details>\s*<summary>Outcomes of <bdi>good", made)
    assert re.search(r"<details>\s*<summary>Circuit", made)


@pytest.mark.parametrize("gate", [tolerance_gate(), expectation_gate(), equivalent_gate(), rate_gate(), shots_gate()])
def test_every_kind_of_gate_has_its_place_in_the_table(gate: Any) -> None:
    words = read(page(circuit_row(gate)))
    assert gate.name in words
    assert gate.reason in words


def test_a_stand_in_is_told_beside_the_figures() -> None:
    row = circuit_row(circuit={"backend": "ibm", "device": "ibm_brisbane", "fallback": True})
    assert "fallback: not drawn on ibm:ibm_brisbane, but by its stand-in" in read(page(row))


def test_a_circuit_without_shape_or_drawing_has_a_page() -> None:
    bare = {"shape": {}, "described": {}, "drawing": None, "backend": "given", "source": "counts", "digest": None}
    assert "counts" in read(page(circuit_row(circuit=bare)))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_of_a_circuit_stays_text(text: str) -> None:
    circuit = {"drawing": text, "source": text, "device": text, "backend": text or "x", "methods": [text],
               "digest": text, "fallback": True}  # fmt: skip
    figures = {"outcomes": [outcome(text, 1.0, 64, 3.0)], "causes": [{**CAUSES[0], "name": text}],
               "arms": [arm(text, "fail")], "against": text}  # fmt: skip
    known = {"name": text, "tvd": 0.1, "ruled_out": True, "power": 0.9, "power_ceiling": 1.0}
    passed = shots_gate(circuit={"unresolved": [{"name": text, "tvd": 0.0}], "against": text, "alternatives": [known]})
    read(page(circuit_row(failing_gate(circuit=figures), passed, verdict="fail", circuit=circuit)))


def test_a_hostile_drawing_is_shown_and_not_obeyed() -> None:
    words = read(page(circuit_row(circuit={"drawing": HOSTILE})))
    assert "<script>alert(1)</script>" in words
    assert not set("\x1b\u202e\u200b") & set(words)


def test_drawings_and_tables_are_bounded_and_the_page_says_what_is_left_out() -> None:
    big = circuit_row(failing_gate(), verdict="fail", circuit={"drawing": "─" * (DRAWINGS_SIZE // 3)})
    made = page(*[big] * 10)
    assert len(made) < DRAWINGS_SIZE + 300_000
    assert "7 drawings of circuits and tables of outcomes: see result.json" in read(made)


def test_the_tables_of_the_worst_tests_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert TABLES >= 100
    monkeypatch.setattr(circuit_page, "TABLES", 1)
    pictures = Pictures()
    bad, good = failing_gate().to_row(), shots_gate().to_row()
    assert pictures.gate(bad)["outcomes"]  # type: ignore[index]
    assert pictures.gate(good) is None
    assert pictures.dropped == 1


def test_a_long_name_of_a_group_is_clipped() -> None:
    gate = failing_gate(circuit={"outcomes": [outcome("x" * 10_000, 1.0, 64, 3.0)]})
    assert "(9,800 characters more)" in page(circuit_row(gate, verdict="fail"))


def test_distances_and_values_are_drawn_on_scales_of_their_own() -> None:
    plain = bar_of(tolerance_gate().to_row())
    assert plain is not None
    assert (plain.first, plain.last) == ("0", "0.1")
    identity = bar_of(shots_gate().to_row())
    assert identity is not None
    assert (identity.good, identity.bad) == (None, None)
    value = bar_of(expectation_gate().to_row())
    assert value is not None
    assert (value.first, value.last) == ("-1.5", "-0.5")


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.floats(0, 1))
def test_every_mark_of_an_expectation_lies_on_its_drawing(low: float, length: float, part: float) -> None:
    middle = low + part * length
    gate = {"type": "expectation", "interval": (low, low + length), "estimate": middle, "threshold": low, "bad": middle}
    bar = bar_of(gate)
    assert bar is not None
    for place in (bar.low, bar.high, bar.estimate, bar.good, bar.bad):
        assert place is not None
        assert 7.9 <= place <= 232.1
