"""The reviewer's page as a browser shows it: accessible, inert, and readable wherever it is opened."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "reports"))

from circuit_samples import arm, circuit_row, failing_gate, outcome, shots_gate
from report_samples import HOSTILE, failing, gate_verdict, run_result
from report_samples import test_row as row

from pytest_llmgate.reports.html import render_html
from pytest_llmgate.reports.page.evidence import CaseCount, Sample, SliceCount, TestEvidence, Walk

Show = Callable[..., Any]
ATTACKS = (
    HOSTILE,
    "<script>window.owned=1</script>",
    "\"'><img src=http://127.0.0.1:9/x onerror=window.owned=1>",
    "</style></script><svg onload=window.owned=1>",
    "</bdi></pre><iframe src=javascript:parent.owned=1></iframe><a href=javascript:owned=1>x</a>",
    "[x](javascript:owned=1) ![y](http://127.0.0.1:9/y) http://127.0.0.1:9/z <http://127.0.0.1:9/>",
)
WALK = Walk(steps=bytes([1, 1, 0] * 12), up=0.05, down=0.7, passes=3.0, fails=5.0, ceiling=400, cut=None)


class Recorded:
    """Evidence that says the same of every test."""

    missing = ""

    def __init__(self, text: str) -> None:
        self.text = text

    def model(self, test_id: str) -> str:
        return self.text

    def of(self, test_id: str) -> TestEvidence:
        return TestEvidence(
            model=self.text,
            walks={self.text: WALK},
            passing=(Sample(self.text, 0, 1, "d1"),),
            passed=12,
            worst=(CaseCount(self.text, 2, 3),),
            slices=(SliceCount(self.text, self.text, 2, 3),),
        )


def full_page(text: str) -> str:
    """A page with every section, and this text in every field that a model, a case, a suite or a baseline can fill."""
    figures = {"fields": {text: {"good": 1, "n": 3}}}
    gate = gate_verdict(verdict="fail", name=text, type=text, reason=text, figures=figures, severity="warn",
                        quarantine={"until": text, "reason": text})  # fmt: skip
    spans = [{"start": 5, "end": 8, "text": "10%", "says": f"unsupported {text}"[:60], "evidence": text}]
    tests = [
        row(id=text, suite=text, verdict="fail", gates=(gate, gate_verdict(verdict="fail", name="own", reason=text)),
            problems=(text,), warnings=(text,), file=text,
            failing=[failing(number, gate=text, reason=text, case=text, spans=spans) for number in range(3)]),
        circuit_row(failing_gate(circuit={"outcomes": [outcome(text, 1.0, 64, 3.0)], "arms": [arm(text, "fail")],
                                          "against": text}),
                    shots_gate(), verdict="fail", circuit={"drawing": text, "source": text, "digest": text}),
    ]  # fmt: skip
    result = run_result(*tests, commit=text, versions={text: text}, recorded_at=text, started=text)
    result["execution"]["changes"] = [{"kind": text, "test": text, "gate": text, "text": text, "loosened": True}]
    result["execution"]["changes_against"] = {"commit": text, "target": text, "reason": None}
    result["execution"]["unpriced_models"] = [text]
    replies = {"text": f"Only 10% of it. {text}", "tool_calls": [{"name": text}]}
    return render_html(result, lambda digest: replies, Recorded(text))


@pytest.fixture(scope="module")
def plain() -> str:
    return full_page("refund-answers")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_in_either_theme(show: Show, plain: str, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install '.[dev]'")
    shown = show(plain, color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True)
    shown.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = axe.Axe().run(shown.page, options={"runOnly": {"type": "tag", "values": tags}})
    assert found.response["passes"], "axe ran"
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("policy", [True, False], ids=["with-policy", "without-policy"])
def test_hostile_text_does_nothing_with_or_without_the_policy(show: Show, attack: str, policy: bool) -> None:
    shown = show(full_page(attack), bypass_csp=not policy)
    shown.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
    shown.page.wait_for_timeout(100)
    assert shown.ask("window.owned") is None
    assert shown.console == []
    assert len(shown.requests) == 1
    assert shown.ask("document.querySelectorAll('img, iframe, object, embed, form, base, link').length") == 0
    links = shown.ask("[...document.links].map(link => link.getAttribute('href'))")
    assert all(link.startswith("#") for link in links)
    assert len(links) > 5


def test_the_page_makes_one_request_keeps_nothing_and_says_nothing_on_the_console(show: Show, plain: str) -> None:
    shown = show(plain)
    assert shown.console == []
    assert len(shown.requests) == 1
    assert shown.page.context.cookies() == []


def test_without_script_everything_is_read(show: Show, plain: str) -> None:
    shown = show(plain, java_script_enabled=False)
    for name in ("Gates", "What changed against the baseline", "Regressions, worst first", "Cost and tokens",
                 "Tests", "Circuits", "Provenance"):  # fmt: skip
        assert shown.page.get_by_role("heading", name=name, exact=True).is_visible()
    assert shown.page.get_by_text("This change must not ship").is_visible()
    label = shown.page.get_by_text("unsupported refund-answers: refund-answers").first
    label.scroll_into_view_if_needed()
    assert label.is_visible()
    assert not shown.page.locator("#tools").is_visible()


def test_the_filter_and_the_button_work(show: Show, plain: str) -> None:
    shown = show(plain)
    shown.page.fill("#find", "bell.qasm-is-not-here")
    assert shown.page.locator("article.test:visible").count() == 0
    assert shown.page.locator("#found").inner_text() == "0 of 2 tests"
    shown.page.fill("#find", "")
    shown.page.click("#all")
    assert shown.ask("document.querySelectorAll('details:not([open])').length") == 0


def test_print_opens_what_is_folded(show: Show, plain: str) -> None:
    shown = show(plain, java_script_enabled=False)
    folded = shown.page.locator("details:not([open])", has_text="Slices of the cases").locator("table").first
    assert not folded.is_visible()
    shown.page.emulate_media(media="print")
    assert folded.is_visible()
    assert folded.bounding_box()["height"] > 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_gets_tables_in_black_on_white(show: Show, plain: str, scheme: str) -> None:
    shown = show(plain, color_scheme=scheme, viewport={"width": 717, "height": 1000})  # A4 between Chromium's margins
    shown.page.emulate_media(media="print", color_scheme=scheme)
    assert shown.page.locator("#gates ~ table thead").bounding_box()["height"] > 10
    assert shown.ask("getComputedStyle(document.querySelector('tr.gate td')).display") == "table-cell"
    colours = "(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.body))"
    assert shown.ask(colours) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert shown.ask("document.documentElement.scrollWidth") <= 717


def test_the_words_at_two_limits_never_touch(show: Show) -> None:
    near = [gate_verdict(name=f"g{number}", threshold=good, bad=bad) for number, (good, bad) in enumerate(
        [(0.95, 0.90), (1.0, 0.99), (0.96, 0.955), (0.05, 0.06), (0.01, 0.0), (0.5, 0.9)])]  # fmt: skip
    shown = show(render_html(run_result(row(gates=tuple(near))), lambda digest: None))
    boxes = shown.ask(
        "[...document.querySelectorAll('svg.interval')].map(svg => [...svg.querySelectorAll('text')]"
        ".map(text => text.getBoundingClientRect()).map(({left, right, top, bottom}) => [left, right, top, bottom]))"
    )
    assert len(boxes) == len(near)
    for (left, right, _, _), (left2, right2, _, _) in (words[:2] for words in boxes):
        assert right < left2 or right2 < left
    lines = shown.ask(
        "[...document.querySelectorAll('svg.interval')].map(svg => [...svg.querySelectorAll('path.good, path.bad')]"
        ".map(path => path.getBoundingClientRect().bottom))"
    )
    for words, bottoms in zip(boxes, lines, strict=True):
        assert max(bottoms) <= min(top for _, _, top, _ in words[2:]) + 3, (
            "the labels of the axis are clear of the lines"
        )


@pytest.mark.parametrize("text", ["refund-answers", "x" * 400, HOSTILE], ids=["plain", "long", "hostile"])
def test_a_narrow_screen_shows_everything_without_scrolling_sideways(show: Show, text: str) -> None:
    shown = show(full_page(text), viewport={"width": 390, "height": 800})
    shown.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert shown.ask("document.documentElement.scrollWidth") <= 390


def test_a_second_rendering_gives_the_same_bytes(plain: str) -> None:
    assert full_page("refund-answers") == plain
