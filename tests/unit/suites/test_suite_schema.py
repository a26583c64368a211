"""The editors' schema says what the loader says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.suites.schema import suite_schema

COMMITTED = sorted((Path(__file__).parents[3] / "suites").glob("**/*.suite.yaml"))
TYPES = {"contains": ["value"], "is-json": ["value"], "latency": ["p95_ms"]}
GOOD = """\
suite: support-bot
seed: 7
budget: "1.00"
defaults: {trials: 2000, stop: all}
models:
  answerer: {provider: openai, model: gpt-x, params: {temperature: 0.7, anything: [1]}}
  staging: {provider: openai, model: qwen3, base_url: "${VLLM_URL:-http://h}", api_key_env: VLLM_KEY}
  scripted: {provider: python, target: "app.py:answer"}
prompts:
  qna: prompts/qna.j2
  chat: {messages: [{role: user, content: "{{q}}"}]}
  short: {text: hi}
tests:
  - id: refunds
    model: answerer
    prompt: qna
    cases: cases/two.jsonl
    assert:
      - {type: is-json, value: schemas/answer.json, min_rate: 0.95, bad_rate: 0.90}
      - {type: not-contains, value: "{{expected.city}}", min_rate: 0.9, name: names-the-city}
      - {type: latency, p95_ms: 500, severity: warn, quarantine: {until: "2999-01-01", reason: slow}}
  - id: app
    function: "app.py:answer"
    cases: [{q: 1}, {id: a, vars: {q: 1}, expected: {city: x}}]
    assert: [{type: is-json, value: schemas/answer.json}]
"""
ONE = 'tests: [{id: t, function: "app.py:answer", assert: [{type: contains}]}]'


def accepts(text: str, types: Any = TYPES) -> bool:
    return bool(jsonschema_rs.validator_for(suite_schema(types)).is_valid(yaml.safe_load(text)))


def loads(project: Any, text: str) -> bool:
    try:
        project.load(text)
    except LlmgateError:
        return False
    return True


def test_it_is_a_schema_of_its_draft() -> None:
    assert jsonschema_rs.meta.is_valid(suite_schema(TYPES))
    assert jsonschema_rs.meta.is_valid(suite_schema())


@pytest.mark.parametrize("text", [GOOD, ONE])
def test_a_good_suite_is_good_for_both(project, text: str) -> None:
    assert accepts(text)
    assert accepts(text, None)
    assert loads(project, text)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("seed: 7", "sed: 7"),
        ("seed: 7", "seed: seven"),
        ("trials: 2000", "trails: 2000"),
        ("trials: 2000", "trials: 0"),
        ("stop: all", "stop: some"),
        ("provider: openai, model: qwen3", "providr: openai, model: qwen3"),
        ("base_url:", "baseurl:"),
        ("api_key_env: VLLM_KEY", "api_key_env: sk-1"),
        ("role: user", "role: human"),
        ("{text: hi}", "{txt: hi}"),
        ("prompt: qna", "promt: qna"),
        ("id: refunds", "id: re funds"),
        ("p95_ms: 500", "p95ms: 500"),
        ("min_rate: 0.95", "min_rate: 95"),
        ("min_rate: 0.95", "minrate: 0.95"),
        ("severity: warn", "severity: warning"),
        ("reason: slow", "raison: slow"),
        ("type: is-json, value: schemas/answer.json, min", "type: is-jason, value: schemas/answer.json, min"),
        ("expected: {city: x}", "expcted: {city: x}"),
        ('function: "app.py:answer"', 'function: "app.py:answer"\n    prompt: qna'),
        ("tests:", "fallback: 1\ntests:"),
        ("suite: support-bot", "suite: support-bot\nrequire_baseline: often"),
    ],
)
def test_a_misspelt_suite_is_bad_for_both(project, right: str, wrong: str) -> None:
    assert right in GOOD
    broken = GOOD.replace(right, wrong, 1)
    assert not accepts(broken)
    assert not loads(project, broken)


def test_every_committed_suite_obeys_the_schema() -> None:
    refused = [path.name for path in COMMITTED if not accepts(path.read_text(encoding="utf-8"), None)]
    assert refused == []
