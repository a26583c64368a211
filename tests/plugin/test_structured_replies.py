"""What a run says of the replies themselves: fields that disagree, and what was replaced in them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_llmgate.cli.commands import cli

from .conftest import Example

FILES = {
    "suites/shop.suite.yaml": """
        suite: shop
        tests:
          - id: answers
            function: "app.py:answer"
            cases: [{vars: {q: 0}}, {vars: {q: 1}}, {vars: {q: 2}}]
            trials: 30
            stop: all
            assert:
              - {type: is-json, value: answer.json, min_rate: 0.95, bad_rate: 0.5, rule: fixed}
              - {type: not-contains, value: "@example.org"}
        """,
    "suites/answer.json": json.dumps(
        {
            "type": "object",
            "required": ["city", "zip"],
            "properties": {"city": {"type": "string"}, "zip": {"type": "integer"}},
        }
    ),
    "suites/app.py": """
        def answer(q):
            return {"city": "Berlin", "zip": [10115, "10115", 80331][q], "by": f"anna{q}@shop.example"}
        """,
}
FIELDS = {
    "$.zip": {"good": 20, "n": 30},
    "$": {"good": 30, "n": 30},
    "$.by": {"good": 30, "n": 30},
    "$.city": {"good": 30, "n": 30},
}


def figures(result: dict[str, Any]) -> tuple[Any, Any, Any]:
    (test,) = result["tests"]
    return test["gates"][0]["figures"], test["redactions"], result["totals"]["redactions"]


def test_a_run_says_which_field_fails_and_what_was_replaced_and_says_it_again_when_regated(
    example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = example.files(FILES).gate("--llm-concurrency=8")
    assert figures(ran.result) == ({"fields": FIELDS}, {"email": 30}, {"email": 30})
    assert next(iter(ran.gate("answers", "is-json")["figures"]["fields"])) == "$.zip"
    assert "fields that disagree most: $.zip in 10 of 30" in " ".join(ran.text.split())
    assert ran.rows()[0]["redactions"] == {"email": 1}
    assert "anna" not in ran.text + (ran.folder / "trials.jsonl").read_text()
    monkeypatch.chdir(example.path)
    again = json.loads(CliRunner().invoke(cli, ["regate", "--json"]).output)
    assert figures(again) == figures(ran.result)
    assert next(iter(again["tests"][0]["gates"][0]["figures"]["fields"])) == "$.zip"


def test_the_same_fields_and_counts_come_from_two_workers(example: Example) -> None:
    alone = example.files(FILES).gate()
    shared = example.gate("-n2")
    assert shared.judged == alone.judged
