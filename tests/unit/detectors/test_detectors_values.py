"""`{{references}}` are filled in from the case, and nothing is ever evaluated."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.observation import Observation
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.values import resolver

CASE = Case(
    id="c1",
    vars={"q": "where?", "n": 3, "case": "shadowed", "my-var": "v", "none": None},
    context="a source",
    expected={"city": "Berlin", "cities": ["Bonn", "Berlin"], "deep": {"a.b": 1, "ok": True}},
)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("{{expected.city}}", "Berlin"),
        ("{{ expected.cities.1 }}", "Berlin"),
        ("in {{expected.city}}, {{n}} of {{vars.n}}", "in Berlin, 3 of 3"),
        ("{{expected.deep.ok}}!", "true!"),
        ("{{n}}", 3),
        ("{{expected.cities}}", ["Bonn", "Berlin"]),
        ("{{q}}", "where?"),
        ("{{my-var}}", "v"),
        ("{{context}}", "a source"),
        ("{{case.id}}", "c1"),
        ("{{vars.case}}", "shadowed"),
        ("{{none}}", None),
        ({"a": ["{{n}}", 1], "b": "x"}, {"a": [3, 1], "b": "x"}),
    ],
)
def test_references_are_filled_in(raw: Any, value: Any) -> None:
    get = resolver(raw, None)
    assert get is not None
    assert get(CASE) == value


@pytest.mark.parametrize("raw", ["plain", "{{ unclosed", "}} {{", "{single}", "", 3, None, ["a", {"b": 1}]])
def test_values_without_references_are_constants(raw: Any) -> None:
    assert resolver(raw, None) is None


@pytest.mark.parametrize(
    "raw", ["{{}}", "{{a|upper}}", "{{a()}}", "{{a[0]}}", "{{''.__class__}}", "{{a..b}}", "{{ a b }}", "{{{a}}}"]
)
def test_anything_but_a_dotted_name_is_refused_at_once(raw: str) -> None:
    with pytest.raises(LlmgateError, match="is not a reference"):
        resolver(raw, None)


@pytest.mark.parametrize(
    "name", ["nope", "expected.town", "expected.city.x", "expected.cities.2", "q.upper", "q.__class__", "vars.keys"]
)
def test_an_undefined_reference_is_a_hole_and_known_before_any_call(build: Any, name: str) -> None:
    for kind in ("contains", "not-contains", "equals", "regex"):
        measure = build(kind, value=f"{{{{{name}}}}}")
        assert measure.undefined(CASE) == [f"{name!r} is undefined"]
        found = measure.measure(CASE, Observation(Reply("text")))
        assert found[:3] == (None, None, f"{name!r} is undefined")


def test_what_the_case_leaves_out_is_undefined(build: Any) -> None:
    bare = Case(id="bare")
    assert build("contains", value="{{expected}}").undefined(bare) == ["'expected' is undefined"]
    assert build("contains", value="{{context}}").undefined(bare) == ["'context' is undefined"]
    assert build("contains", value="{{none}}!").undefined(CASE) == ["the value is null"]
    assert build("contains", value="{{q}}").undefined(CASE) == []


def test_a_case_may_not_make_an_assertion_empty(build: Any) -> None:
    case = Case(id="c", vars={"city": "", "cities": []})
    assert "empty text" in build("contains", value="{{city}}").undefined(case)[0]
    assert "at least one" in build("contains-any", value="{{cities}}").undefined(case)[0]


def test_a_whole_reference_keeps_its_type(judge: Any) -> None:
    assert judge("equals", Reply("", data=42), Case(id="c", expected=42), value="{{expected}}").good is True
    assert judge("equals", '{"a":1}', Case(id="c", expected={"a": 1}), value="{{expected}}").good is True
    assert judge("contains-all", "Bonn and Berlin", CASE, value="{{expected.cities}}").good is True
    assert judge("max-length", "abcd", Case(id="c", vars={"n": "3"}), value="{{n}}").good is False


def test_in_a_longer_pattern_a_reference_is_literal_and_alone_it_is_the_pattern(judge: Any, build: Any) -> None:
    case = Case(id="c", expected="C++ (20.")
    assert judge("regex", "uses C++ (20.", case, value="uses {{expected}}$").good is True
    assert judge("regex", "uses C+++ (201", case, value="uses {{expected}}$").good is False
    assert judge("regex", "abc", Case(id="c", expected="^a.c$"), value="{{expected}}").good is True
    assert "is not RE2" in build("regex", value="{{expected}}").undefined(case)[0]


@given(st.text(alphabet="{}a. \n", max_size=40))
def test_any_braces_are_a_constant_a_reference_or_an_error(raw: str) -> None:
    try:
        get = resolver(raw, None)
    except LlmgateError:
        return
    assert get is not None or raw.count("{{") == 0 or raw.rfind("}}") < raw.find("{{") + 2


def test_thousands_of_unclosed_braces_are_plain_text() -> None:
    assert resolver("{{" * 500_000, None) is None
