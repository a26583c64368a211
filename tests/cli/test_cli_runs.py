"""`llmgate verdict`, `regate`, `replay-trial` and `report`: recorded runs, looked at without paying again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .conftest import MODELS, Repo, suite

CONTAINS = "type: contains, value: good, bad_rate: 0.9"
T = "suites/{}.suite.yaml::t"

SUITES = {
    "pass": suite(CONTAINS),
    "fail": suite(CONTAINS, test="prompt: ask\n    model: bad"),
    "inconclusive": suite(CONTAINS, test="prompt: ask\n    trials: 20"),
    "error": suite(CONTAINS, test="prompt: ask\n    model: broken"),
    "drawn": suite(CONTAINS, "type: latency, max_ms: 101, bad_rate: 0.9", test="prompt: ask\n    model: drawn"),
    "taped": suite(CONTAINS, test="prompt: ask\n    model: taped"),
    "function": suite(CONTAINS, test='function: "models.py:said"'),
}
SAID = "\ndef said(q, trial): return f'good {q} {trial.seed}'\n"
BODY = """
import pytest

@pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
def test_body(trial): assert trial.seed >= 0
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run of each suite, each in the folder of its name."""
    folder = tmp_path_factory.mktemp("recorded")
    repo = Repo(folder, lambda: None).files(
        {"pyproject.toml": "", "suites/models.py": MODELS + SAID, "test_body.py": BODY}
    )
    repo.files({f"suites/{name}.suite.yaml": text for name, text in SUITES.items()})
    for name in SUITES:
        repo.gate(name, *(["test_body.py"] if name == "function" else []))
    return folder


@pytest.fixture
def runs(recorded: Path, repo: Repo) -> Repo:
    """The recorded runs, copied, so that a test may do to them what it likes."""
    shutil.copytree(recorded, repo.path, dirs_exist_ok=True)
    return repo


# ---- verdict


@pytest.mark.parametrize(("name", "code"), [("pass", 0), ("fail", 1), ("inconclusive", 3), ("error", 4)])
def test_the_exit_code_is_the_verdict(runs: Repo, name: str, code: int) -> None:
    assert runs.result(name)["verdict"] == name
    done = runs.llmgate("verdict", name)
    assert done.code == code
    assert done.text.startswith(name.upper())
    assert runs.llmgate("regate", name).code == code


def test_without_a_name_the_newest_run_is_meant(runs: Repo) -> None:
    assert json.loads(runs.llmgate("verdict", "--json").raw) == runs.result(list(SUITES)[-1])
    (runs.path / ".llmgate" / "latest").write_text("fail")
    assert runs.llmgate("verdict").code == 1


# ---- regate


@pytest.mark.parametrize("name", ["pass", "fail", "inconclusive", "error", "drawn", "taped", "function"])
def test_deciding_again_gives_the_same_result_without_a_call(runs: Repo, name: str) -> None:
    shutil.rmtree(runs.path / "suites")  # nothing is left that could be asked
    again = json.loads(runs.llmgate("regate", name, "--json").raw)
    assert again["run"].pop("exploratory") is False
    assert again == runs.result(name)


def test_other_thresholds_are_labelled_exploratory(runs: Repo) -> None:
    for options, code in (
        (("--good", "0.9", "--bad", "0.5"), 0), (("--beta", "0.001"), 3), (("--gate", "contains", "--alpha", "0.2"), 0)
    ):  # fmt: skip
        done = runs.llmgate("regate", "pass", *options)
        assert (done.code, done.text.startswith("exploratory: these thresholds were chosen after")) == (code, True)
    assert json.loads(runs.llmgate("regate", "pass", "--beta", "0.1", "--json").raw)["run"]["exploratory"] is True
    assert runs.result("pass") == json.loads(runs.llmgate("verdict", "pass", "--json").raw)


def test_another_latency_limit_is_measured_on_the_recorded_times(runs: Repo) -> None:
    done = runs.llmgate("regate", "drawn", "--limit-ms", "50")
    assert done.code == 1
    assert done.text.startswith("exploratory")
    judged = json.loads(runs.llmgate("regate", "drawn", "--limit-ms", "50", "--json").raw)
    contains, latency = judged["tests"][0]["gates"]
    assert (contains["verdict"], latency["verdict"]) == ("inconclusive", "fail")
    times = [json.loads(line)["latency_ms"] for line in (runs.path / "drawn" / "trials.jsonl").open()]
    assert latency["successes"] == sum(time <= 50 for time in times[: latency["n"]])
    assert runs.llmgate("regate", "drawn", "--limit-ms", "100.5").code == 0


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--gate", "nope"), "unknown-gate"),
        (("--gate", "nope", "--alpha", "0.01"), "unknown-gate"),
        (("--limit-ms", "5"), "unknown-gate"),
        (("--good", "0.5"), "rates-wrong-side"),
        (("--alpha", "7"), "rates-impossible"),
        (("--beta", "0"), "rates-impossible"),
    ],
)
def test_thresholds_that_make_no_sense_are_refused(runs: Repo, options: tuple[str, ...], code: str) -> None:
    done = runs.llmgate("regate", "pass", *options)
    assert done.code == 2
    assert f"[{code}]" in done.text


def test_naming_a_gate_without_changing_it_is_no_mistake(runs: Repo) -> None:
    assert runs.llmgate("regate", "pass", "--gate", "contains").code == 0


# ---- replay-trial


def test_drawing_a_trial_again_makes_no_run(runs: Repo) -> None:
    latest, folders = runs.path / ".llmgate/latest", sorted((runs.path / ".llmgate").iterdir())
    before = latest.read_text()
    assert runs.llmgate("replay-trial", "pass", T.format("pass"), "7").code == 0
    assert latest.read_text() == before, "verdict, regate and accept would speak of a trial"
    assert sorted((runs.path / ".llmgate").iterdir()) == folders


@pytest.mark.parametrize("name", ["drawn", "function"])
def test_the_same_seed_draws_the_same_reply(runs: Repo, name: str) -> None:
    rows = [json.loads(line) for line in (runs.path / name / "trials.jsonl").open()]
    row = next(row for row in rows if row["test"] == T.format(name) and row["index"] == 7)
    done = runs.llmgate("replay-trial", name, T.format(name), "7")
    assert done.code == 0
    assert f"trial 7, case {row['case']}, repeat {row['repeat']}, seed {row['seed']}" in done.text
    assert "(the same reply, asked live)" in done.text


def test_a_recorded_reply_comes_from_the_cassette(runs: Repo) -> None:
    runs.files({"suites/models.py": "def drawn(request): return 'changed'\ngood = bad = broken = said = drawn\n"})
    kept = runs.llmgate("replay-trial", "taped", T.format("taped"), "3", "--record", "replay")
    assert "(the same reply, recorded)" in kept.text
    changed = runs.llmgate("replay-trial", "taped", T.format("taped"), "3", "--record", "live")
    assert "drawn again: contains bad" in changed.text
    assert "(another reply, asked live)" in changed.text


def test_a_trial_that_was_never_drawn_has_nothing_to_be_compared_with(runs: Repo) -> None:
    done = runs.llmgate("replay-trial", "pass", T.format("pass"), "5000")
    assert "recorded: nothing" in done.text
    assert "(nothing recorded to compare with, asked live)" in done.text


def test_a_failing_draw_says_why(runs: Repo) -> None:
    done = runs.llmgate("replay-trial", "error", T.format("error"), "0")
    assert done.code == 0
    assert "contains not scored" in done.text
    assert "ConnectionError: nobody at home" in done.text


def test_the_body_of_a_test_is_run_by_pytest(runs: Repo) -> None:
    done = runs.llmgate("replay-trial", "function", "test_body.py::test_body", "0")
    assert done.code == 0
    assert "recorded: stochastic good" in done.text
    assert "run the test itself: pytest --llm-suite test_body.py::test_body" in done.text


def test_an_unknown_test_is_told_with_the_known_ones(runs: Repo) -> None:
    done = runs.llmgate("replay-trial", "pass", "suites/pass.suite.yaml::tt", "0")
    assert (done.code, f"did you mean '{T.format('pass')}'?" in done.text) == (2, True)


def test_a_test_that_has_left_its_suite_is_not_drawn(runs: Repo) -> None:
    renamed = SUITES["pass"].replace("id: t\n", "id: renamed\n")
    done = runs.files({"suites/pass.suite.yaml": renamed}).llmgate("replay-trial", "pass", T.format("pass"), "0")
    assert (done.code, "has no test" in done.text) == (2, True)


# ---- report, and runs that cannot be read


def test_a_report_is_written_again(runs: Repo) -> None:
    page = runs.path / "fail" / "report.html"
    before = page.read_text()
    page.unlink()
    done = runs.llmgate("report", "fail")
    assert done.code == 0
    assert done.text.endswith("report.html")
    assert page.read_text() == before


@pytest.mark.parametrize("command", ["verdict", "regate", "report"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"llmgate.result/1"', '"llmgate.result/2"'),
        ('"verdict": "pass"', '"verdict": "splendid"'),
        ('"tests": [', '"was_tests": ['),
        ('"totals": {', '"was_totals": {'),
        ("\n}", ""),
    ],
    ids=["newer", "no-such-verdict", "no-tests", "no-totals", "cut-off"],
)
def test_a_result_that_cannot_be_understood_is_never_a_verdict(runs: Repo, command: str, old: str, new: str) -> None:
    path = runs.path / "pass" / "result.json"
    head, _, tail = path.read_text().rpartition(old) if old == "\n}" else path.read_text().partition(old)
    path.write_text(head + new + tail)
    done = runs.llmgate(command, "pass")
    assert done.code == 2
    assert "result.json" in done.text
    assert "[run-damaged]" in done.text


@pytest.mark.parametrize(("name", "command"), [("run.json", "verdict"), ("plan.json", "regate")])
@pytest.mark.parametrize("content", ["", "{", "[1]", '{"schema": "llmgate.run/2"}'])
def test_a_damaged_run_is_named(runs: Repo, name: str, command: str, content: str) -> None:
    (runs.path / "pass" / name).write_text(content)
    done = runs.llmgate(command, "pass")
    assert done.code == 2
    assert f"{name}: the run's file is damaged" in done.text


def test_a_run_that_ended_too_early_says_how_to_go_on(runs: Repo) -> None:
    (runs.path / "pass" / "result.json").unlink()
    done = runs.llmgate("verdict", "pass")
    assert (done.code, "go on with it: pytest --llm-suite --llm-resume" in done.text) == (2, True)
    assert runs.llmgate("regate", "pass").code == 0  # its trials are all there


def test_lost_trials_are_never_a_pass(runs: Repo) -> None:
    path = runs.path / "pass" / "trials.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:30]))
    done = runs.llmgate("regate", "pass")
    assert done.code == 3
    assert "the recorded trials end here" in done.text


def test_all_reports_that_a_run_had_are_written_again(runs: Repo) -> None:
    folder = runs.gate("fail", "--llm-report=badge", "--llm-report=sarif")
    kept = {path.name: path.read_bytes() for path in (folder / "badge.svg", folder / "results.sarif")}
    for name in kept:
        (folder / name).unlink()
    done = runs.llmgate("report", "fail")
    assert (done.code, len(done.raw.split())) == (0, 3)
    assert {name: (folder / name).read_bytes() for name in kept} == kept


def test_one_report_is_asked_for_by_name_and_also_speaks(runs: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(runs.path / "summary"))
    assert "::error" not in runs.llmgate("report", "fail").raw
    assert not (runs.path / "summary").exists()
    done = runs.llmgate("report", "fail", "--only", "github")
    assert "::error file=suites/fail.suite.yaml," in done.raw
    assert (runs.path / "summary").read_text().startswith("## llmgate: FAIL")
    unknown = runs.llmgate("report", "fail", "--only", "gihtub")
    assert (unknown.code, "did you mean 'github'?" in unknown.text) == (2, True)


def test_a_report_that_cannot_be_written_again_is_told(runs: Repo) -> None:
    page = runs.path / "fail" / "report.html"
    page.unlink(missing_ok=True)
    page.mkdir()
    done = runs.llmgate("report", "fail")
    assert (done.code, "[report-failed]" in done.text) == (2, True)
