"""A canary in every field of every input appears in no file, line or report of a run.

What a function prints itself is its author's, and pytest shows it as it shows the output of any test.
"""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from plugin.conftest import Example, Ran

from pytest_llmgate.cli.commands import cli
from pytest_llmgate.providers.loopback import MockModels
from pytest_llmgate.providers.script import Fault

from .canaries import Canaries, leaks

MODELS = """
from pytest_llmgate import Reply

def reply(request):
    if "raise" in request.prompt:
        raise ValueError("cannot serve {raised}")
    return Reply(
        "the answer is {text}",
        data={{"key": "{data}", "{data_key}": ["{data_item}"]}},
        context=["{context}", {{"id": "{context_id}", "text": "{context_text}"}}],
        tool_calls=[{{"name": "send_{tool_name}", "arguments": {{"to": "{tool_argument}", "{tool_key}": 1}}}}],
        model="{model}",
        finish_reason="{finish}",
    )

def answer(q):
    if q == "raise":
        raise RuntimeError("cannot answer {function_raised}")
    if q == "junk":
        return {{"value": object(), "{junk}": 1}}
    return "function says {function}"

def check(text, context):
    return {{"pass": False, "score": 0.5, "reason": "checked {python_reason}: " + text}}

def bad_check(text):
    raise ValueError("check broke {python_raised}")
"""

SUITE = """
suite: canaries
seed: 7
description: "about {description}"
models:
  scripted: {{provider: python, target: "models.py:reply", record: true}}
prompts:
  ask: {{text: "{prompt} {{{{ q }}}}"}}
tests:
  - id: asks
    model: scripted
    prompt: ask
    cases:
      - {{id: "{case_id}", vars: {{q: "{case_vars}"}}, context: "{case_context}", expected: "{case_expected}", slice: {{team: "{slice}"}}}}
      - {{id: two, vars: {{q: raise}}, expected: nothing}}
    assert:
      - {{type: contains, value: "{{{{expected}}}}", bad_rate: 0.5}}
      - {{type: contains, value: "{value}", severity: info, name: literal}}
      - {{type: contains, value: good, severity: info, slice: team, name: cohort}}
      - {{type: equals, value: {{a: "{equals}"}}, severity: info}}
      - {{type: regex, value: "{regex}", severity: info}}
      - {{type: is-json, value: {{const: "{schema}"}}, severity: info}}
      - {{type: not-finish-reason, value: stop, severity: info}}
      - {{type: python, value: "models.py:check", severity: info}}
      - {{type: python, value: "models.py:bad_check", severity: info, name: broken}}
      - {{type: contains, value: never, severity: warn, name: q, quarantine: {{until: "2999-01-01", reason: "because {quarantine}"}}}}
  - id: calls
    function: "models.py:answer"
    cases: [{{vars: {{q: fine}}}}, {{vars: {{q: raise}}}}, {{vars: {{q: junk}}}}]
    assert: [{{type: contains, value: absent, bad_rate: 0.5}}]
"""  # noqa: E501

MARKED = """
import pytest

pytestmark = pytest.mark.llm_suite("suites/canaries.suite.yaml")

@pytest.mark.stochastic(trials=4, bad_rate=0.5)
@pytest.mark.llm_cases([{{"vars": {{"q": "{marked_vars}"}}, "id": "{marked_id}", "expected": "{marked_expected}"}}])
def test_body(trial, case, llm):
    reply = llm("ask", model="scripted", **case.vars)
    trial.record("recorded {recorded} " + reply.text)
    assert "{asserted}" == reply.text, "body says {assert_message}"

@pytest.mark.stochastic(trials=4, bad_rate=0.5)
def test_raises():
    raise KeyError("{body_raised}")
"""


OUTSIDE = frozenset(
    {
        "text", "data", "data_key", "data_item", "context", "context_id", "context_text", "tool_name", "tool_argument",
        "tool_key", "model", "finish", "raised", "function", "function_raised", "junk", "recorded", "body_raised",
        "asserted", "assert_message",
    }
)  # fmt: skip
"""Places that text comes from while a run is under way; the others stand in the suite's own files."""


class Book(dict[str, str]):
    """For str.format: the canaries of each name that is asked for."""

    def __init__(self, canaries: Canaries) -> None:
        self._canaries = canaries

    def __missing__(self, place: str) -> str:
        return self._canaries(place)


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def project(example: Example, canaries: Canaries) -> Example:
    book = Book(canaries)
    return example.files({
        "suites/models.py": MODELS.format_map(book),
        "suites/canaries.suite.yaml": SUITE.format_map(book),
        "test_marked.py": MARKED.format_map(book),
    })  # fmt: skip


def run(example: Example, *options: str) -> Ran:
    ran = example.gate("-q", "-rA", "--tb=long", "--junitxml=junit.xml", *options)
    assert len(ran.result["tests"]) == 4, ran.text
    return ran


