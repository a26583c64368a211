"""What a run leaves on disk, and what the options of a run do."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .conftest import Example

SUITE = """
suite: shop
seed: 7
models:
  scripted: {provider: python, target: "models.py:reply"}
prompts:
  ask: {text: "Say {{ word }}"}
tests:
  - id: says
    model: scripted
    prompt: ask
    cases: [{id: one, vars: {word: good}}, {id: two, vars: {word: goods}}]
    assert:
      - {type: contains, value: good, bad_rate: 0.9}
      - {type: min-length, value: 3, max_rate: 0.05, bad_rate: 0.2, severity: info, name: long}
"""


@pytest.fixture
def shop(example: Example) -> Example:
    return example.files({
        "suites/shop.suite.yaml": SUITE,
        "suites/models.py": "def reply(request): return request.prompt.removeprefix('Say ')",
    })  # fmt: skip


RUN = {"id", "seed", "plan_digest", "record", "interrupted", "commit", "dirty", "attempt", "recorded_at", "versions"}
TEST = {
    "id", "suite", "kind", "verdict", "target", "trials", "cases", "cases_total", "holes", "distinct_replies", "usage",
    "gates",
}  # fmt: skip
GATE = {
    "name", "type", "severity", "verdict", "n", "successes", "n_all", "successes_all", "estimate", "interval",
    "interval_method", "confidence", "threshold", "bad", "bad_assumed", "alpha", "alpha_used", "family", "beta",
    "stop_reason", "reason",
}  # fmt: skip


def test_the_result_has_the_promised_shape(shop: Example) -> None:
    result = shop.gate().result
    assert result["schema"] == "llmgate.result/1"
    assert list(result) == ["schema", "verdict", "run", "totals", "tests", "execution"]
    assert result["run"].keys() >= RUN
    totals = {"tests", "trials", "calls", "input_tokens", "output_tokens", "cost_usd", "redactions"}
    assert set(result["totals"]) == totals
    assert set(result["execution"]) >= {"overrun_trials", "billed", "wall_s", "workers"}
    (test,) = result["tests"]
    assert test.keys() >= TEST
    assert all(gate.keys() >= GATE for gate in test["gates"])


def test_figures_of_a_passing_gate_hang_together(shop: Example) -> None:
    ran = shop.gate()
    gate = ran.gate("says", "contains")
    low, high = gate["interval"]
    assert (gate["verdict"], gate["estimate"], gate["threshold"], gate["bad"]) == ("pass", 1.0, 0.95, 0.9)
    assert low >= gate["bad"]
    assert high >= gate["estimate"]
    assert gate["n"] == gate["successes"] <= gate["n_all"] == ran.test("says")["trials"] == len(ran.rows())
    assert gate["reason"] == f"{gate['n']} of {gate['n']}: at or below 90 % is ruled out (5 % risk)"


def test_rates_of_unwanted_events_are_rates_of_the_event(shop: Example) -> None:
    gate = shop.gate().gate("says", "long")
    assert (gate["threshold"], gate["bad"]) == (0.05, 0.2)
    assert gate["verdict"] == "fail", "every reply has three characters or more"
    assert gate["successes"] == 0
    assert gate["estimate"] == 1.0


def test_a_gate_that_only_informs_does_not_fail_the_test(shop: Example) -> None:
    ran = shop.gate()
    assert ran.gate("says", "long")["verdict"] == "fail"
    assert (ran.code, ran.verdicts, ran.result["verdict"]) == (0, {"says": "pass"}, "pass")


def test_what_was_not_measured_is_null(shop: Example) -> None:
    totals = shop.gate().result["totals"]
    assert totals["calls"] == totals["trials"] > 0
    assert (totals["input_tokens"], totals["output_tokens"], totals["cost_usd"]) == (None, None, None)


def test_money_is_a_decimal_string(shop: Example) -> None:
    shop.files(
        {
            "suites/models.py": """
        from pytest_llmgate import Reply
        def reply(request): return Reply("good", input_tokens=10, output_tokens=5, cost_usd="0.00012")
    """
        }
    )
    ran = shop.gate()
    trials = ran.result["totals"]["trials"]
    assert ran.result["totals"]["cost_usd"] == f"{trials * 12 / 100000:.5f}"
    assert ran.result["totals"]["input_tokens"] == 10 * trials


def test_trials_are_sorted_and_say_all_that_was_promised(shop: Example) -> None:
    ran = shop.gate()
    rows = ran.rows()
    assert [row["index"] for row in rows] == list(range(len(rows)))
    assert rows[0].keys() >= {
        "test", "case", "index", "repeat", "seed", "verdicts", "scores", "usage", "latency_ms", "overrun", "error",
        "reply",
    }  # fmt: skip
    assert {tuple(row["verdicts"]) for row in rows} == {("contains", "long")}
    assert {ran.said()[row["reply"]] for row in rows} == {"good", "goods"}
    assert not any(row["overrun"] for row in rows)


def test_what_was_in_flight_at_the_decision_is_an_overrun_and_not_counted(example: Example) -> None:
    example.files({
        "app.py": """
            import asyncio
            async def answer(trial):
                await asyncio.sleep(0.01 if trial.index % 7 else 0.05)
                return "bad" if trial.index < 10 else "good"
        """,
        "a.suite.yaml": """
            suite: a
            tests: [{id: t, function: "app.py:answer", cases: [{vars: {}}], assert: [{type: contains, value: good}]}]
        """,
    })  # fmt: skip
    ran = example.gate("--llm-concurrency", "64")
    assert ran.verdicts == {"t": "fail"}
    counted = [row for row in ran.rows() if not row["overrun"]]
    over = [row for row in ran.rows() if row["overrun"]]
    assert len(counted) == ran.test("t")["trials"]
    assert len(over) == ran.result["execution"]["overrun_trials"] > 0
    assert ran.result["execution"]["billed"]["calls"] == len(counted) + len(over)


def test_the_folder_hides_from_git_and_latest_names_the_newest_run(shop: Example) -> None:
    first, second = shop.gate(), shop.gate()
    state = shop.path / ".llmgate"
    assert (state / ".gitignore").read_text() == "*\n"
    assert first.folder != second.folder == shop.path / (state / "latest").read_text()
    names = {path.name for path in second.folder.iterdir()}
    assert names >= {"result.json", "trials.jsonl", "transcripts.jsonl", "report.html"}
    assert not [name for name in names if name.startswith(("trials.main", "cassette-"))], "segments are merged"


def test_results_can_lie_elsewhere_and_are_replaced(shop: Example) -> None:
    first = shop.gate("--llm-results", "out")
    assert first.folder == shop.path / "out"
    billed = first.result["execution"]["billed"]
    assert shop.gate("--llm-results", "out").result["execution"]["billed"] == billed, "nothing of the first run is left"


def test_a_folder_with_somebody_elses_files_is_refused(shop: Example) -> None:
    shop.files({"out/trials.jsonl": "mine"})
    ran = shop.gate("--llm-results", "out")
    assert ran.code != 0
    assert "results-not-ours" in ran.text
    assert (shop.path / "out/trials.jsonl").read_text() == "mine"


def test_a_place_where_nothing_can_be_written_is_an_error(shop: Example) -> None:
    shop.files({"taken": "a file"})
    ran = shop.gate("--llm-results", "taken/out")
    assert ran.code != 0
    assert "passed" not in ran.summary
    assert "cannot-write" in ran.text
    assert "Traceback" not in ran.text


def test_the_report_escapes_what_a_model_says(shop: Example) -> None:
    shop.files({"suites/models.py": "def reply(request): return '<script>alert(1)</script>'"})
    page = (shop.gate().folder / "report.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_secrets_stand_in_no_file_of_the_run(shop: Example) -> None:
    canaries = ("jane.roe@corp-example.com", "4111 1111 1111 1111", "sk-proj-" + "a1B2c3D4e5F6g7H8i9J0" * 2)
    shop.files({"suites/models.py": f"def reply(request): return 'good ' + ' '.join({canaries!r})"})
    ran = shop.gate("-rA")
    assert ran.verdicts == {"says": "pass"}
    assert "@" in next(iter(ran.said().values())), "an e-mail stays an e-mail"
    assert not [canary for canary in canaries if canary in ran.text]
    assert leaks(shop.path, canaries) == {"suites/models.py"}


def test_secrets_in_errors_stand_in_no_file_of_the_run(shop: Example) -> None:
    canary = "jane.roe@corp-example.com"
    shop.files({
        "suites/models.py": f"def reply(request): raise ValueError('no reply for {canary}')",
        "test_m.py": f"""
            import pytest
            @pytest.mark.stochastic
            def test_raises(): raise ValueError("no account for {canary}")
            @pytest.mark.stochastic
            def test_asserts(): assert "x" == "{canary}"
        """,
    })  # fmt: skip
    ran = shop.gate("-p", "no:cacheprovider", ".")
    assert ran.verdicts == {"says": "error", "test_raises": "error", "test_asserts": "fail"}
    assert canary not in ran.text
    sources = {"suites/models.py", "test_m.py"}
    assert {name for name in leaks(shop.path, (canary,)) if "__pycache__" not in name} == sources


def leaks(folder: Path, canaries: tuple[str, ...]) -> set[str]:
    """Files that hold a canary."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and any(canary.encode() in path.read_bytes() for canary in canaries)
    }


