"""Where the JSON of a reply is looked for, and which of its fields agree with the schema."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.observation import Observation
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.json_extract import anywhere, fenced
from pytest_llmgate.detectors.jsontext import NotJson
from pytest_llmgate.detectors.schema_fields import MAX_FIELDS, Fault, agreement

STEP = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
SCHEMA = {
    "type": "object",
    "required": ["city", "steps"],
    "additionalProperties": False,
    "properties": {
        "city": {"type": "string"},
        "n": {"type": "integer"},
        "steps": {"type": "array", "items": STEP},
        "geo": {"type": "object", "properties": {"lat": {"type": "number"}}},
    },
}  # fmt: skip
GOOD = {"city": "Bonn", "steps": [{"text": "a"}, {"text": "b"}], "geo": {"lat": 1.5}}


# ---- extract

CASES = {
    '{"a": 1}': (True, True, True),
    ' \n{"a": 1}\n': (True, True, True),
    '```json\n{"a": 1}\n```': (False, True, True),
    'Here:\n\n```json\n{"a": 1}\n```\nDone.': (False, True, True),
    'Here:\n```\n{"a": 1}\n```': (False, True, True),
    '~~~json\n{"a": 1}\n~~~': (False, True, True),
    '````json\n{"a": "```"}\n````': (False, True, True),
    '```python\nx = {}\n```\n```json\n{"a": 1}\n```': (False, True, True),
    '```json\n{"a": 1}': (False, True, True),
    '```json\n{"a": 1}\n```\n```json\n{"b": 1}\n```': (False, False, True),
    '```json\n{"a": }\n```': (False, False, False),
    'The answer is {"a": 1}.': (False, False, True),
    'Use {braces}, as in [this]: {"a": [1, {"b": 2}]} and so on': (False, False, True),
    '{"a": 1, "a": 2}': (False, False, False),
    'x {"a": NaN} y': (False, False, False),
    "no json at all": (False, False, False),
    "": (False, False, False),
    "3 and 4": (False, False, False),
}


@pytest.mark.parametrize(("text", "good"), CASES.items())
def test_where_json_is_looked_for(judge: Any, text: str, good: tuple[bool, bool, bool]) -> None:
    said = tuple(judge("is-json", text, extract=extract).good for extract in ("none", "fenced", "any"))
    assert said == good
    assert judge("is-json", text).good is good[0]


def test_what_was_extracted_is_held_to_the_schema(judge: Any) -> None:
    assert judge("is-json", f"```json\n{json.dumps(GOOD)}\n```", value=SCHEMA, extract="fenced").good is True
    found = judge("is-json", '```json\n{"city": 1}\n```', value=SCHEMA, extract="fenced")
    assert found.good is False
    assert "$.city: 1 is not of type" in found.reason


def test_the_object_of_a_subject_needs_no_extracting(judge: Any) -> None:
    assert judge("is-json", Reply("see there", data=GOOD), value=SCHEMA, extract="fenced").good is True


@pytest.mark.parametrize("extract", ["fence", "", None, True, ["any"]])
def test_other_words_are_refused(build: Any, extract: Any) -> None:
    with pytest.raises(LlmgateError, match="write fenced, any or none") as caught:
        build("is-json", extract=extract)
    assert caught.value.problems[0].code == "bad-parameter"


def test_several_fences_are_told(judge: Any) -> None:
    text = "```\n{}\n```\n```\n[]\n```"
    assert "2 fences hold a block" in judge("is-json", text, extract="fenced").reason


@pytest.mark.parametrize("unit", ["{", "[", "```\n", "[[{", '{"a":', "```json\n{\n", "~~~"])
def test_a_megabyte_of_brackets_ends_soon(unit: str) -> None:
    with pytest.raises(NotJson):
        anywhere(unit * (300_000 // len(unit)))


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(_values)
def test_any_json_in_a_fence_comes_back(value: Any) -> None:
    text = f"Sure.\n```json\n{json.dumps(value)}\n```\nAnything else?"
    assert fenced(text) == value
    assert anywhere(text) == value


# ---- fields


@pytest.fixture
def fields(build: Any) -> Any:
    def one(reply: Any, **params: Any) -> dict[str, bool]:
        given = reply if isinstance(reply, Reply) else Reply(json.dumps(reply))
        return build("is-json", value=SCHEMA, **params).judge(Observation(given)).fields

    return one


ALL_GOOD = dict.fromkeys(["$", "$.city", "$.steps", "$.steps[]", "$.steps[].text", "$.geo", "$.geo.lat"], True)


def test_every_field_of_a_conforming_reply_agrees(fields: Any) -> None:
    assert fields(GOOD) == ALL_GOOD


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"city": 3}, {"$.city"}),
        ({"city": None, "n": "x"}, {"$.city", "$.n"}),
        ({"steps": [{"text": "a"}, {}]}, {"$.steps[].text"}),
        ({"steps": [{"text": "a"}, {"text": 3}]}, {"$.steps[].text"}),
        ({"steps": [3]}, {"$.steps[]"}),
        ({"steps": "none"}, {"$.steps"}),
        ({"geo": {"lat": "north"}}, {"$.geo.lat"}),
        ({"more": 1, "than": 2}, {"$.more", "$.than"}),
    ],
)
def test_the_field_that_is_wrong_and_no_other_is_named(fields: Any, change: dict[str, Any], wrong: set[str]) -> None:
    found = fields({**GOOD, **change})
    assert {name for name, good in found.items() if not good} == wrong


def test_a_missing_field_is_counted_and_an_absent_optional_one_is_not(fields: Any) -> None:
    found = fields({"steps": []})
    assert found == {"$": True, "$.steps": True, "$.city": False}


def test_text_that_is_no_json_has_one_field_and_a_hole_none(fields: Any, build: Any) -> None:
    assert fields(Reply("nothing")) == {"$": False}
    assert build("is-json").judge(Observation(None)).fields == {}


def test_fields_of_python_types(build: Any, tmp_path: Any) -> None:
    (tmp_path / "kinds.py").write_text(
        "from pydantic import BaseModel\nclass A(BaseModel):\n    city: str\n    n: int\n"
    )
    measure = build("is-json", value="kinds.py:A")
    assert measure.judge(Observation(Reply('{"n": "x"}'))).fields == {"$": True, "$.n": False, "$.city": False}


def test_a_reply_that_invents_keys_does_not_fill_the_report() -> None:
    many = {f"key{number}": 1 for number in range(10_000)}
    found = agreement(many, [Fault((), "too many", tuple(many))])
    assert len(found) == MAX_FIELDS
    assert max(map(len, agreement({"k" * 5000: 1}, []))) < 60


@settings(max_examples=100, deadline=None)
@given(_values)
def test_without_faults_every_field_agrees(value: Any) -> None:
    assert all(agreement(value, []).values())


@pytest.mark.parametrize(
    "draft",
    [
        "http://json-schema.org/draft-04/schema#",
        "http://json-schema.org/draft-06/schema#",
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2019-09/schema",
        "https://json-schema.org/draft/2020-12/schema",
    ],
)
def test_every_draft_names_its_fields(build: Any, draft: str) -> None:
    measure = build("is-json", value={"$schema": draft, **SCHEMA})
    found = measure.judge(Observation(Reply('{"city": 1, "steps": [], "x": 0}')))
    assert found.fields == {"$": True, "$.city": False, "$.steps": True, "$.x": False}
    assert found.measurement.good is False
