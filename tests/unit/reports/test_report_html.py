"""`report.html`: one inert file, whatever the replies say, and of bounded size."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import HOSTILE, failing, gate_verdict, run_result
from report_samples import test_row as row

from pytest_llmgate.reports.bar import bar_of
from pytest_llmgate.reports.html import render_html, render_pages
from pytest_llmgate.reports.page import replies
from pytest_llmgate.reports.page.room import MOST, WANTED, size

OURS = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "h1", "h2", "p", "span",
    "bdi", "table", "thead", "tbody", "tr", "th", "td", "br", "svg", "line", "rect", "circle", "text", "details",
    "summary", "ol", "li", "pre", "ul", "strong", "dl", "dt", "dd", "nav", "a", "article", "div", "h3", "em", "path",
    "mark", "figure", "figcaption", "script", "label", "input", "button",
}  # fmt: skip
VOID = {"meta", "br", "input"}


class Reader(HTMLParser):
    """Checks that the page is well nested and made of our own elements; collects its text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in OURS, f"<{tag}> is not ours"
        for name, value in attributes:
            assert not name.startswith("on"), f"handler {name}"
            assert name not in ("style", "src"), name
            assert name != "href" or re.fullmatch(r"#\w+|(\.\./)?report(/suite-\d+)?\.html(#\w+)?", value or ""), value
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in OURS

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(page: str) -> str:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return "".join(reader.words)


def nothing(digest: str) -> None:
    return None


def kept(**texts: str) -> Callable[[str], dict[str, str] | None]:
    """Transcripts by their digest."""
    return {digest: {"text": text} for digest, text in texts.items()}.get


def failed(*rows: dict[str, object], **changes: object) -> dict[str, object]:
    return row(verdict="fail", gates=(gate_verdict(verdict="fail"),), failing=rows, **changes)


def test_the_page_says_verdict_figures_and_origin() -> None:
    words = read(render_html(run_result(row(), recorded_at="2026-11-20", commit="abc", dirty=True), nothing))
    for part in (
        "the only test passes",
        "58 of 58: at or below 90 % is ruled out (5 % risk)",
        "100 %, interval 94.97 % to 100 %",
        "good at or above 95 %,",
        "replies recorded on 2026-11-20",
        "abc (with uncommitted changes)",
        "sha256:ab",
    ):
        assert part in words


def changed(rows: list[dict[str, object]] | None, **against: str | None) -> str:
    """The section on what changed, of a result that says this."""
    result = run_result(row())
    result["execution"] |= {"changes": rows, "changes_against": {"commit": None, "target": None, **against}}
    return read(render_html(result, nothing)).partition("What changed against the baseline")[2].partition("Cost and")[0]


CHANGE: dict[str, object] = {"kind": "noise", "test": "t", "gate": "", "text": "noise: a → b", "loosened": False}
LOOSER: dict[str, object] = {"kind": "threshold", "test": "", "gate": "", "text": "cover: …", "loosened": True}


def test_the_page_says_what_changed_against_which_commit_and_what_was_loosened_first() -> None:
    said = changed([CHANGE, LOOSER], commit="0123456789abcdef", target="origin/main")
    assert "Compared with 0123456789ab of origin/main." in said
    assert said.index("loosened") < said.index("noise: a → b")
    assert "nothing changed" not in said.lower()


def test_that_nothing_changed_is_said_only_where_somebody_looked() -> None:
    assert "Compared with 0123 of main: nothing changed." in changed([], commit="0123", target="main")
    for rows in (None, []):
        said = changed(rows, reason="the target branch was not fetched")
        assert "Not compared with a target branch: the target branch was not fetched." in said
        assert "nothing changed" not in said.lower()
    old = run_result(row())  # of a version that knew none of it
    assert "Not compared: this result does not say what changed." in read(render_html(old, nothing))


def test_changes_beyond_the_hundredth_are_counted() -> None:
    assert "7 further changes stand in result.json." in changed([CHANGE] * 107, commit="0123", target="main")