# ---- options


def test_an_inconclusive_verdict_fails_unless_it_shall_warn(shop: Example) -> None:
    ran = shop.gate("--llm-trials", "10", "--junitxml=out.xml")
    assert (ran.code, ran.summary, ran.verdicts) == (1, "1 failed", {"says": "inconclusive"})
    assert "inconclusive: " in (shop.path / "out.xml").read_text()
    ran = shop.gate("--llm-trials", "10", "--llm-inconclusive=warn")
    assert (ran.code, ran.summary) == (0, "1 passed, 1 warning")
    assert ran.result["verdict"] == "inconclusive"
    assert "cannot tell 95 % from" in ran.text


def test_an_alias_can_be_sent_elsewhere(shop: Example) -> None:
    shop.files({"broken.py": "def reply(request): return 'bad'"})
    ran = shop.gate("--llm-model", "scripted=python:../broken.py:reply")
    assert (ran.code, ran.verdicts) == (1, {"says": "fail"}), ran.text
    assert "0 of " in ran.text
    assert "at or above the limit of 95 % is ruled out" in ran.text


@pytest.mark.parametrize(("target", "said"), [
    ("skripted=local:smollm2-135m", "did you mean 'scripted'"),
    ("scripted=nowhere", "nowhere"),
    ("scripted=python:models.py", "python"),
    ("scripted=anthropic:claude", "not available yet"),
    ("scripted", "ALIAS=TARGET"),
])  # fmt: skip
def test_an_alias_that_leads_nowhere_is_an_error(shop: Example, target: str, said: str) -> None:
    ran = shop.gate("--llm-model", target)
    assert ran.code in (2, 4), ran.text
    assert said in ran.text