def found(example: Example, canaries: Canaries, printed: str) -> dict[str, set[str]]:
    """Leaks into all that a run writes: its directory, the index, the cassette, JUnit's file, and the terminal."""
    written = [example.path / ".llmgate", example.path / "suites/canaries.cassette.jsonl", example.path / "junit.xml"]
    return leaks(canaries, written, printed)


def of(places: frozenset[str], leaked: dict[str, set[str]]) -> dict[str, set[str]]:
    return {name: hit for name, all_hit in leaked.items() if (hit := all_hit & places)}


@pytest.mark.parametrize("record", ["new", "replay", "all", "live"])
def test_nothing_that_a_subject_says_leaves_a_run(project: Example, canaries: Canaries, record: str) -> None:
    if record == "replay":
        run(project)
    ran = run(project, f"--llm-record={record}")
    assert of(OUTSIDE, found(project, canaries, ran.text)) == {}


def test_nothing_leaves_with_workers(project: Example, canaries: Canaries) -> None:
    pytest.importorskip("xdist")
    ran = project.end(project.start("-q", "-n2", "--junitxml=junit.xml"))
    assert ran.result["tests"], ran.text
    assert of(OUTSIDE, found(project, canaries, ran.text)) == {}


def test_nothing_of_a_suite_leaves_a_run(project: Example, canaries: Canaries) -> None:
    ran = run(project)
    assert found(project, canaries, ran.text) == {}


def test_looking_at_a_run_again_shows_nothing_more(
    project: Example, canaries: Canaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run(project)
    monkeypatch.chdir(project.path)
    asks = next(test["id"] for test in ran.result["tests"] if test["id"].endswith("::asks"))
    for command in (["verdict"], ["regate"], ["report"], ["replay-trial", ran.folder.name, asks, "0"]):
        said = CliRunner().invoke(cli, command)
        assert said.output, command
        assert of(OUTSIDE, leaks(canaries, [project.path / ".llmgate"], said.output)) == {}, command


def test_the_canaries_were_there(project: Example) -> None:
    """The tests above would pass in an empty project too: every reply was seen, and its stand-ins recorded."""
    ran = run(project)
    said = [json.loads(line) for line in (ran.folder / "transcripts.jsonl").read_text().splitlines()]
    kinds = {kind for row in said for kind, *_ in row.get("redactions", [])}
    assert kinds == {"secret", "email"}
    assert any("the answer is sk-proj-REDACTED0" in row["text"] for row in said)


def test_keys_and_what_servers_say_stay_out(example: Example, canaries: Canaries, models: MockModels) -> None:
    """The key of the environment itself, error bodies of a server, and its replies."""
    server = models.server(
        replies=lambda request: f"good {canaries('served')}",
        errors=[
            Fault(status=400, body=json.dumps({"error": {"message": f"bad {canaries('refused')}"}})),
            Fault(status=500, body=canaries("broke"), retry_after=0.01),
        ],
    )
    example.env("TEST_KEY", canaries.key("environment"))
    example.files({"suites/canaries.suite.yaml": f"""
        suite: canaries
        models: {{m: {{provider: openai, model: gpt-test, base_url: "{server.base_url}", api_key_env: TEST_KEY}}}}
        prompts: {{ask: {{text: "question {{{{ q }}}}"}}}}
        tests:
          - id: asks
            model: m
            prompt: ask
            cases: [{{vars: {{q: 1}}}}, {{vars: {{q: 2}}}}]
            max_errors: 0.9
            assert: [{{type: not-contains, value: good, bad_rate: 0.5}}]
    """})  # fmt: skip
    ran = example.gate("--llm-budget=100", "-rA")
    assert server.calls
    assert found(example, canaries, ran.text) == {}


def test_a_leaking_reply_fails_live_replayed_and_regated(project: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redaction hides nothing from a check: the pattern of a stand-in is seen each time."""
    project.files({"suites/canaries.suite.yaml": """
        suite: canaries
        models: {scripted: {provider: python, target: "models.py:reply", record: true}}
        prompts: {ask: {text: "{{ q }}"}}
        tests:
          - id: asks
            model: scripted
            prompt: ask
            cases: [{vars: {q: hello}}]
            assert: [{type: not-regex, value: "REDACTED0|@example[.]invalid", zero_tolerance: true}]
    """, "test_marked.py": ""})  # fmt: skip
    live, replayed = project.gate("--llm-record=all"), project.gate("--llm-record=replay")
    assert live.result["run"]["record"] == "all" and replayed.result["run"]["record"] == "replay"
    monkeypatch.chdir(project.path)
    again = json.loads(CliRunner().invoke(cli, ["regate", "--json"]).output)
    assert [result["verdict"] for result in (live.result, replayed.result, again)] == ["fail"] * 3
