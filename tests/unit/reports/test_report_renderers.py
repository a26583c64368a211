"""What other tools read of a run: each report is well formed, bounded, and obeys nothing that a model says."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft7Validator
from markdown_it import MarkdownIt
from markdown_it.token import Token
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from report_samples import HOSTILE, failing, gate_verdict, run_result
from report_samples import test_row as row

from pytest_llmgate.core.rendered import Rendered, RunView
from pytest_llmgate.reports.badge import BadgeReport
from pytest_llmgate.reports.escape import clipped, visible
from pytest_llmgate.reports.findings import findings
from pytest_llmgate.reports.github import ANNOTATIONS, SUMMARY, GithubReport
from pytest_llmgate.reports.gitlab import GitlabReport, open_metrics
from pytest_llmgate.reports.markdown import COMMENT, MarkdownReport
from pytest_llmgate.reports.markdown_text import code, fenced, html_code, words
from pytest_llmgate.reports.sarif import RESULTS, SarifReport

NASTY = [
    HOSTILE, "`", "``` \n```", "a|b\\|c", "@octocat", "#12", "GH-12", "org/repo#3", "!7", "$5", "~bug", "%1.0",
    "https://evil.example", "www.evil.example", "a@evil.example", "![x](http://evil/x.png)", "[x](javascript:alert(1))",
    "<img src=x onerror=alert(1)>", "</details>", "<!--", "::error::x", "##[error]x", "1. x", "- x", "# x", "    x",
    "deadbeef", "JIRA-12", ":smile:", "x\n::warning::y", "%0A::error::z", "\r::error::z", "~~~", "* * *", "&lt;", "\\`",
]  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from([*NASTY, " ", "\n", "`", "word "]), max_size=12).map("".join),
)


def view(said: Callable[[str], str | None] = lambda digest: None, **environ: str) -> RunView:
    root = Path("/project")
    return RunView(folder=root / "run", root=root, environ=environ, said=said, trials=lambda: iter(()))


def failed(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A failing test, at line `number` of its suite."""
    gate = gate_verdict(verdict="fail", estimate=0.5, reason="29 of 58: at or above 95 % is ruled out (5 % risk)")
    values = {"verdict": "fail", "gates": (gate,), "id": f"suites/s.suite.yaml::t{number}", "line": number + 1}
    return row(**{**values, **changes})


def hostile(text: str) -> dict[str, Any]:
    """A result in which every field that anybody can fill says `text`."""
    gate = gate_verdict(name=text or "x", type="is-json", verdict="fail", estimate=0.5, reason=text)
    rows = (failing(1, gate=text or "x", reason=text, case=text),)
    test = row(id=text, verdict="fail", gates=(gate,), failing=rows, problems=(text,), file=text, line=3)
    other = row(id=text + "2", verdict="pass", gates=(gate_verdict(name=text or "x", reason=text),))
    result = run_result(test, other)
    change = {"kind": text, "test": text, "gate": text, "text": text, "loosened": True}
    result["execution"] |= {"warnings": [text], "unpriced_models": [text], "changes": [change]}
    return result


# ---- Markdown


ALLOWED = {
    "inline", "text", "code_inline", "strong_open", "strong_close", "fence", "html_block", "heading_open",
    "heading_close", "paragraph_open", "paragraph_close", "bullet_list_open", "bullet_list_close",
    "list_item_open", "list_item_close",
    "table_open", "table_close", "thead_open", "thead_close", "tbody_open", "tbody_close", "tr_open", "tr_close",
    "th_open", "th_close", "td_open", "td_close",
}  # fmt: skip
OURS = re.compile(
    r"<details><summary>(<code>([A-Za-z0-9 ]|&#\d+;)+</code>: (at least )?[\d,]+ failing trials?|[\d,]+ tests? passed)"
    r"</summary>|</details>"
)


def tokens(text: str) -> list[Token]:
    """The Markdown as CommonMark with tables and automatic links sees it."""
    blocks = MarkdownIt("commonmark", {"linkify": False}).enable("table").parse(text)
    return [token for block in blocks for token in (block, *(block.children or ()))]


