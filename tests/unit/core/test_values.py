"""Values that are written down: canonical JSON, rows of trials, plans, nearest names."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.codec import canonical, digest, plain, text_digest
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.errors import LlmgateError, Problem, Where, nearest, problem
from pytest_llmgate.core.observation import Span
from pytest_llmgate.core.plan import (
    GatePlan,
    ModelPlan,
    PromptPlan,
    Quarantine,
    TestPlan,
    plan_digest,
    plan_from_row,
)
from pytest_llmgate.core.record import TrialRecord, record_from_row, usage_from_row, usage_row
from pytest_llmgate.core.reply import NO_USAGE, Usage
from pytest_llmgate.core.trial import Trial

text = st.text(max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=15,
)

# ---- canonical JSON


@given(json_values)
def test_canonical_json_is_json_and_its_own_fixed_point(value: Any) -> None:
    assert json.loads(canonical(value)) == value
    assert canonical(json.loads(canonical(value))) == canonical(value)


@given(st.dictionaries(text, json_values, max_size=6), st.randoms(use_true_random=False))
def test_order_of_keys_does_not_count(value: dict[str, Any], rng: Any) -> None:
    items = list(value.items())
    rng.shuffle(items)
    assert digest(dict(items)) == digest(value)


@given(json_values, json_values)
def test_different_values_have_different_digests(one: Any, other: Any) -> None:
    assert (digest(one) == digest(other)) == (canonical(one) == canonical(other))


def test_values_of_ours_have_one_json() -> None:
    assert plain({"a": Decimal("0.10"), "o": Outcome.PASS, "s": {"b", "a"}, "w": Where("x", 3)}) == {
        "a": "0.10", "o": "pass", "s": ["a", "b"], "w": {"path": "x", "line": 3},
    }  # fmt: skip
    assert canonical((1, "é")) == '[1,"é"]'
    assert canonical(Decimal("1E-7")) == '"0.0000001"'


def test_not_a_number_has_no_canonical_json() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))


def test_broken_unicode_has_a_digest_too() -> None:
    assert digest("\ud800") != digest("\ud801")
    assert len(text_digest("\ud800")) == 32


# ---- rows of trials

amounts = st.decimals(0, 100, places=6) | st.none()
counts = st.none() | st.integers(0, 10**9)
usages = st.builds(Usage, st.integers(0, 99), counts, counts, amounts)
floats = st.floats(0, 1e9) | st.none()
records = st.builds(
    TrialRecord,
    test=text, case=text,
    trial=st.builds(Trial, st.integers(0, 10**6), st.integers(0, 99), st.integers(0, 10**4), st.integers(0, 2**53 - 1)),
    verdicts=st.dictionaries(text, st.none() | st.booleans(), max_size=3),
    scores=st.dictionaries(text, st.floats(0, 1), max_size=3), usage=usages, latency_ms=floats, queued_ms=floats,
    replayed=st.booleans(), overrun=st.booleans(), error=st.none() | text, fatal=st.booleans(),
    reply=st.none() | text.map(text_digest), reasons=st.dictionaries(text, text, max_size=3),
    outcome=st.dictionaries(text, st.integers(0, 10**6) | text, max_size=3),
    judges=st.dictionaries(text, st.dictionaries(text, text, max_size=2), max_size=3),
    fields=st.dictionaries(text, st.dictionaries(text, st.none() | st.booleans(), max_size=2), max_size=3),
    redactions=st.dictionaries(text, st.integers(1, 9), max_size=3),
    model=st.none() | text,
    ended_at=st.none() | st.integers(0, 2**31).map(float),
    spans=st.dictionaries(
        text, st.lists(st.builds(Span, st.integers(0, 99), st.integers(0, 99), text, text, text)).map(tuple), max_size=2
    ),
)  # fmt: skip


@given(records)
def test_a_record_survives_its_line(made: TrialRecord) -> None:
    line = made.to_line()
    assert "\n" not in line
    assert record_from_row(json.loads(line), made.trial.case) == made


@given(usages)
def test_usage_survives_its_row(usage: Usage) -> None:
    assert usage_from_row(json.loads(json.dumps(usage_row(usage)))) == usage


def test_what_is_no_number_is_null_in_a_row() -> None:
    made = TrialRecord(test="t", case="c", trial=Trial(0, 0, 0, 1), verdicts={}, scores={"s": float("inf")})
    assert json.loads(made.to_line())["scores"] == {"s": None}


def test_usages_add_up_and_unknown_stays_unknown() -> None:
    one = Usage(1, 5, None, Decimal("0.1"))
    assert one.plus(Usage(1, None, None, Decimal("0.2"))) == Usage(2, 5, None, Decimal("0.3"))
    assert NO_USAGE.plus(NO_USAGE) == NO_USAGE


# ---- plans


def whole_plan() -> TestPlan:
    model = ModelPlan(
        alias="m", provider="openai", model="gpt", params={"temperature": 0}, where=Where("a.suite.yaml", 4)
    )
    gates = (
        GatePlan(name="is-json", type="is-json", params={"value": "s.json"}, where=Where("a.suite.yaml", 20)),
        GatePlan(
            name="slow", type="latency", severity="warn", quarantine=Quarantine(until="2030-01-01", reason="r"),
            good=0.99, bad=0.9, unwanted=True, family=6, trials=40, where=Where("a.suite.yaml", 21),
        ),
    )  # fmt: skip
    return TestPlan(
        id="a.suite.yaml::t", suite="a", file="a.suite.yaml", kind="prompt", base=".", seed=7, model=model,
        prompt=PromptPlan(
            name="p", messages=({"role": "user", "content": "{{q}}"},), source=Where("p.j2", 1)
        ),
        cases=(
            Case(id="x", vars={"q": [1, {"a": None}], "where": "Paris", "source": "web"}, context=("s1", {"id": "2"})),
            Case(id="y", vars={"q": "?"}, context="one", expected={"city": "Rome"}, slice={"lang": "it"}, twin=1),
        ),
        gates=gates, trials=40, cover="sample", stop="all", max_errors=0.1, models={"m": model},
        content={"s.json": "sha256:00"}, where=Where("a.suite.yaml", 10),
    )  # fmt: skip


def test_a_plan_from_its_row_decides_alike() -> None:
    plan = whole_plan()
    again = plan_from_row(json.loads(json.dumps(plain(plan))))
    for name in ("id", "seed", "cases", "gates", "trials", "cover", "stop", "max_errors", "kind", "where", "target"):
        assert getattr(again, name) == getattr(plan, name), name
    assert (again.presumed_equal, again.equal_replies) == (True, False)
    assert [gate.alpha_used for gate in again.gates] == [gate.alpha_used for gate in plan.gates]
    assert plain(plan_from_row(plain(again))) == plain(again)


def test_a_digest_ignores_places_and_nothing_else() -> None:
    plan = whole_plan()
    moved = replace(
        plan,
        where=Where("a.suite.yaml", 99),
        model=replace(plan.model, where=None),  # type: ignore[type-var]
        prompt=replace(plan.prompt, source=Where("p.j2", 7)),  # type: ignore[type-var]
        gates=tuple(replace(gate, where=None) for gate in plan.gates),
    )
    assert plan_digest((moved,)) == plan_digest((plan,))


def other_vars(**changed: Any) -> TestPlan:
    plan = whole_plan()
    first = replace(plan.cases[0], vars={**plan.cases[0].vars, **changed})
    return replace(plan, cases=(first, plan.cases[1]))


@pytest.mark.parametrize(
    "changed",
    [
        other_vars(q="else"),
        other_vars(where="Rome"),  # a user's variable, not a place in a file
        other_vars(source="book"),
        replace(whole_plan(), seed=8),
        replace(whole_plan(), trials=41),
        replace(whole_plan(), content={"s.json": "sha256:01"}),
        replace(whole_plan(), prompt=PromptPlan(name="p", messages=({"role": "user", "content": "{{ q }}"},))),
        replace(whole_plan(), cases=whole_plan().cases[::-1]),
    ],
)
def test_whatever_decides_changes_the_digest(changed: TestPlan) -> None:
    assert plan_digest((changed,)) != plan_digest((whole_plan(),))


# ---- problems


def test_a_problem_says_where_what_and_what_instead() -> None:
    fault = problem("unknown-key", "unknown key 'tets'", Where("a.suite.yaml", 7), "did you mean 'tests'?")
    assert str(fault) == "a.suite.yaml:7: unknown key 'tets'; did you mean 'tests'? [unknown-key]"
    both = LlmgateError(*fault.problems, Problem("x", "y"))
    assert str(both).splitlines()[1] == "y [x]"


@pytest.mark.parametrize(
    ("word", "hint"),
    [("contians", "did you mean 'contains'?"), ("zzz", "known: contains, equals"), ("", "known: contains, equals")],
)
def test_the_nearest_known_word_is_named(word: str, hint: str) -> None:
    assert nearest(word, ["equals", "contains"]) == hint


def test_nothing_known_is_said_so() -> None:
    assert nearest("x", []) == "known: "
