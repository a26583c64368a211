"""Reports of a run: on by the environment, by an option or by a plugin, and never in each other's way."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from .conftest import Example, Ran

SUITE = """
suite: shop
models:
  scripted: {provider: python, target: "models.py:reply"}
tests:
  - id: says
    model: scripted
    prompt: {text: "Say {{ word }}"}
    cases: [{id: one, vars: {word: good}}]
    assert:
      - {type: contains, value: good, bad_rate: 0.5}
  - id: fails
    model: scripted
    prompt: {text: "Say {{ word }}"}
    cases: [{id: one, vars: {word: "bad\\n::error::owned"}}]
    assert:
      - {type: contains, value: good, bad_rate: 0.5}
"""
PLUGIN = """
    from pytest_llmgate.core.rendered import Rendered
    from pytest_llmgate.extensions.hookspecs import hookimpl

    class Table:
        def active(self, environ): return True
        def render(self, result, view):
            rows = list(view.trials())
            return Rendered(files={"table.csv": f"trials,{len(rows)}\\n"}, lines=("a table was written",))

    class Vandal:
        def active(self, environ): return True
        def render(self, result, view):
            result["verdict"] = "pass"
            result["tests"].clear()
            WHAT

    @hookimpl
    def llmgate_register_reports(register):
        register("table", Table)
        register("a-vandal", Vandal)
"""


@pytest.fixture
def shop(example: Example, monkeypatch: pytest.MonkeyPatch) -> Example:
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    return example.files({
        "suites/shop.suite.yaml": SUITE,
        "suites/models.py": "def reply(request): return request.prompt.removeprefix('Say ')",
    })  # fmt: skip


def note(ran: Ran) -> dict[str, dict[str, object]]:
    """`reports.json`."""
    found: dict[str, dict[str, object]] = json.loads((ran.folder / "reports.json").read_text())
    return found


def test_without_a_ci_system_there_is_the_page_alone(shop: Example) -> None:
    ran = shop.gate()
    assert note(ran) == {"files": {"html": ["report.html"]}, "failed": {}}
    assert "::error" not in ran.text.replace("\\n::error", "")


def test_on_github_the_step_gets_a_summary_and_the_log_commands_of_ours_only(shop: Example) -> None:
    shop.env("GITHUB_ACTIONS", "true")
    shop.env("GITHUB_STEP_SUMMARY", str(shop.path / "summary"))
    (shop.path / "summary").write_text("said before\n")
    ran = shop.gate()
    summary = (shop.path / "summary").read_text()
    assert summary.startswith("said before\n## llmgate: FAIL\n")
    assert (ran.folder / "summary.md").read_text() in summary
    commands = [line for line in ran.text.splitlines() if line.startswith("::")]
    assert len(commands) == 1
    assert commands[0].startswith("::error file=suites/shop.suite.yaml,line=11,title=llmgate fail%3A contains::")


def test_on_gitlab_there_are_metrics_and_code_quality(shop: Example) -> None:
    shop.env("GITLAB_CI", "true")
    ran = shop.gate()
    assert note(ran)["files"]["gitlab"] == ["metrics.txt", "code-quality.json"]
    (row,) = json.loads((ran.folder / "code-quality.json").read_text())
    assert row["location"] == {"path": "suites/shop.suite.yaml", "lines": {"begin": 11}}


def test_reports_are_named_by_option_and_by_pyproject(shop: Example) -> None:
    assert {"badge", "html"} <= note(shop.gate("--llm-report", "badge"))["files"].keys()
    shop.pyproject('[tool.llmgate]\nreport = ["sarif", "markdown"]\n')
    assert note(shop.gate())["files"].keys() == {"html", "markdown", "sarif"}
    assert note(shop.gate("--llm-report=badge"))["files"].keys() == {"badge", "html"}


def test_an_unknown_report_is_refused_before_anything_runs(shop: Example) -> None:
    ran = shop.gate("--llm-report", "sarfi")
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert "unknown report 'sarfi'; did you mean 'sarif'? [unknown-report]" in ran.text


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("raise KeyError('oops')", "KeyError: 'oops'"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("return None", "AttributeError"),
        ("return Rendered(files={'result.json': '{}'})", "report-file"),
        ("return Rendered(files={'../../out.txt': 'x'})", "report-file"),
        ("return Rendered(files={'/tmp/out.txt': 'x'})", "report-file"),
        ("return Rendered(files={'a.txt': 1})", "AttributeError"),
        ("return Rendered(appended={'/nowhere/at/all': 'x'})", "FileNotFoundError"),
    ],
)
def test_a_report_that_fails_changes_no_verdict_and_no_other_report(shop: Example, what: str, said: str) -> None:
    before = shop.gate()
    shop.files({"conftest.py": PLUGIN.replace("WHAT", what)})
    ran = shop.gate()
    assert ran.code == before.code == 1
    assert ran.judged == before.judged
    assert (ran.folder / "table.csv").read_text().startswith("trials,")
    assert "a table was written" in ran.text.splitlines()
    assert "2 tests" in (ran.folder / "report.html").read_text()
    assert "the report 'a-vandal' could not be written: " in " ".join(ran.text.split())
    assert said in str(note(ran)["failed"]["a-vandal"])
    assert not (ran.folder.parent / "out.txt").exists()


def test_under_xdist_the_controller_alone_writes(shop: Example) -> None:
    shop.env("GITHUB_STEP_SUMMARY", str(shop.path / "summary"))
    shop.gate("-n2", "--llm-report", "badge")
    assert (shop.path / "summary").read_text().count("## llmgate") == 1


def test_files_of_an_earlier_runs_reports_do_not_outlive_it(shop: Example) -> None:
    shop.files({"conftest.py": PLUGIN.replace("WHAT", "return Rendered()")})
    ran = shop.gate("--llm-results=out", "--llm-report=badge")
    assert (ran.folder / "badge.svg").exists()
    shop.files({"conftest.py": ""})
    assert not list((shop.gate("--llm-results=out").folder).glob("*.csv"))
    assert not (ran.folder / "badge.svg").exists()


def test_junit_has_the_sentence_and_the_main_figures(shop: Example) -> None:
    ran = shop.gate("--junitxml=gate.xml")
    cases = {case.get("name"): case for case in ElementTree.parse(shop.path / "gate.xml").iter("testcase")}
    properties = {one.get("name"): one.get("value") for one in cases["fails"].iter("property")}
    assert properties["llmgate"] == "fail"
    assert properties["llmgate.trials"] == str(ran.test("fails")["trials"])
    assert str(properties["llmgate.contains"]).startswith("fail: 0 %, interval ")
    failure = cases["fails"].find("failure")
    assert failure is not None
    assert ran.gate("fails")["reason"] in str(failure.text)
    assert "llmgate.cost_usd" not in properties


@pytest.mark.parametrize("options", [(), ("-n2",)], ids=["alone", "workers"])
def test_a_long_sentence_fits_the_terminal_and_stays_whole_in_junit(shop: Example, options: tuple[str, ...]) -> None:
    name = "name-of-a-gate-" * 4
    shop.files({"suites/shop.suite.yaml": SUITE.replace("bad_rate: 0.5}", f"bad_rate: 0.5, name: {name}}}")})
    ran = shop.gate("--junitxml=gate.xml", *options)
    whole = f"fail: {name}: {ran.gate('fails')['reason']}"
    shown = ran.text.partition("= FAILURES =")[2].partition("= llmgate =")[0]
    assert whole not in shown
    assert whole in " ".join(shown.split())
    failures = ElementTree.parse(shop.path / "gate.xml").iter("failure")
    assert [(whole in str(one.get("message")), whole in str(one.text)) for one in failures] == [(True, True)]


def test_a_name_with_a_fault_in_its_loading_is_no_verdict(shop: Example, tmp_path: Path) -> None:
    shop.files({
        "conftest.py": """
            from pytest_llmgate.extensions.hookspecs import hookimpl

            @hookimpl
            def llmgate_register_reports(register):
                register("lost", "no_such_module:X")
        """
    })  # fmt: skip
    ran = shop.gate()
    assert "the report 'lost' could not be written" in " ".join(ran.text.split())
    assert ran.verdicts == {"says": "pass", "fails": "fail"}
    refused = shop.gate("--llm-report=lost")
    assert (refused.code, "[extension-load]" in refused.text) == (pytest.ExitCode.USAGE_ERROR, True)


LARGE = """
suite: large
tests:
  - id: long-replies
    function: "app.py:long_reply"
    cases: [{vars: {q: a}, context: The bridge is 90 m long.}]
    trials: 20
    stop: all
    assert:
      - {type: contains, value: good, bad_rate: 0.5}
      - {type: safety, severity: info, policy: policy.yaml}
  - id: many-trials
    function: "app.py:answer"
    cases: [{vars: {q: a}}, {vars: {q: b}}]
    trials: 100000
    assert:
      - {type: contains, value: good, min_rate: 0.95, bad_rate: 0.9485}
