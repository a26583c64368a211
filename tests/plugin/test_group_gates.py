"""Whole runs of gates that judge several replies to one case together."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from pytest_llmgate.cli.commands import cli

from .conftest import Example, wait_for

SUITE = """
suite: office
tests:
  - id: steady
    function: "app.py:steady"
    cases: [{id: a, vars: {q: 0}}, {id: b, vars: {q: 1}}]
    assert: [{type: contradiction, repeats: 3, min_rate: 0.9, bad_rate: 0.6}]
  - id: wavers
    function: "app.py:wavers"
    cases: [{id: a, vars: {q: 0}}, {id: b, vars: {q: 1}}]
    assert: [{type: contradiction, repeats: 3, min_rate: 0.9, bad_rate: 0.6}]
"""
APP = """
from time import sleep
SAYS = [
    "The office in Berlin has {n} desks.",
    "There are {n} desks in the office in Berlin.",
    "In Berlin, the office has {n} desks.",
]

def steady(q, trial):
    sleep(PAUSE)
    return SAYS[trial.repeat % 3].format(n=40 + q)

def wavers(q, trial):
    sleep(PAUSE)
    return SAYS[trial.repeat % 3].format(n=40 + q + trial.repeat % 2)
"""


@pytest.fixture
def office(example: Example) -> Example:
    return paused(example, 0.0).files({"suites/office.suite.yaml": SUITE})


def paused(example: Example, seconds: float) -> Example:
    return example.files({"suites/app.py": APP.replace("PAUSE", str(seconds))})


def test_replies_that_agree_pass_and_those_that_waver_fail_live_and_regated(
    office: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = office.gate()
    assert ran.verdicts == {"steady": "pass", "wavers": "fail"}, ran.text
    steady = ran.gate("steady")
    assert steady["figures"]["repeats"] == 3
    assert steady["successes"] == steady["n"] >= 5
    assert ran.test("steady")["trials"] == steady["n"] // 2 * 6 + (steady["n"] % 2 and 5)
    assert "groups of 3" in steady["reason"]
    assert "41" in ran.test("wavers")["failing"][0]["reason"]
    assert 0 < max(row["scores"].get("contradiction", 0) for row in ran.rows("wavers")) <= 1
    monkeypatch.chdir(office.path)
    again = json.loads(CliRunner().invoke(cli, ["regate", "--json"]).output)
    assert again["tests"] == ran.result["tests"]


def test_workers_and_concurrency_change_nothing(office: Example) -> None:
    alone = office.gate("--llm-concurrency=1").judged
    paused(office, 0.01)
    assert office.gate("--llm-concurrency=16").judged == alone
    assert office.gate("-n2").judged == alone


def test_a_killed_run_goes_on_in_the_middle_of_a_group(office: Example) -> None:
    alone = office.gate("--llm-concurrency=1").judged
    paused(office, 0.1)
    process = office.start("--llm-concurrency=1", "-k", "steady or wavers")
    rows = lambda: [path for path in office.newest().glob("trials.main.jsonl") if path.read_text().count("\n") >= 4]  # noqa: E731
    wait_for(rows, "four trials")
    office.kill(process)
    again = office.gate("--llm-resume", "--llm-concurrency=1")
    assert again.judged == alone
    assert again.result["run"]["interrupted"] is False


def test_a_trial_drawn_again_says_that_only_its_group_is_judged(
    office: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = office.gate()
    monkeypatch.chdir(office.path)
    done = CliRunner().invoke(cli, ["replay-trial", "latest", ran.test("steady")["id"], "0"])
    assert done.output.count("no gate judges this trial by itself") == 2, done.output
    assert "the same reply" in done.output


def test_a_plan_speaks_of_groups_and_of_the_trials_that_they_take(
    office: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(office.path)
    said = " ".join(CliRunner().invoke(cli, ["plan", "suites/office.suite.yaml"]).output.split())
    assert "groups to expect" in said
    assert "a group is 3 trials of one case; groups of identical replies are left out" in said