def test_a_profile_sets_options_and_the_command_line_wins(shop: Example) -> None:
    shop.pyproject("[tool.llmgate.profiles.quick]\ntrials = 10\nseed = 3\ninconclusive = 'warn'")
    ran = shop.gate("--llm-profile", "quick")
    assert (ran.code, ran.verdicts, ran.result["run"]["seed"]) == (0, {"says": "inconclusive"}, 3)
    assert shop.gate("--llm-profile", "quick", "--llm-trials", "500").verdicts == {"says": "pass"}
    ran = shop.gate("--llm-profile", "quik")
    assert ran.code == 4
    assert "did you mean 'quick'" in ran.text


def test_the_profile_ci_is_used_where_ci_is_set(shop: Example) -> None:
    shop.pyproject("[tool.llmgate.profiles.ci]\nseed = 9")
    assert shop.gate().result["run"]["seed"] == 7
    shop.env("CI", "true")
    ran = shop.gate()
    assert (ran.result["run"]["seed"], ran.result["run"]["record"]) == (9, "replay")


@pytest.mark.parametrize("option", [
    "--llm-trials=0", "--llm-concurrency=0", "--llm-budget=much", "--llm-record=never", "--llm-prices=missing.json",
    "--llm-trials=many",
])  # fmt: skip
def test_impossible_options_are_usage_errors(shop: Example, option: str) -> None:
    ran = shop.gate(option)
    assert ran.code == 4, ran.text
    assert option.partition("=")[0] in ran.text


