"""The terminal report: readable in 80 columns, and nothing a model says is obeyed by a terminal or a CI runner."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import HOSTILE, failing, gate_verdict, run_result
from report_samples import test_row as row

from pytest_llmgate.reports.escape import columns, harmless, no_command, visible, wrapped
from pytest_llmgate.reports.terminal import SHOWN_PASSES, SHOWN_PER_GATE, SHOWN_PER_RUN, lines, progress_line
from pytest_llmgate.reports.terminal import test_lines as lines_of_test


def page(*tests: dict[str, object], width: int = 80, **run: object) -> str:
    return "\n".join(lines(run_result(*tests, **run), width))


def test_a_passing_run_says_what_the_pass_means() -> None:
    assert lines(run_result(row(), recorded_at="2026-11-20"), 100) == [
        "PASS            suites/support.suite.yaml::refund-answers",
        "                120 trials on 40 of 40 cases, 120 calls, 5,120 tokens in, 2,210 out, $0.0012",
        "  pass          is-json: 58 of 58: at or below 90 % is ruled out (5 % risk)",
        "",
        "PASS            the only test passes",
        "                120 trials, 120 calls, 5,120 tokens in, 2,210 out, $0.0012",
        "                judged on replies recorded on 2026-11-20",
    ]


def test_a_live_run_that_was_asked_before_says_its_attempt() -> None:
    text = " ".join(page(row(), attempt=3, live=True, commit="c0ffee").split())
    assert "the only test passes; attempt 3" in text
    assert "2 earlier live runs judged this plan at this commit: a pass after asking again is weaker" in text
    for fields in ({"attempt": 1, "live": True}, {"attempt": 3, "live": False}, {"attempt": 3}):
        assert "attempt" not in page(row(), **fields)


def test_a_failing_gate_shows_its_failing_replies() -> None:
    gate = gate_verdict(verdict="fail", reason="30 of 58 (51.72 %): at or above 95 % is ruled out (5 % risk)")
    text = page(row(verdict="fail", gates=(gate,), failing=(failing(3, "no braces here"), failing(4))))
    assert "30 of 58 (51.72 %)" in text
    assert "case c3, repeat 0, trial 3\n                    not JSON\n                    | no braces here" in text
    assert "case c4" in text
    assert "FAIL            1 of 1 test fails" in text


def test_shown_replies_are_bounded_and_the_rest_is_counted() -> None:
    tests = [row(failing=tuple(failing(number, "x") for number in range(10))) for _ in range(20)]
    text = page(*tests)
    assert len(re.findall(r"^ +\| x$", text, re.M)) == min(20 * SHOWN_PER_GATE, SHOWN_PER_RUN)
    assert "170 more failing replies stand in report.html" in text


def test_a_long_reply_is_cut_and_says_so() -> None:
    text = page(row(failing=(failing(1, "y" * 100_000), failing(2, "z\n" * 1000))))
    assert "(99,600 characters more)" in text
    assert "lines more)" in text
    assert len(text.splitlines()) < 60


def test_gates_that_do_not_block_say_so() -> None:
    quarantine = {"until": "2027-01-31", "reason": "flaky upstream"}
    gates = (
        gate_verdict(name="a", severity="warn", blocking=False),
        gate_verdict(name="b", quarantine=quarantine, blocking=False),
    )
    text = page(row(gates=gates))
    assert "severity warn: does not block" in text
    assert "in quarantine until 2027-01-31: flaky upstream" in text


def test_a_gate_on_unwanted_events_reads_the_other_way_round() -> None:
    figures = {"threshold": 0.05, "bad": 0.10, "bad_assumed": True, "estimate": 0.2, "interval": (0.1, 0.3)}
    gate = gate_verdict(verdict="fail", **figures)
    assert "good at or below 5 %, bad at or above 10 % (assumed)" in page(row(gates=(gate,)), width=120)


def test_what_was_not_measured_is_never_shown_as_zero() -> None:
    gate = gate_verdict(estimate=None, interval=None, confidence=None, interval_method=None, verdict="error")
    text = page(row(gates=(gate,), verdict="error"))
    assert "nothing measured" in text
    assert "0 %," not in text


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ((), "no test was judged"),
        (("pass", "pass"), "all 2 tests pass"),
        (("pass", "fail", "inconclusive"), "1 of 3 tests fails, 1 is inconclusive"),
        (("error", "error", "fail", "fail"), "2 of 4 tests fail, 2 could not be judged"),
    ],
)
def test_the_last_words_are_the_verdict_with_denominators(verdicts: tuple[str, ...], sentence: str) -> None:
    assert sentence in page(*(row(verdict=verdict) for verdict in verdicts))


def test_failures_that_were_expected_are_counted_among_the_others() -> None:
    xfailed = {**row(verdict="fail"), "expected": True}
    assert "1 of 2 tests fails, expected (xfail)" in page(xfailed, row())
    text = page(xfailed, row(verdict="fail"), row(verdict="error"), width=120)
    assert "2 of 3 tests fail, 1 of them expected (xfail), 1 could not be judged" in text
    assert "this failure is expected: pytest reports it as xfailed" in text


def test_colour_is_the_only_control_and_only_when_asked_for() -> None:
    result = run_result(row(verdict="fail", failing=(failing(1, HOSTILE, reason=HOSTILE),)))
    assert "\x1b" not in "\n".join(lines(result, 80))
    coloured = "\n".join(lines(result, 80, color=True))
    assert set(re.findall(r"\x1b\[[0-9;]*m", coloured)) == {"\x1b[31m", "\x1b[32m", "\x1b[0m"}
    assert re.sub(r"\x1b\[(?:31|32|0)m", "", coloured) == "\n".join(lines(result, 80))


def assert_harmless(text_lines: list[str], width: int) -> None:
    for line in text_lines:
        assert not line.lstrip().startswith("::"), "a runner would obey this line"
        assert "##[" not in line
        assert "##vso[" not in line
        assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in line)
        assert columns(line) <= width
        line.encode("utf-8")


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.text(max_size=600),
        st.lists(
            st.sampled_from(
                ["::error::", "##[", "##", "[x", "::", ":", " ", "\n", "\u202e", "\ud83d", "長い", "a" * 70]
            ),
            max_size=30,
        ).map("".join),
    ),
    st.integers(40, 120),
)
def test_no_text_is_obeyed_hidden_or_wider_than_the_terminal(text: str, width: int) -> None:
    gate = gate_verdict(name=text or "x", reason=text)
    rows = (failing(1, text, gate=text or "x", reason=text, case=text),)
    result = run_result(row(id=text, gates=(gate,), failing=rows, problems=(text,), warnings=(text,)))
    assert_harmless(lines(result, width), width)


def test_the_hostile_sample_is_shown_as_what_it_is() -> None:
    text = page(row(failing=(failing(1, HOSTILE),)), width=200)
    assert "| : :error file=app.py::owned" in text
    assert "\\x1b[31mred" in text
    assert "x # #[error]deep # #vso[task.x]" in text


def test_escapes_and_wrapping() -> None:
    assert visible("tab\tline\n", keep="\n") == "tab\\tline\n"
    assert visible("\u202e\U000e0041\ud800") == "\\u202e\\U000e0041\\ud800"
    assert visible("Zürich 日本 é") == "Zürich 日本 é"
    assert no_command("  ::error::x") == "  : :error::x"
    assert no_command("a.yaml::id") == "a.yaml::id"
    assert harmless("##[group]") == "# #[group]"
    assert wrapped("aa bb cc", 5) == ["aa bb", "cc"]
    assert wrapped("日本語", 4) == ["日本", "語"]
    assert wrapped("", 5) == [""]


@given(st.text(max_size=200), st.integers(2, 30))
def test_wrapping_loses_no_letter(text: str, width: int) -> None:
    shown = visible(text)
    assert "".join(wrapped(shown, width)).replace(" ", "") == shown.replace(" ", "")
    assert all(columns(line) <= width for line in wrapped(shown, width))


def test_the_progress_line_counts_trials_gates_and_money() -> None:
    line = progress_line(1234, 5, 12, Decimal("0.0123"))
    assert line == "llmgate: 1,234 trials, 5 of 12 gates decided, $0.0123 spent"
    assert progress_line(1, 0, 1, None) == "llmgate: 1 trial, 0 of 1 gate decided"
    assert len(progress_line(10**9, 10**6, 10**6, Decimal("1"), width=30)) == 30


def test_one_tests_report_begins_with_the_sentence_of_the_gate_that_decided() -> None:
    gates = (
        gate_verdict(name="a", verdict="fail", reason="does not count", severity="warn", blocking=False),
        gate_verdict(name="b"),
        gate_verdict(name="c", verdict="fail", reason="30 of 58: " + "long " * 30),
    )
    first, second, *_ = lines_of_test(row(verdict="fail", gates=gates))
    assert first == "c: 30 of 58: " + "long " * 30
    assert second == "FAIL            suites/support.suite.yaml::refund-answers"


def test_a_test_that_could_not_start_begins_with_its_problem() -> None:
    first, *_ = lines_of_test(row(verdict="error", gates=(), problems=("::error::no model",)))
    assert first == ": :error::no model"


FIELDS = {"fields": {f"$.f{number}": {"good": 50 + number, "n": 58} for number in range(9)}}


def test_the_three_fields_that_disagree_most_are_named() -> None:
    shown = " ".join(" ".join(lines_of_test(row(gates=(gate_verdict(figures=FIELDS),)))).split())
    assert "fields that disagree most: $.f0 in 8 of 58; $.f1 in 7 of 58; $.f2 in 6 of 58" in shown
    assert "$.f3" not in shown


def test_fields_that_all_agree_are_not_worth_a_line() -> None:
    agreeing = {"fields": {"$.city": {"good": 58, "n": 58}}}
    assert "fields" not in " ".join(lines_of_test(row(gates=(gate_verdict(figures=agreeing),))))


def test_what_was_replaced_in_replies_is_said_by_kind() -> None:
    shown = " ".join(" ".join(lines(run_result(row(redactions={"email": 1200, "card": 1})))).split())
    assert "replaced in the replies, before they were judged: 1 card, 1,200 email" in shown
    assert "replaced" not in " ".join(lines(run_result(row())))


def test_the_worst_stand_first_and_a_crowd_of_passes_is_counted() -> None:
    tests = [row(id=f"p{number}") for number in range(SHOWN_PASSES + 7)]
    tests[30:30] = [row(id="worst", verdict="fail"), row(id="open", verdict="inconclusive")]
    shown = lines(run_result(*tests))
    names = [line.split()[1] for line in shown if line.startswith(("PASS  ", "FAIL  ", "INCON"))]
    assert names[:3] == ["worst", "open", "p0"]
    assert "7 more tests passed; all stand in report.html" in "\n".join(shown)


def test_a_failing_run_names_the_command_that_looks_further() -> None:
    bad = row(id="a b;rm -rf", verdict="fail", failing=(failing(7, "x"),))
    assert lines(run_result(bad), run="out/run")[-2:] == [
        "                look at a failing trial again:",
        "                  llmgate replay-trial out/run 'a b;rm -rf' 7",
    ]
    marked = {**bad, "id": "test_m.py::test_x", "kind": "body"}
    assert lines(run_result(marked), replies=False)[-1].strip() == "pytest --llm-suite test_m.py::test_x"
    assert "look at" not in page(row())


def test_a_problem_of_many_trials_is_told_once_and_not_where_a_gate_tells_it() -> None:
    gate = gate_verdict(verdict="error", reason="10 of 10 could not be scored; first: case a, repeat 0: no network")
    problems = (
        "case a, repeat 0: no network",
        "case a, repeat 1: no network",
        "case b, repeat 0: odd",
        "case c, repeat 3: odd",
    )
    text = page(row(verdict="error", gates=(gate,), problems=problems))
    assert text.count("no network") == 1
    assert text.count("problem: ") == 1
    assert "problem: case b, repeat 0: odd" in text