"""
APP = """
    import itertools

    COUNT = itertools.count()

    def long_reply(q):
        return "::error::owned <b>10%</b> \\x1b[31m| " * 40_000

    def answer(q):
        number = next(COUNT)
        return "bad" if number % 20 == 3 or number % 997 == 0 else "good"
"""
MEGABYTE = 1 << 20


def test_replies_of_a_megabyte_and_a_run_of_100_000_trials_leave_reports_that_can_be_read(example: Example) -> None:
    """Neither is cut off silently: what is left out is counted, and what CI systems take stays below their limits."""
    example.files(
        {
            "suites/large.suite.yaml": LARGE,
            "suites/app.py": APP,
            "suites/policy.yaml": "rules: [{id: keys, secrets: true}]\n",
        }
    )
    names = ("html", "markdown", "gitlab", "sarif", "badge", "prometheus")
    ran = example.gate(*(f"--llm-report={name}" for name in names))
    assert ran.test("many-trials")["trials"] == 100_000
    assert len(next(text for text in ran.said().values() if "owned" in text)) > MEGABYTE
    sizes = {path.name: path.stat().st_size for path in ran.folder.iterdir()}
    assert sizes["report.html"] < 2 * MEGABYTE
    assert sizes["comment.md"] < 60_000
    assert all(sizes[name] < MEGABYTE for name in sizes if not name.endswith((".jsonl", ".html")))
    page = (ran.folder / "report.html").read_text()
    assert "characters more)" in page, "the page does not say that the reply goes on"
    assert "100,000" in page
    assert len(ran.text) < 100_000
    assert "\n::error" not in ran.text
