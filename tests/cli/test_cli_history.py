"""`llmgate history`: what a person sees of earlier runs, made by real ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import Repo, suite

SUITE = suite("type: contains, value: good", "type: max-length, value: 40, severity: warn, name: short")
TEST = "suites/shop.suite.yaml::t"


@pytest.fixture
def shop(repo: Repo) -> Repo:
    return repo.files({"suites/shop.suite.yaml": SUITE.replace("model: good", "model: taped")})


def runs(repo: Repo) -> list[dict[str, Any]]:
    (test,) = json.loads(repo.llmgate("history", "--json").raw)["tests"]
    return test["runs"]


def test_without_a_run_the_next_command_is_named(repo: Repo) -> None:
    done = repo.llmgate("history")
    assert done.code == 2
    assert "there is no run yet; start one with: pytest --llm-suite [no-run]" in done.text
    assert not (repo.path / ".llmgate").exists()


def test_live_and_recorded_runs_are_told_apart_and_attempts_are_numbered(shop: Repo) -> None:
    live = "--llm-record=live"
    for options in ((), ("--llm-record=replay",), (live,), (live, "--llm-seed=8"), ("--llm-record=replay",)):
        shop.gate("shop", *options)  # each into the folder of the one before
        assert shop.llmgate("history").code == 0
    found = runs(shop)
    assert [run["drawn"] for run in found] == ["live", "recorded", "live", "live", "recorded"]
    assert [run["attempt"] for run in found] == [1, 1, 2, 3, 3]
    assert [run["gone"] for run in found] == [True] * 4 + [False]
    seen = shop.llmgate("history", "t")
    assert "5 runs, 3 with live replies" in seen.text
    # the second live run has the root seed of the first: its replies are no news
    assert "no drift seen (2 of 5 runs counted" in seen.text


def test_one_line_a_test(shop: Repo) -> None:
    shop.gate("shop")
    done = shop.llmgate("history")
    assert done.code == 0
    head, line, *_ = done.raw.splitlines()
    assert head.split() == ["test", "runs", "verdicts", "rate", "inconcl.", "drift"]
    assert line.split()[:3] == [TEST, "1", "P"]
    assert "0 of 1" in line
    assert max(len(row) for row in done.raw.splitlines()) <= 80


def test_the_runs_of_a_test_have_figures_of_one_trial(shop: Repo) -> None:
    shop.gate("shop")
    done = shop.llmgate("history", TEST)
    gates = {gate["name"]: gate for gate in shop.result("shop")["tests"][0]["gates"]}
    assert f"contains 100 % good of {gates['contains']['n']}; short 100 % good of {gates['short']['n']}" in done.text
    assert "contains: good at or above 95 %, bad at or below 90 %" in done.text
    assert shop.result("shop")["run"]["id"] in done.text
    assert max(len(row) for row in done.raw.splitlines()) <= 80


def test_an_unknown_test_is_answered_with_the_nearest(shop: Repo) -> None:
    shop.gate("shop")
    done = shop.llmgate("history", "suites/shop.suite.yaml::u")
    assert done.code == 2
    assert f"no run has judged a test 'suites/shop.suite.yaml::u'; did you mean '{TEST}'? [unknown-test]" in done.text


@pytest.mark.parametrize("words", [("--last", "0"), ("--last", "x"), ("--run-length", "1"), ("a", "b")])
def test_wrong_usage_ends_with_2(repo: Repo, words: tuple[str, ...]) -> None:
    done = repo.llmgate("history", *words)
    assert done.code == 2
    assert "Usage: llmgate history" in done.text


def test_hostile_names_are_seen_and_not_obeyed(shop: Repo) -> None:
    folder = shop.gate("shop")
    result = shop.result("shop")
    row = result["tests"][0]
    row["id"] = "s.suite.yaml::\x1b[31m##[group]\u202e" + "x" * 200
    row["gates"][0]["name"] = "::error::gone\n::warning::\udc80"
    result["run"]["commit"] = "::\x1b[2J"
    (folder / "result.json").write_text(json.dumps(result))
    for words in ((), (row["id"].encode("utf-8", "backslashreplace").decode(),)):
        done = shop.llmgate("history", *words)
        assert done.code == 0
        assert not any(sign in done.raw for sign in ("\x1b", "\u202e", "##["))
        assert not any(line.lstrip().startswith("::") for line in done.raw.splitlines())
        assert max(len(line) for line in done.raw.splitlines()) <= 80


def test_a_terminal_without_blocks_gets_plain_signs(shop: Repo) -> None:
    shop.gate("shop")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "60"}
    for words in ((), ("t",)):
        done = subprocess.run([sys.executable, "-m", "pytest_llmgate.cli", "history", *words], cwd=shop.path,
                              env=environment, capture_output=True, timeout=60, check=True)  # fmt: skip
        text = done.stdout.decode("ascii")
        assert "#" in text
        assert "\\u25" not in text
        assert "Traceback" not in done.stderr.decode()


def test_a_damaged_index_is_said_and_the_figures_are_right(shop: Repo) -> None:
    shop.gate("shop")
    before = runs(shop)
    (shop.path / ".llmgate" / "history.sqlite").write_bytes(b"SQLite format 3\0 nonsense")
    done = shop.llmgate("history", "t")
    assert done.code == 0
    assert "note: the index was damaged and is made anew" in done.text
    assert runs(shop) == before


def test_a_run_of_the_gate_makes_no_index(shop: Repo) -> None:
    shop.gate("shop")
    assert not (shop.path / ".llmgate" / "history.sqlite").exists()


def test_the_second_attempt_says_so(shop: Repo) -> None:
    shop.gate("shop", "--llm-record=live")
    assert "attempt" not in shop.llmgate("verdict").text
    shop.gate("shop", "--llm-record=live")
    assert "the only test passes; attempt 2" in shop.llmgate("verdict").text
    assert "1 earlier live run judged this plan: a pass after asking again is weaker" in shop.llmgate("verdict").text
    shop.gate("shop", "--llm-record=live", "-n2", "-p", "xdist")
    assert shop.result("shop")["run"]["attempt"] == 3


def test_seeds_of_tests_that_differ_are_kept_apart(shop: Repo) -> None:
    shop.files({"suites/more.suite.yaml": SUITE.replace("suite: shop", "suite: more").replace("seed: 7", "seed: 9")})
    shop.gate("shop", "suites/more.suite.yaml")
    tests = json.loads(shop.llmgate("history", "--json").raw)["tests"]
    assert {test["id"]: test["runs"][0]["seed"] for test in tests} == {TEST: 7, "suites/more.suite.yaml::t": 9}


def test_json_is_one_object_whatever_there_is_to_say(shop: Repo) -> None:
    shop.gate("shop")
    broken = shop.path / ".llmgate" / "runs" / "20200101T000000-aaaaaa"
    broken.mkdir(parents=True)
    (broken / "run.json").write_text("{")
    told = json.loads(shop.llmgate("history", "t", "--json", "--last", "1").raw)
    assert told["schema"] == "llmgate.history/1"
    assert "not finished" in told["notes"][0]
    assert Path(told["tests"][0]["runs"][0]["path"]) == Path("shop")
    assert told["tests"][0]["gates"][0]["drift"]["counted"] == 1