def test_every_field_of_structured_replies_stands_in_the_page_with_its_rate() -> None:
    rows = {f"$.f{number}<b>": {"good": number, "n": 9} for number in range(9)}
    result = run_result(row(gates=(gate_verdict(figures={"fields": rows}),), redactions={"email": 3}))
    shown = read(render_html(result, nothing))
    assert all(f"$.f{number}<b>" in shown for number in range(9))
    assert "8 of 9" in shown
    assert "88.89 %" in shown
    assert "3 email" in shown


def test_the_worst_test_stands_first() -> None:
    tests = [row(id="green"), row(id="yellow", verdict="inconclusive"), row(id="red", verdict="fail")]
    words = read(render_html(run_result(*tests), nothing))
    assert words.index("red") < words.index("yellow") < words.index("green")


def test_replies_are_looked_up_by_digest() -> None:
    words = read(render_html(run_result(failed(failing(1), failing(2))), kept(d1="said this")))
    assert "said this" in words
    assert "case c2, repeat 0, trial 2" in words
    assert "The text of this reply was not kept." in words


def test_the_policy_allows_the_pages_own_style_and_script_and_nothing_else() -> None:
    page = render_html(run_result(row()), nothing)
    digests = {}
    for name in ("style", "script"):
        own = re.search(rf"<{name}>(.*?)</{name}>", page, re.S)
        assert own is not None
        digests[name] = b64encode(sha256(own[1].encode()).digest()).decode()
        assert not re.search(r"url\(|@import|fetch|Storage|cookie|import\(", own[1])
        assert name != "script" or len(own[1].encode()) <= 2048
    policy = (
        f"default-src 'none'; style-src 'sha256-{digests['style']}'; script-src 'sha256-{digests['script']}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert f'content="{policy}"' in page


def assert_inert(text: str) -> str:
    gate = gate_verdict(verdict="fail", name=text, type=text, reason=text, quarantine={"until": text, "reason": text})
    test = row(
        id=text, verdict="fail", gates=(gate,), problems=(text,), warnings=(text,),
        failing=(failing(1, text, gate=text, reason=text, case=text),),
    )  # fmt: skip
    page = render_html(run_result(test, commit=text, versions={text: text}, recorded_at=text), nothing)
    page.encode("utf-8")
    return read(page)


def test_hostile_text_stays_text_everywhere() -> None:
    words = assert_inert(HOSTILE)
    assert "<script>alert(1)</script>" in words
    assert "{{ 7*7 }}" in words
    assert "\\u202egnp.exe" in words
    assert not set("\x1b\u202e\u2066\u200b\ud800\x00") & set(words)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_stays_text(text: str) -> None:
    assert_inert(text)


def test_model_text_is_isolated_from_the_direction_of_the_page() -> None:
    page = render_html(run_result(failed(failing(1, "مرحبا"))), nothing)
    assert "<pre><bdi>مرحبا</bdi></pre>" in page


def test_replies_are_bounded_in_number_and_size_and_the_page_says_what_is_left_out() -> None:
    rows = [failing(number, "<" * 100_000) for number in range(50)]
    words = read(render_html(run_result(failed(*rows)), nothing))
    assert words.count("case c") == replies.FAILING
    assert "10 of 50" in words
    assert f"({100_000 - replies.SIZE:,} characters more)" in words


def test_failing_trials_alike_stand_once_so_that_others_are_seen() -> None:
    rows = [failing(number, "No idea", reply="same") for number in range(30)]
    rows += [failing(30, "Ask again"), failing(31, "No idea", reply="same", reason="too short")]
    words = read(render_html(run_result(failed(*rows)), nothing))
    assert words.count("No idea") == 2, "once for each reason"
    assert words.count("Ask again") == 1
    assert "30 trials alike: also trials 1, 2, 3" in words
    assert "18, 19, 20 and 9 more" in words
    assert "32 of 32" in words


def test_regressions_are_findings_and_no_gate_that_another_left_undecided() -> None:
    left = gate_verdict(name="left-open", verdict="inconclusive", stop_reason="first-fail")
    broken = gate_verdict(name="broken", verdict="error", stop_reason="holes")
    own = (gate_verdict(name="worse", verdict="fail", estimate=0.8), left, broken)
    words = read(render_html(run_result(row(verdict="fail", gates=own)), nothing))
    listed = words[words.index("Regressions, worst first") : words.index("Cost and tokens")]
    assert listed.index("worse") < listed.index("broken")
    assert "not judged" in listed
    assert "left-open" not in listed
    assert "within its limit" not in words


def assert_small(page: str) -> None:
    used, elements = size(page)
    assert used <= MOST[0]
    assert elements <= MOST[1]


def test_of_many_tests_those_that_pass_are_shown_in_a_line_and_none_is_dropped() -> None:
    tests = [row(id=f"ok-{number}.") for number in range(2000)] + [failed(failing(1, "said"), id="the-bad-one")]
    pages = render_pages(run_result(*tests), nothing)
    assert list(pages) == ["report.html"]
    words = read(pages["report.html"])
    assert "the-bad-one" in words
    assert all(f"ok-{number}." in words for number in range(2000))
    assert "tests that pass are shown in a line each" in words
    assert size(pages["report.html"])[0] <= WANTED[0] * 1.2
    assert_small(pages["report.html"])


def test_a_run_too_large_for_a_page_gets_an_index_and_a_page_for_each_suite() -> None:
    rows = [failing(number, "<" * 100_000) for number in range(10)]
    tests = [failed(*rows, id=f"t{number}.", file=f"s{number % 3}.suite.yaml") for number in range(120)]
    pages = render_pages(run_result(*tests), nothing)
    assert list(pages) == ["report.html", "report/suite-1.html", "report/suite-2.html", "report/suite-3.html"]
    for page in pages.values():
        assert_small(page)
        read(page)
    index = read(pages["report.html"])
    assert all(f"s{number}.suite.yaml" in index for number in range(3))
    every = "".join(map(read, pages.values()))
    assert all(f"t{number}." in every for number in range(120))


def test_a_suite_too_large_for_its_page_keeps_what_its_gates_say() -> None:
    rows = [failing(number, "<" * 100_000) for number in range(10)]
    page = render_html(run_result(*[failed(*rows, id=f"t{number}.") for number in range(120)]), nothing)
    assert_small(page)
    words = read(page)
    assert all(f"t{number}." in words for number in range(120))
    assert "tests that do not pass are shown with what their gates say, without replies" in words


def test_the_same_result_gives_the_same_bytes() -> None:
    result = run_result(failed(failing(1, "x")))
    assert render_html(result, nothing) == render_html(result, nothing)


def test_a_run_without_tests_says_so() -> None:
    assert "no test was judged" in read(render_html(run_result(), nothing))


@given(
    st.lists(st.floats(0, 1), min_size=5, max_size=5),
)
def test_every_mark_of_a_drawing_lies_on_it(marks: list[float]) -> None:
    low, high = sorted(marks[:2])
    row = {"type": "contains", "interval": (low, high), "estimate": marks[2], "threshold": marks[3], "bad": marks[4]}
    bar = bar_of(row)
    assert bar is not None
    assert bar.first != bar.last
    for place in (bar.low, bar.high, bar.estimate, bar.good, bar.bad):
        assert 8 <= place <= 232
    assert bar.width >= 2


@pytest.mark.parametrize("missing", ["interval", "estimate"])
def test_nothing_is_drawn_where_nothing_was_measured(missing: str) -> None:
    gate = {"type": "contains", "interval": (0.1, 0.2), "estimate": 0.15, "threshold": 0.9, "bad": 0.8, missing: None}
    assert bar_of(gate) is None
