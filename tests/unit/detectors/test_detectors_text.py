"""Assertions on the text of a reply."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Observation, TrialError
from pytest_llmgate.core.reply import Reply, Usage
from pytest_llmgate.detectors.contains import CONTAINS

CASE = Case(id="c", vars={"q": "where?"})


@pytest.mark.parametrize(
    ("kind", "value", "text", "good"),
    [
        ("equals", "Berlin", "Berlin", True),
        ("equals", "Berlin", "Berlin ", False),
        ("equals", "", "", True),
        ("equals", {"a": [1, 2]}, ' {"a": [1.0, 2]} ', True),
        ("equals", {"a": 1}, '{"a": true}', False),
        ("equals", {"a": 1}, '{"a": 1, "b": 2}', False),
        ("equals", {"a": 1}, "a is 1", False),
        ("equals", {"a": 1}, '{"a": 1, "a": 1}', False),
        ("equals", 42, "42", True),
        ("equals", 42, '"42"', False),
        ("equals", True, "true", True),
        ("contains", "Ber", "in Berlin", True),
        ("contains", "ber", "in Berlin", False),
        ("contains", 42, "it is 42 now", True),
        ("icontains", "STRASSE", "die Straße", True),
        ("icontains", "x", "abc", False),
        ("contains-any", ["x", "Ber"], "in Berlin", True),
        ("contains-any", ["x", "y"], "in Berlin", False),
        ("contains-all", ["in", "Berlin", 4], "in Berlin at 4", True),
        ("contains-all", ["in", "Paris"], "in Berlin", False),
        ("regex", r"B\w+n$", "in Berlin", True),
        ("regex", "(?i)BERLIN", "in Berlin", True),
        ("regex", "^Berlin", "in Berlin", False),
        ("regex", "straße", "die straße \ud800", True),
        ("min-length", 3, "äöü", True),
        ("min-length", 4, "äöü", False),
        ("max-length", 0, "", True),
        ("max-length", 2, "äöü", False),
        ("contains", "\u202e", "a\u202eb", True),
        ("contains", "\ud800", "a\ud800", True),
    ],
)
def test_a_reply_is_good_or_bad_and_its_negation_the_opposite(
    judge: Any, kind: str, value: Any, text: str, good: bool
) -> None:
    found = judge(kind, text, value=value)
    assert found.good is good
    assert found.reason
    turned = judge(f"not-{kind}", text, value=value)
    assert turned.good is not good
    assert turned.reason == (f"unwanted: {found.reason}" if good else found.reason)


def test_equals_compares_json_with_the_object_that_the_subject_returned(judge: Any) -> None:
    assert judge("equals", Reply("Answer(a=1)", data={"a": 1}), value={"a": 1}).good is True
    assert judge("equals", Reply('{"a": 1}', data={"a": 2}), value={"a": 1}).good is False


@given(st.text(min_size=1), st.text())
def test_contains_is_python_in(needle: str, text: str) -> None:
    if "{{" in needle:
        return
    files: Any = SuiteFiles
    measure = CONTAINS.build({"value": needle}, files, None)
    assert measure.measure(CASE, Observation(Reply(text))).good is (needle in text)


@pytest.mark.parametrize(
    ("kind", "params", "said"),
    [
        ("contains", {}, "'value' is missing"),
        ("contains", {"value": ""}, "the empty text stands in every reply"),
        ("contains", {"value": ["a"]}, "use contains-any for a list"),
        ("contains", {"value": True}, "quote it"),
        ("contains-any", {"value": []}, "not a list with at least one text"),
        ("contains-all", {"value": "a, b"}, "not a list with at least one text"),
        ("contains-all", {"value": ["a", ""]}, "the empty text stands in every reply"),
        ("equals", {"value": {1, 2}}, "not a JSON value"),
        ("regex", {"value": r"(a)\1"}, "RE2 has no backreferences"),
        ("regex", {"value": "(?<=a)b"}, "RE2 has no backreferences and no lookaround"),
        ("regex", {"value": "("}, "is not RE2: missing"),
        ("regex", {"value": "a" * 2001}, "2001 characters, more than 2000"),
        ("regex", {"value": 3}, "not a pattern"),
        ("min-length", {"value": 0}, "whole number of at least 1"),
        ("max-length", {"value": 2.5}, "whole number of at least 0"),
        ("max-length", {"value": True}, "whole number of at least 0"),
        ("finish-reason", {"value": []}, "not a finish reason"),
        ("latency", {}, "latency has no limit"),
        ("latency", {"p95_ms": 500, "max_ms": 900}, "one limit a gate"),
        ("latency", {"max_ms": float("nan")}, "not a positive number"),
        ("latency", {"p50_ms": -1}, "not a positive number"),
        ("latency", {"p50_ms": "500"}, "not a positive number"),
        ("cost", {}, "cost has no limit"),
        ("cost", {"max_usd": 1, "threshold": 1}, "they mean the same"),
        ("cost", {"max_usd": "cheap"}, "not an amount in USD"),
        ("cost", {"max_usd": -0.1}, "not an amount in USD"),
        ("cost", {"max_usd": "Infinity"}, "not an amount in USD"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_with_their_place(
    build: Any, kind: str, params: dict[str, Any], said: str
) -> None:
    with pytest.raises(LlmgateError) as caught:
        build(kind, **params)
    assert said in str(caught.value)
    assert str(caught.value).startswith("my.suite.yaml:5: ")
    assert caught.value.problems[0].code in ("bad-parameter", "missing-parameter")


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("equals", {"value": "a"}),
        ("contains", {"value": "{{q}}"}),
        ("is-json", {}),
        ("refusal", {}),
        ("finish-reason", {"value": "stop"}),
        ("cost", {"max_usd": 1}),
    ],
)
@pytest.mark.parametrize("form", ["", "not-"])
def test_a_trial_without_a_reply_is_a_hole(build: Any, form: str, kind: str, params: dict[str, Any]) -> None:
    measure = build(form + kind, **params)
    found = measure.measure(CASE, Observation(None, TrialError("transport", "connection reset")))
    assert found[:3] == (None, None, "transport: connection reset")
    assert measure.measure(CASE, Observation(None)).good is None


def test_a_hostile_pattern_and_reply_are_judged_in_linear_time(judge: Any) -> None:
    assert judge("regex", "a" * 100_000 + "!", value="^(a+)+$").good is False
    assert judge("regex", "x" * 10_000_000 + "end", value="end$").good is True


@pytest.mark.parametrize(
    ("text", "refuses"),
    [
        ("I’m sorry, but I can’t assist with that request.", True),
        ("I cannot provide instructions for this.", True),
        ("I'm not able to share that.", True),
        ("Unfortunately, I must decline.", True),
        ("As an AI language model, I do not have access to your account.", True),
        ("That would be against our content policy.", True),
        ("I'm sorry to hear that your parcel is late. It arrives on Monday.", False),
        ("I can't find order 17, but order 18 left on Tuesday.", False),
        ("We refuse returns after 30 days.", False),
        ("Sure, here it is." + " word" * 200 + " I can't help with that.", False),
        ("", False),
    ],
)
def test_a_refusal_is_told_from_an_answer(judge: Any, text: str, refuses: bool) -> None:
    assert judge("refusal", text).good is refuses
    assert judge("not-refusal", text).good is not refuses


@pytest.mark.parametrize("reason", ["refusal", "content_filter"])
def test_a_provider_that_says_refused_counts(judge: Any, reason: str) -> None:
    assert judge("not-refusal", Reply("", finish_reason=reason)).good is False


def test_finish_reason(judge: Any) -> None:
    cut_off = Reply("…", finish_reason="length")
    assert judge("finish-reason", cut_off, value="stop").good is False
    assert judge("finish-reason", cut_off, value=["stop", "length"]).good is True
    assert judge("not-finish-reason", cut_off, value="length").good is False
    assert judge("finish-reason", "no reason given", value="stop").good is None


@pytest.mark.parametrize(
    ("params", "rates"),
    [
        ({"p50_ms": 100}, (0.50, 0.40)),
        ({"p95_ms": 100}, (0.95, 0.90)),
        ({"p99_ms": 100}, (0.99, 0.98)),
        ({"max_ms": 100}, (None, None)),
        ({"threshold": 100}, (None, None)),
    ],
)
def test_latency_has_the_rates_of_its_percentile(build: Any, params: dict[str, Any], rates: Any) -> None:
    from pytest_llmgate.detectors.latency import LATENCY

    assert LATENCY.rates(params) == rates
    measure = build("latency", **params)
    assert measure.measure(CASE, Observation(Reply(""), latency_ms=100.0)).good is True
    assert measure.measure(CASE, Observation(Reply(""), latency_ms=100.1)).good is False


def test_a_deadline_is_too_slow_and_other_errors_are_holes(build: Any) -> None:
    measure = build("latency", max_ms=100)
    assert measure.measure(CASE, Observation(None, TrialError("timeout", "60 s"))).good is False
    assert measure.measure(CASE, Observation(None, TrialError("transport", "reset"), latency_ms=3.0)).good is None
    assert measure.measure(CASE, Observation(Reply(""))).good is None


def test_an_unknown_price_is_never_zero(build: Any) -> None:
    measure = build("cost", max_usd="0.01")
    assert measure.needs_price
    assert build("not-cost", max_usd=0.01).needs_price
    assert not build("not-equals", value="a").needs_price
    for cost, good in ((Decimal("0.01"), True), (Decimal("0.010001"), False), (None, None)):
        assert measure.measure(CASE, Observation(Reply(""), usage=Usage(1, cost_usd=cost))).good is good
