"""`[tool.llmgate.redaction]` from end to end."""

from __future__ import annotations

from plugin.conftest import Example

SUITE = """
suite: shop
models: {m: {provider: python, target: "models.py:reply", record: true}}
prompts: {ask: {text: "{{ q }}"}}
tests:
  - id: asks
    model: m
    prompt: ask
    cases: [{vars: {q: hi}}]
    assert: [{type: contains, value: help@corp.com, bad_rate: 0.5}]
"""
MODELS = "def reply(request): return 'Project Falcon? Write to help@corp.com, not to bob@corp.com.'"
FILES = {"suites/shop.suite.yaml": SUITE, "suites/models.py": MODELS}


def test_the_deny_list_hides_and_the_allow_list_shows(example: Example) -> None:
    table = '[tool.llmgate.redaction]\ndeny = ["project falcon"]\nallow = ["help@corp.com"]\n'
    ran = example.pyproject(table).files(FILES).gate()
    assert ran.verdicts == {"asks": "pass"}, ran.text
    (said,) = ran.said().values()
    assert "Falcon" not in said and "bob@" not in said and "help@corp.com" in said


def test_a_mistake_in_the_table_is_told_before_anything_runs(example: Example) -> None:
    ran = example.pyproject("[tool.llmgate.redaction]\ndney = []\n").files(FILES).gate()
    assert ran.code == 4
    assert "did you mean 'deny'" in ran.text and "pyproject.toml" in ran.text