def test_a_run_without_baseline_gates_says_that_it_proposes_none(shop: Example) -> None:
    ran = shop.gate("--llm-baseline=propose")
    assert ran.result["execution"]["proposed_baselines"] == 0
    assert "no baseline was proposed" in " ".join(ran.text.split())


# ---- python models that misbehave


@pytest.mark.parametrize(("body", "said"), [
    ("raise ValueError('no idea')", "no idea"),
    ("raise SystemExit(0)", "SystemExit"),
    ("return object()", "object"),
    ("return None", "None"),
    ("return 12", "int"),
    ("import time; time.sleep(3600)", "no answer within 0.2 s"),
], ids=["raises", "exits", "object", "none", "number", "hangs"])  # fmt: skip
def test_a_model_without_a_reply_is_an_error_and_never_a_pass(shop: Example, body: str, said: str) -> None:
    shop.files({
        "suites/models.py": f"def reply(request): {body}",
        "suites/shop.suite.yaml": SUITE.replace('"models.py:reply"', '"models.py:reply", deadline_s: 0.2'),
    })  # fmt: skip
    ran = shop.gate()
    assert ran.code == 1
    assert ran.verdicts == {"says": "error"}, ran.text
    assert said in ran.gate("says", "contains")["reason"]


@pytest.mark.parametrize(("size", "verdict"), [(1_000_000, "fail"), (10_000_000, "error")])
def test_huge_replies_never_pass_and_do_not_flood_the_terminal(shop: Example, size: int, verdict: str) -> None:
    shop.files({"suites/models.py": f"def reply(request): return 'x' * {size}"})
    ran = shop.gate()
    assert ran.verdicts == {"says": verdict}
    assert len(ran.text) < 20_000
    assert (ran.folder / "report.html").stat().st_size < 2_000_000


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_function_that_hangs_reaches_its_deadline(example: Example, kind: str) -> None:
    wait = "await asyncio.sleep(3600)" if kind == "async def" else "time.sleep(3600)"
    example.files({
        "app.py": f"import asyncio, time\n{kind} answer(): {wait}\n",
        "a.suite.yaml": """
            suite: a
            tests: [{id: t, function: "app.py:answer", deadline_s: 0.2, cases: [{vars: {}}],
                     assert: [{type: contains, value: good}]}]
        """,
    })  # fmt: skip
    ran = example.gate()
    assert ran.verdicts == {"t": "error"}
    assert "no answer within 0.2 s" in ran.gate("t")["reason"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["suites/typo.suite.yaml"], 4),
        (["suites/shop.suite.yaml::nope"], 4),
        (["-k", "nothing"], 5),
        (["-n2", "-k", "nothing"], 5),
    ],
)
def test_a_run_that_found_no_test_is_not_the_latest(shop: Example, options: list[str], code: int) -> None:
    """`verdict`, `regate` and `baseline accept` would speak of the typo."""
    judged = shop.gate().folder
    assert shop.gate(*options).code == code
    assert shop.newest() == judged


def test_where_no_run_found_a_test_there_is_no_latest(shop: Example) -> None:
    shop.gate("-k", "nothing")
    assert not (shop.path / ".llmgate/latest").exists()


# ---- what a branch changed


def git(shop: Example, *words: str) -> None:
    given = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *given, *words], cwd=shop.path, check=True, capture_output=True)


def test_a_run_says_what_its_branch_changed_and_against_which_commit(
    shop: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"):
        monkeypatch.delenv(name, raising=False)
    outside = shop.gate().result["execution"]
    assert (outside["changes"], outside["changes_against"]["commit"]) == (None, None)
    git(shop, "init", "-q", "-b", "main")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "a")
    git(shop, "checkout", "-qb", "b")
    shop.files({"suites/shop.suite.yaml": SUITE.replace("value: 3", "value: 2").replace("Say {{", "Say  {{")})
    ran = shop.gate("--llm-results", "out")
    rows = [(row["kind"], row["test"], row["gate"]) for row in ran.result["execution"]["changes"]]
    assert rows == [
        ("prompt", "suites/shop.suite.yaml", ""), ("gate", "suites/shop.suite.yaml::says", "long"),
    ]  # fmt: skip
    assert ran.result["execution"]["changes_against"]["target"] == "main"
    page = (shop.path / "out/report.html").read_text()
    assert "of main." in page
    assert "value: 3 → 2" in page