def assert_inert(text: str) -> None:
    for token in tokens(text):
        assert token.type in ALLOWED, token
        if token.type == "html_block":
            assert OURS.fullmatch(token.content.strip()), token.content
        if token.type == "text":
            assert not re.search(r"[@#<>`!$~\\|]|://|www\.|%\w|gh-\d", token.content, re.I), token.content


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_nothing_in_a_text_is_markdown_html_a_link_or_a_mention(text: str) -> None:
    for limit in (COMMENT, SUMMARY):
        report = MarkdownReport() if limit == COMMENT else GithubReport()
        (said,) = report.render(hostile(text), view(lambda digest: text)).files.values()
        assert_inert(said)


@given(TEXTS)
def test_code_shows_the_text_and_all_of_it(text: str) -> None:
    (_, inline, _) = MarkdownIt("commonmark").parse(f"x {code(text)} y")
    kinds = [token.type for token in inline.children or ()]
    assert kinds == ["text", "code_inline", "text"]
    shown = (inline.children or ())[1].content
    assert shown.strip() == clipped(visible(text), 400).replace("|", "\\x7c").strip()
    (block,) = MarkdownIt("commonmark").parse(fenced(text, 10_000))
    assert block.type == "fence"
    assert block.content == visible(text.replace("\r\n", "\n"), keep="\n\t") + "\n"


@given(TEXTS)
def test_code_in_a_title_shows_the_text_and_is_one_element(text: str) -> None:
    found = re.fullmatch(r"<code>((?:[A-Za-z0-9 ]|&#\d+;)+)</code>", html_code(text))
    assert found is not None
    assert html.unescape(found[1]) == (clipped(visible(text), 200) or " ")


@pytest.mark.parametrize("text", NASTY)
def test_what_a_host_would_make_a_link_of_is_code(text: str) -> None:
    assert words(text).startswith("`")


def test_a_sentence_of_ours_stays_a_sentence() -> None:
    said = "30 of 58 (51.72 %): at or above 95 % is ruled out (5 % risk)"
    assert words(said) == said


def test_the_comment_shows_the_worst_first_and_what_was_said() -> None:
    undecided = failed(1, verdict="inconclusive", gates=(gate_verdict(verdict="inconclusive", stop_reason="ceiling"),))
    result = run_result(row(), undecided, failed(2, failing=(failing(3),)))
    text = MarkdownReport().render(result, view(lambda digest: f"the reply {digest}")).files["comment.md"]
    assert text.startswith("## llmgate: FAIL\n\n1 of 3 tests fails, 1 is inconclusive\n")
    assert text.index("| **fail** | `suites/s.suite.yaml::t2`") < text.index("| **inconclusive** |")
    assert "```text\nthe reply d3\n```" in text
    assert "<summary>1 test passed</summary>" in text


def comment(result: dict[str, Any]) -> str:
    """The text of a comment, where every reply says its own digest."""
    return MarkdownReport().render(result, view(lambda digest: f"the reply {digest}")).files["comment.md"]


def test_the_comment_begins_with_what_was_loosened_the_commit_and_what_a_pass_rules_out() -> None:
    result = run_result(row(), commit="0123456789abcdef", dirty=True)
    loosened = {"kind": "threshold", "test": "t", "gate": "g", "text": "min_rate: 0.9 → 0.5", "loosened": True}
    result["execution"]["changes"] = [{**loosened, "text": "min_rate: 0.5 → 0.9", "loosened": False}, loosened]
    said = comment(result)
    assert said.startswith(
        "## llmgate: PASS\n\nthe only test passes\n\n"
        "- **loosened** threshold: `t · g: min_rate: 0.9 → 0.5`\n- commit `0123456789ab`, with uncommitted changes\n"
    )
    assert "0.5 → 0.9" not in said
    assert "The passing gate rules out what it calls bad" in said


def test_the_fold_of_a_failing_test_names_it_and_alike_replies_stand_once() -> None:
    rows = [failing(number, reply="same") for number in range(8)] + [failing(8), failing(9), failing(10)]
    said = comment(run_result(failed(1, failing=rows), failed(2, failing=rows[:1])))
    titles = [html.unescape(title) for title in re.findall(r"<summary><code>(.*?)</summary>", said)]
    assert titles == [
        "suites/s.suite.yaml::t1</code>: 11 failing trials", "suites/s.suite.yaml::t2</code>: 1 failing trial",
    ]  # fmt: skip
    assert "`case c0, repeat 0, trial 0` (and 7 trials alike): not JSON" in said
    assert [said.count(f"the reply {name}\n") for name in ("same", "d8", "d9", "d10")] == [2, 1, 1, 0]
    assert "1 more in `report.html`" in said


