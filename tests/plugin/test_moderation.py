"""Gates that a moderation endpoint decides: live, replayed from the cassette, decided again."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from pytest_llmgate.cli.commands import cli
from pytest_llmgate.core.reply import Request
from pytest_llmgate.providers.loopback import LoopbackServer, MockModels

from .conftest import Example

APP = 'def app(q): return f"{q} says hello"'


def suite(server: LoopbackServer, q: str = "good", more: str = "") -> str:
    model = f'{{provider: openai-moderation, model: guard-1, base_url: "{server.base_url}", api_key_env: TEST_KEY}}'
    return f"""
suite: safe
models: {{guard: {model}}}
tests:
  - id: asks
    function: "app.py:app"
    cases: [{{id: one, vars: {{q: {q}}}}}]
    assert: [{{type: moderation, model: guard, bad_rate: 0.4{more}}}]
"""


def moderating(request: Request) -> str:
    found = "bad" in request.prompt
    scores = {"violence": 0.97 if found else 0.01, "hate": 0.02}
    return json.dumps({"flagged": found, "categories": {"violence": found, "hate": False}, "category_scores": scores})


@pytest.fixture
def project(example: Example) -> Example:
    example.env("TEST_KEY", "sk-canary-of-the-key-0123456789abcdef")
    return example.files({"app.py": APP})


@pytest.mark.parametrize(("q", "verdict"), [("good", "pass"), ("bad", "fail")])
def test_live_replayed_and_decided_again_it_says_the_same(
    project: Example, models: MockModels, monkeypatch: pytest.MonkeyPatch, q: str, verdict: str
) -> None:
    server = models.server(replies=moderating)
    live = project.files({"safe.suite.yaml": suite(server, q)}).gate()
    assert live.verdicts == {"asks": verdict}, live.text
    assert live.gate("asks")["holes"] == 0
    paid = len(server.calls)
    assert paid == live.test("asks")["trials"] > 0, "one call a trial"
    assert live.rows("asks")[0]["judges"]["models"] == {"guard": "guard-1"}

    again = project.gate("--llm-record=replay")
    assert (again.judged, len(server.calls)) == (live.judged, paid)
    monkeypatch.chdir(project.path)
    regated = json.loads(CliRunner().invoke(cli, ["regate", "--json"]).output)
    assert regated["tests"] == again.result["tests"]
    stored = b"".join(path.read_bytes() for path in project.path.rglob("*") if path.is_file())
    assert b"sk-canary-of-the-key" not in stored


def test_the_first_find_fails_and_is_named(project: Example, models: MockModels) -> None:
    ran = project.files({"safe.suite.yaml": suite(models.server(replies=moderating), "bad")}).gate()
    assert ran.gate("asks")["n"] == 1, "zero tolerance"
    assert "'violence' 0.97" in ran.test("asks")["failing"][0]["reason"]


def test_a_free_endpoint_needs_a_price_of_zero_under_a_budget(project: Example, models: MockModels) -> None:
    free = {"guard-1": {"input": "0", "output": "0", "source": "tests"}}
    prices = json.dumps({"schema": "llmgate.prices/1", "date": "2026-01-01", "models": free})
    project.files({"safe.suite.yaml": suite(models.server(replies=moderating)), "prices.json": prices})
    ran = project.gate("--llm-prices=prices.json", "--llm-budget=0.01")
    assert ran.verdicts == {"asks": "pass"}, ran.text


@pytest.mark.parametrize(
    "answer", ["This is safe.", '{"flagged": false}', '{"flagged": false, "categories": {"a": 0}}']
)
def test_what_is_no_result_is_never_a_pass(project: Example, models: MockModels, answer: str) -> None:
    server = models.server([answer], repeat_last=True)
    ran = project.files({"safe.suite.yaml": suite(server)}).gate()
    assert ran.verdicts == {"asks": "error"}, ran.text
    assert ran.gate("asks")["successes_all"] == 0
