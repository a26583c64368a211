"""`tool-called`: the name and, among others, these arguments."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.observation import Observation
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.tool_calls import texts, tool_calls

ORDER = {"name": "get_order", "arguments": {"id": 1001, "with": {"items": ["a", "b"], "total": True}, "note": None}}
REPLY = Reply("", tool_calls=[{"name": "search", "arguments": {"q": "x"}}, ORDER])


@pytest.mark.parametrize(
    ("arguments", "good"),
    [
        (None, True),
        ({}, True),
        ({"id": 1001}, True),
        ({"id": 1001.0}, True),
        ({"id": "1001"}, False),
        ({"id": True}, False),
        ({"note": None}, True),
        ({"with": {"total": True}}, True),
        ({"with": {"items": ["a", "b"]}}, True),
        ({"with": {"items": ["a"]}}, False),
        ({"with": []}, False),
        ({"missing": None}, False),
    ],
)
def test_arguments_may_be_more_than_what_is_asked(judge: Any, arguments: Any, good: bool) -> None:
    params = {} if arguments is None else {"arguments": arguments}
    assert judge("tool-called", REPLY, value="get_order", **params).good is good
    assert judge("not-tool-called", REPLY, value="get_order", **params).good is not good


def test_reasons_say_what_was_called_instead(judge: Any) -> None:
    assert judge("tool-called", REPLY, value="pay").reason == "does not call 'pay'; it calls 'search', 'get_order'"
    assert judge("tool-called", "text", value="pay").reason == "does not call 'pay'; it calls no tool"
    assert (
        "with other arguments: {'id': 1001"
        in judge("tool-called", REPLY, value="get_order", arguments={"id": 2}).reason
    )


@pytest.mark.parametrize(
    "call",
    [
        {"name": "f", "arguments": {"a": 1}},
        {"name": "f", "arguments": '{"a": 1}'},
        {"id": "x", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
        {"type": "tool_use", "name": "f", "input": {"a": 1}},
        {"name": "f", "args": {"a": 1}},
        {"tool": "f", "parameters": {"a": 1}},
    ],
)
def test_calls_of_every_vendor_have_one_form(judge: Any, call: dict[str, Any]) -> None:
    assert judge("tool-called", Reply("", tool_calls=[call]), value="f", arguments={"a": 1}).good is True


@pytest.mark.parametrize("arguments", ["{broken", "[1]", 3, None, [1], '{"a": 1, "a": 2}'])
def test_arguments_that_are_no_object_match_nothing(judge: Any, arguments: Any) -> None:
    reply = Reply("", tool_calls=[{"name": "f", "arguments": arguments}])
    assert judge("tool-called", reply, value="f").good is True
    assert judge("tool-called", reply, value="f", arguments={"a": 1}).good is False


def test_values_come_from_the_case(judge: Any, build: Any) -> None:
    case = Case(id="c", vars={"order": 1001}, expected={"tool": "get_order"})
    params = {"value": "{{expected.tool}}", "arguments": {"id": "{{order}}"}}
    assert judge("tool-called", REPLY, case, **params).good is True
    assert build("tool-called", **params).undefined(Case(id="d")) == ["'expected.tool' is undefined"]


def test_no_reply_is_a_hole(build: Any) -> None:
    assert build("tool-called", value="f").measure(Case(id="c"), Observation(None)).good is None


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "missing-parameter"),
        ({"value": ""}, "bad-parameter"),
        ({"value": 3}, "bad-parameter"),
        ({"value": "f", "arguments": "a"}, "bad-parameter"),
        ({"value": "f", "arguments": [1]}, "bad-parameter"),
    ],
)
def test_parameters_that_make_no_sense(build: Any, params: dict[str, Any], code: str) -> None:
    with pytest.raises(LlmgateError) as caught:
        build("tool-called", **params)
    assert caught.value.problems[0].code == code


def test_a_tower_of_arguments_is_read_to_the_end() -> None:
    tower: Any = "bottom"
    for _ in range(500):
        tower = [tower]
    (call,) = tool_calls(Reply("", tool_calls=[{"name": "f", "arguments": tower}]))
    assert "bottom" in "".join(text.value for text in texts(call.arguments))