@pytest.mark.parametrize("tests", [3, 3000])
def test_markdown_is_cut_by_us_and_says_so(tests: int) -> None:
    rows = [failed(number, failing=(failing(1), failing(2))) for number in range(tests)]
    result = run_result(*rows)
    page = view(lambda digest: "長い`" * 2000, GITHUB_STEP_SUMMARY="")
    comment = MarkdownReport().render(result, page).files["comment.md"]
    summary = GithubReport().render(result, page).files["summary.md"]
    assert len(comment.encode()) <= COMMENT
    assert len(summary.encode()) <= SUMMARY
    assert ("\nCut here. " in comment) == (tests == 3000)
    assert_inert(comment)
    assert comment.count("<details>") == comment.count("</details>")


# ---- GitHub


def test_a_step_that_has_said_much_already_leaves_less_room(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    path.write_bytes(b"x" * (SUMMARY - 5000))
    result = run_result(*(failed(number) for number in range(200)))
    rendered = GithubReport().render(result, view(GITHUB_STEP_SUMMARY=str(path)))
    assert len(rendered.appended[str(path)].encode()) <= 5001
    assert "Cut here" in rendered.appended[str(path)]


def test_annotations_stand_at_the_lines_of_the_suite_and_end_after_ten() -> None:
    result = run_result(*(failed(number) for number in range(14)))
    lines = GithubReport().render(result, view(GITHUB_ACTIONS="true", GITHUB_WORKSPACE="/")).lines
    assert lines[0] == (
        "::error file=project/suites/support.suite.yaml,line=1,title=llmgate fail%3A is-json::"
        "suites/s.suite.yaml::t0: 29 of 58: at or above 95 %25 is ruled out (5 %25 risk)"
    )
    assert len(lines) == ANNOTATIONS + 1
    assert lines[-1] == "llmgate: 4 more in report.html"


@given(TEXTS)
def test_an_annotation_is_one_command_whatever_is_in_it(text: str) -> None:
    for line in GithubReport().render(hostile(text), view(GITHUB_ACTIONS="true")).lines:
        assert line == visible(line)
        head, _, _ = line.removeprefix("::error ").partition("::")
        parts = [part.partition("=")[0] for part in head.split(",")]
        assert parts in (["file", "line", "title"], ["title"])


def test_reports_for_a_host_are_on_there_and_nowhere_else() -> None:
    assert GithubReport().active({"GITHUB_ACTIONS": "true"})
    assert GithubReport().active({"GITHUB_STEP_SUMMARY": "/s"})
    assert GitlabReport().active({"GITLAB_CI": "true"})
    assert not any(kind().active({}) for kind in (GithubReport, GitlabReport, SarifReport, MarkdownReport, BadgeReport))
    assert GithubReport().render(run_result(failed()), view(GITHUB_STEP_SUMMARY="/s")).lines == ()


# ---- GitLab


def samples(text: str) -> dict[tuple[str, str, str], float]:
    """Samples by name, test and gate, as Prometheus's own parser of OpenMetrics reads them."""
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(s.name, s.labels.get("test", ""), s.labels.get("gate", "")): s.value for s in found}


def test_metrics_hold_what_was_measured_and_no_more() -> None:
    unmeasured = failed(
        1, gates=(gate_verdict(name="u", verdict="error", estimate=None, interval=None, confidence=None),)
    )
    result = run_result(failed(), unmeasured)
    found = samples(open_metrics(result))
    assert found["llmgate_run_verdict", "", ""] == 3
    assert found["llmgate_gate_estimate", "suites/s.suite.yaml::t0", "is-json"] == 0.5
    assert found["llmgate_gate_lower", "suites/s.suite.yaml::t0", "is-json"] == 0.9497
    assert ("llmgate_gate_estimate", "suites/s.suite.yaml::t1", "u") not in found
    assert found["llmgate_run_cost_usd", "", ""] == 0.0024
    assert open_metrics(result).endswith("\n# EOF\n")


def test_an_unknown_cost_has_no_sample() -> None:
    result = run_result(failed())
    result["totals"]["cost_usd"] = None
    assert not [name for name, _, _ in samples(open_metrics(result)) if "cost" in name]


@given(TEXTS)
def test_metrics_can_be_parsed_whatever_a_name_is(text: str) -> None:
    found = samples(open_metrics(hostile(text)))
    assert ("llmgate_gate_estimate", visible(text), visible(text or "x")) in found


