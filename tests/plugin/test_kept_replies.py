"""What a run keeps of replies: nothing of cases that opted out, and few texts where few are wanted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_llmgate.cli.commands import cli

from .conftest import Example

CANARY = "zephyrine"
SUITE = """
suite: tenants
models:
  taped: {provider: python, target: "app.py:reply", record: true}
prompts:
  ask: {text: "Hello {{ name }}"}
defaults: {cases: cases.csv, trials: 40}
tests:
  - id: taped
    model: taped
    prompt: ask
    assert: [{type: contains, value: "hello", min_rate: 0.6, bad_rate: 0.2}]
  - id: answers
    function: "app.py:answer"
    assert:
      - {type: is-json, value: schema.json, min_rate: 0.6, bad_rate: 0.2}
      - {type: not-contains, value: "WORD", min_rate: 0.6, bad_rate: 0.2, name: no-word}
  - id: breaks
    function: "app.py:breaks"
    max_errors: 0.6
    assert: [{type: min-length, value: 1, min_rate: 0.6, bad_rate: 0.2}]
"""
APP = """
SECRET = "".join(["zeph", "yrine"])

def said(name):
    return "hello " + (SECRET if name == "out" else name)

def reply(request): return said(request.vars["name"])
def answer(name, leave): return {"says": said(name), said(name): 1}

def breaks(name, leave):
    if name == "out":
        raise ValueError(said(name))
    return said(name)
"""
BODY = """
import pytest

@pytest.mark.llm_suite("suites/tenants.suite.yaml")
@pytest.mark.llm_cases("suites/cases.csv")
@pytest.mark.stochastic(trials=20, min_rate=0.6, bad_rate=0.2)
def test_body(llm, trial, case):
    reply = llm("ask", model="taped", name=case.vars["name"])
    assert case.vars["name"] != "out", reply.text
"""


@pytest.fixture
def tenants(example: Example) -> Example:
    example.pyproject('[tool.llmgate]\nopt_out = "vars.leave"\n')
    return example.files({
        "suites/tenants.suite.yaml": SUITE.replace("WORD", CANARY),
        "suites/cases.csv": "name,leave\nanna,\nbert,no\nout,yes\n",
        "suites/schema.json": json.dumps({"properties": {"says": {"type": "string"}}, "additionalProperties": False}),
        "suites/app.py": APP,
        "test_body.py": BODY,
    })  # fmt: skip


def leaks(example: Example, text: str = CANARY) -> list[str]:
    """Files of the project, but for what the user wrote, that hold a text."""
    written = [path for path in example.path.rglob("*.*") if ".llmgate" in path.parts or "cassette" in path.name]
    assert written
    found = [path for path in written if path.is_file() and text.encode() in path.read_bytes()]
    return [str(path.relative_to(example.path)) for path in found if path.name != "plan.json"]  # the suite, as written


def regated(example: Example, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(example.path)
    return json.loads(CliRunner().invoke(cli, ["regate", "--json"]).output)


def test_a_case_that_opted_out_is_judged_and_what_was_said_is_nowhere(
    tenants: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tenants.gate()
    assert set(ran.verdicts) == {"taped", "answers", "breaks", "test_body"}
    assert all(test["trials"] for test in ran.result["tests"])
    assert CANARY not in ran.text
    assert leaks(tenants) == []
    assert "hello anna" in (tenants.path / "suites/tenants.cassette.jsonl").read_text(), "others are kept as always"
    private = [row for row in ran.rows() if "withheld" in str(row.get("reasons")) + str(row["error"])]
    assert {row["test"].rpartition("::")[2] for row in private} == {"answers", "breaks", "test_body"}
    assert all("fields" not in row for row in private)
    assert {row["error"] for row in private if row["error"]} == {"raised: withheld: the case opted out"}
    assert regated(tenants, monkeypatch)["tests"] == ran.result["tests"]


def test_without_opting_out_the_same_texts_are_kept(tenants: Example) -> None:
    tenants.pyproject("")
    tenants.gate()
    assert any(name.endswith("transcripts.jsonl") for name in leaks(tenants))
    assert any(name.endswith("cassette.jsonl") for name in leaks(tenants))


def test_a_replay_says_that_the_case_opted_out_instead_of_asking(tenants: Example) -> None:
    tenants.gate()
    ran = tenants.gate("--llm-record=replay", "-k", "taped")
    assert ran.verdicts == {"taped": "error"}
    assert "the case opted out, so no reply of 'taped' is kept" in " ".join(ran.text.split())


def test_a_plan_says_how_many_cases_opted_out(tenants: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tenants.path)
    said = " ".join(CliRunner().invoke(cli, ["plan", "suites/tenants.suite.yaml"]).output.split())
    assert "1 of the cases opted out: their replies are judged and not kept" in said


NUMBERS = """
suite: numbers
tests:
  - id: counts
    function: "app.py:count"
    cases: [{vars: {q: 1}}]
    trials: 60
    assert: [{type: not-contains, value: "7", min_rate: 0.6, bad_rate: 0.2, rule: fixed}]
"""


def test_one_in_so_many_transcripts_is_kept_and_every_one_of_a_failing_trial(
    example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    example.pyproject("[tool.llmgate]\ntranscripts = 10\n").files({
        "suites/numbers.suite.yaml": NUMBERS,
        "suites/app.py": "def count(q, trial): return f'number {trial.index}.'",
    })  # fmt: skip
    ran = example.gate("--llm-concurrency=4")
    kept = {int(text.split()[1].rstrip(".")) for text in ran.said().values()}
    assert kept == {index for index in range(60) if index % 10 == 0 or "7" in str(index)}
    assert all(row["reply"] for row in ran.rows()), "digests stay"
    assert regated(example, monkeypatch)["tests"] == ran.result["tests"]
