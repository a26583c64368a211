"""What a function may return, and what it becomes."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from pytest_llmgate.core.reply import Reply
from pytest_llmgate.core.reply_from import MAX_TEXT_BYTES, as_reply


@dataclass
class Answer:
    city: str
    score: float = 0.5


class Model(BaseModel):
    city: str
    day: date


class Colour(Enum):
    RED = "red"


def test_a_text_is_the_text() -> None:
    assert as_reply("hello") == Reply("hello")


def test_a_reply_stays_itself() -> None:
    reply = Reply("x", data={"a": 1}, input_tokens=3, cost_usd="0.01", latency_ms=2.5)
    assert as_reply(reply) is reply


@pytest.mark.parametrize("value", ["x", {"a": 1}, Reply("x")])
def test_a_measured_latency_is_set(value: Any) -> None:
    assert as_reply(value, 2.5).latency_ms == 2.5


def test_a_latency_of_the_replys_own_is_kept() -> None:
    assert as_reply(Reply("x", latency_ms=9.0), 2.5).latency_ms == 9.0


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ({"a": (1, 2)}, {"a": [1, 2]}),
        ([1, "é"], [1, "é"]),
        (OrderedDict(a=1), {"a": 1}),
        (MappingProxyType({"a": None}), {"a": None}),
        (Answer("Oslo"), {"city": "Oslo", "score": 0.5}),
        ({"in": Answer("Oslo")}, {"in": {"city": "Oslo", "score": 0.5}}),
        (Model(city="Oslo", day=date(2026, 1, 2)), {"city": "Oslo", "day": "2026-01-02"}),
        ([Model(city="Oslo", day=date(2026, 1, 2))], [{"city": "Oslo", "day": "2026-01-02"}]),
        ({"d": Decimal("0.10"), "c": Colour.RED}, {"d": "0.10", "c": "red"}),
    ],
)
def test_objects_become_json_text_and_plain_data(value: Any, data: Any) -> None:
    reply = as_reply(value)
    assert reply.data == data
    assert json.loads(reply.text) == data


def test_data_is_cut_loose_from_the_functions_own_object() -> None:
    shared: dict[str, list[int]] = {"a": []}
    reply = as_reply(shared)
    shared["a"].append(1)
    assert reply.data == {"a": []}, "a later change in the user's code must not change what was judged"


@pytest.mark.parametrize("value", [None, 42, 1.5, True, b"bytes", {1, 2}, object(), Answer, Model, Exception("x")])
def test_other_values_are_named_and_refused(value: object) -> None:
    with pytest.raises(TypeError, match=r"(None|type \w+) is not a reply; accepted are str, dict"):
        as_reply(value)


def deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


def circular() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


@pytest.mark.parametrize("value", [{"a": float("nan")}, {"a": object()}, {(1, 2): 3}, circular(), deep()])
def test_what_has_no_json_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="JSON"):
        as_reply(value)


def test_eight_mebibytes_are_the_limit() -> None:
    assert len(as_reply("x" * MAX_TEXT_BYTES).text) == MAX_TEXT_BYTES
    for value in ("x" * (MAX_TEXT_BYTES + 1), "é" * (MAX_TEXT_BYTES // 2 + 1), Reply("x" * (MAX_TEXT_BYTES + 1))):
        with pytest.raises(ValueError, match="8 MiB"):
            as_reply(value)


@pytest.mark.parametrize(
    "fields",
    [
        {"text": None},
        {"text": b"x"},
        {"input_tokens": -1},
        {"output_tokens": "3"},
        {"output_tokens": True},
        {"latency_ms": float("nan")},
        {"output_tokens": 10**23},
        {"latency_ms": "3"},
        {"latency_ms": 1e300},
        {"cost_usd": "-1"},
        {"cost_usd": "cheap"},
        {"cost_usd": float("inf")},
        {"cost_usd": "1e999999"},
        {"cost_usd": 2_000_000},
        {"model": 3},
        {"finish_reason": 3},
        {"tool_calls": "call"},
        {"tool_calls": ["call"]},
        {"tool_calls": None},
    ],
)
def test_a_reply_with_a_senseless_field_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"Reply.{next(iter(fields))}"):
        as_reply(Reply(**{"text": "x", **fields}))


@given(st.text(st.characters(codec=None)))
def test_every_text_comes_out_writable(text: str) -> None:
    out = as_reply(text).text
    out.encode()  # raises for lone surrogates
    if all(not "\ud800" <= char <= "\udfff" for char in text):
        assert out == text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_values_survive(value: Any) -> None:
    if isinstance(value, (list, dict)):
        assert as_reply(value).data == value