def quality(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(GitlabReport().render(result, view()).files["code-quality.json"])
    return found


def test_code_quality_has_what_gitlab_asks_for() -> None:
    warned = gate_verdict(name="w", verdict="fail", severity="warn", blocking=False, estimate=0.4)
    rows = quality(run_result(failed(4), row(gates=(warned,))))
    assert [one["severity"] for one in rows] == ["blocker", "minor"]
    assert rows[0]["location"] == {"path": "suites/support.suite.yaml", "lines": {"begin": 5}}
    assert rows[0].keys() == {"description", "check_name", "fingerprint", "severity", "location"}


def test_a_fingerprint_stays_where_lines_and_figures_change_and_no_two_are_equal() -> None:
    gates = (
        gate_verdict(name="a", verdict="fail", estimate=0.1),
        gate_verdict(name="b", verdict="fail", estimate=0.2, reason="other"),
    )
    before = quality(run_result(failed(1, id="t", gates=gates)))
    after = quality(run_result(failed(9, id="t", gates=tuple(gates))))
    assert {one["fingerprint"] for one in before} == {one["fingerprint"] for one in after}
    assert len({one["fingerprint"] for one in before}) == 2


# ---- SARIF

SARIF = Draft7Validator(json.loads((Path(__file__).parent / "sarif_subset.json").read_text()))


def sarif(result: Mapping[str, Any], **environ: str) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(SarifReport().render(result, view(**environ)).files["results.sarif"])
    SARIF.validate(log)
    return log


@settings(max_examples=60)
@given(TEXTS)
def test_sarif_has_the_shape_of_2_1_0_whatever_is_said(text: str) -> None:
    run = sarif(hostile(text))["runs"][0]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {one["ruleId"] for one in run["results"]} == rules == {"llmgate/is-json"}


def test_a_passing_run_has_no_results_but_is_a_run() -> None:
    (run,) = sarif(run_result(row()))["runs"]
    assert run["results"] == []


def test_sarif_is_cut_to_what_is_shown_and_says_so() -> None:
    (run,) = sarif(run_result(*(failed(number) for number in range(RESULTS + 7))))["runs"]
    assert len(run["results"]) == RESULTS
    assert run["properties"]["resultsLeftOut"] == 7


def test_a_path_is_a_uri() -> None:
    (run,) = sarif(run_result(failed(file="suites/a b#ü.yaml")), GITHUB_WORKSPACE="/")["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "project/suites/a%20b%23%C3%BC.yaml"


# ---- badge and what all share


@pytest.mark.parametrize("verdict", ["pass", "fail", "error", "inconclusive"])
def test_a_badge_says_the_verdict_and_loads_nothing(verdict: str) -> None:
    text = BadgeReport().render({"verdict": verdict}, view()).files["badge.svg"]
    picture = ElementTree.fromstring(text)
    assert picture.get("aria-label") == f"llmgate: {verdict}"
    assert [node.text for node in picture.iter("{http://www.w3.org/2000/svg}text")] == ["llmgate", verdict]
    assert not re.search(r"href|url\(|<script|<image|<style", text)


@pytest.mark.parametrize("why", ["first-fail", "first-error"])
def test_findings_are_the_worst_first_and_leave_out_what_is_no_news(why: str) -> None:
    cut = gate_verdict(name="cut", verdict="inconclusive", stop_reason=why)
    near = gate_verdict(name="near", verdict="fail", estimate=0.9)
    far = gate_verdict(name="far", verdict="fail", estimate=0.1)
    broken = failed(3, verdict="error", gates=(), problems=("no model",))
    result = run_result(broken, failed(1, gates=(near, cut)), failed(2, gates=(far,)), row())
    assert [(one.verdict, one.gate) for one in findings(result)] == [
        ("fail", "far"), ("fail", "near"), ("error", "not-judged"),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [GithubReport, GitlabReport, SarifReport, MarkdownReport, BadgeReport])
def test_a_report_renders_the_same_bytes_again_and_a_run_without_tests(kind: type[Any]) -> None:
    def rendered(result: Mapping[str, Any]) -> Rendered:
        made: Rendered = kind().render(result, view(lambda digest: "said", GITHUB_ACTIONS="1"))
        return made

    result = run_result(failed(failing=(failing(1),)), row())
    assert rendered(result) == rendered(json.loads(json.dumps(result)))
    assert all(rendered(run_result()).files.values())
