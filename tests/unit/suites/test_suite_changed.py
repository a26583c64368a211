"""What a reviewer must know of a new version of a suite, beside what became easier to keep."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.suites.changed import Change, changed
from pytest_llmgate.suites.differences import counted_lines, differences

FILE = "s.suite.yaml"
MODEL = (
    "models:\n  m: {provider: openai, model: gpt-4o, base_url: 'https://a.example/v1', params: {temperature: 0.2}}\n"
)
TEST = "tests:\n- id: t\n  assert: [{type: contains, value: x, min_rate: 0.9}]\n"


def said(old: str, new: str) -> list[tuple[str, str, str]]:
    """Kind, gate and text of all changes."""
    return [(change.kind, change.gate, change.text) for change in changed(FILE, old, new)]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("gpt-4o", "gpt-4.1", "m: model: gpt-4o → gpt-4.1"),
        ("openai", "local", "m: provider: openai → local"),
        ("temperature: 0.2", "temperature: 0.9", "m: params.temperature: 0.2 → 0.9"),
        ("params: {temperature: 0.2}", "record: true", "m: params.temperature: 0.2 → not given"),
        ("temperature: 0.2", "temperature: 0.2, stop: [a]", 'm: params.stop: not given → ["a"]'),
        ("temperature: 0.2", 'temperature: "0.2"', 'm: params.temperature: 0.2 → "0.2"'),
        ("https://a.example/v1", "http://b.example:81/v2", "m: base_url: a.example → b.example:81"),
        ("https://a.example/v1", "https://a.example/v2?key=1", "m: base_url: another address at a.example"),
        ("https://a.example/v1", "${URL:-https://me:pw@b.example/v1}", "m: base_url: a.example → ${URL} or b.example"),
    ],
)
def test_models_are_compared_key_by_key_and_addresses_by_their_host(old: str, new: str, text: str) -> None:
    found = said(MODEL, MODEL.replace(old, new))
    assert ("model", "", text) in found


def test_models_that_come_and_go_are_named() -> None:
    assert said("tests: []", MODEL) == [("model", "", "m is new: openai gpt-4o at a.example")]
    assert said(MODEL, "tests: []") == [("model", "", "m is gone")]


def test_inline_prompts_are_shown_line_by_line() -> None:
    old = "prompts:\n  p: {text: 'Be brief.'}\n  q: {messages: [{role: user, content: Hi}]}\n  r: a.j2\n"
    new = old.replace("brief", "kind").replace("Hi", "Ho").replace("a.j2", "b.j2")
    assert said(old, new) == [
        ("prompt", "", "p:\n--- before\n+++ now\n@@ -1 +1 @@\n-Be brief.\n+Be kind."),
        ("prompt", "", "q:\n--- before\n+++ now\n@@ -1 +1 @@\n-user: Hi\n+user: Ho"),
        ("prompt", "", "r: a.j2 → b.j2"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "kind", "text"),
    [
        ("noise: brisbane", "noise: torino", "noise", "noise: brisbane → torino"),
        ("noise: brisbane", "noise: none", "noise", "noise: brisbane → none"),
        ("noise: {readout: 0.01}", "noise: {readout: 0.02}", "noise", "noise.readout: 0.01 → 0.02"),
        ("noise_scale: [1, 2]", "noise_scale: [1, 3]", "noise", "noise_scale: [1, 2] → [1, 3]"),
        ("backend: aer", "backend: {provider: ibm}", "backend", 'backend: aer → {"provider": "ibm"}'),
        ("fallback: {backend: aer}", "", "fallback", "fallback.backend: aer → not given"),
        ("shots: 9", "shots: 8", "trials", "shots: 9 → 8"),
        ("trials: 9", "trials: 8", "trials", "trials: 9 → 8"),
        ("model: a", "model: b", "model", "model: a → b"),
        ("circuit: a.qasm", "circuit: b.qasm", "circuit", "circuit: a.qasm → b.qasm"),
        ("stop: all", "stop: first-fail", "test", "stop: all → first-fail"),
        ("cases: [{q: 1}]", "cases: [{q: 2}, {q: 3}]", "cases", "cases: 1 → 2, of which 2 are new and 1 are gone"),
        ("prompt: {text: a}", "prompt: {text: b}", "prompt", "prompt:\n--- before\n+++ now\n@@ -1 +1 @@\n-a\n+b"),
    ],
)  # fmt: skip
def test_the_keys_of_a_test_are_shown_wherever_they_stand(old: str, new: str, kind: str, text: str) -> None:
    below = [f"tests:\n- id: t\n  cover: each\n  {key}\n" for key in (old, new)]
    assert changed(FILE, *below) == [Change(kind, f"{FILE}::t", "", text)]
    above = [f"defaults: {{{key}}}\ntests: [{{id: t}}, {{id: u}}]\n" for key in (old, new)]
    assert changed(FILE, *above) == [Change(kind, f"{FILE}::t and 1 more", "", text)]


@pytest.mark.parametrize(
    ("old", "new", "kind", "text"),
    [
        ("min_rate: 0.9", "min_rate: 0.95", "threshold", "min_rate: 0.9 → 0.95"),
        ("value: x", "value: y", "gate", "value: x → y"),
        ("min_rate: 0.9", "min_rate: 0.9, alpha: 0.01", "threshold", "alpha: not given → 0.01"),
    ],
)
def test_what_else_an_assertion_asks_is_shown(old: str, new: str, kind: str, text: str) -> None:
    assert said(TEST, TEST.replace(old, new)) == [(kind, "contains", text)]


def test_what_became_easier_to_keep_is_not_said_twice() -> None:
    assert said(TEST, TEST.replace("min_rate: 0.9", "min_rate: 0.8, severity: warn")) == []
    assert said(TEST, TEST.replace("id: t", "id: t\n  max_errors: 0.2\n  cover: sample")) == []
    assert said(f"require_baseline: true\n{TEST}", TEST) == []


def test_gates_and_tests_that_are_new_are_named() -> None:
    more = TEST.replace("0.9}", "0.9}, {type: latency, p95_ms: 500}") + "- {id: u, assert: [{type: equals}]}\n"
    assert said(TEST, more) == [
        ("test", "", "1 added: u (equals)"),
        ("gate", "latency", "added: p95_ms: 500"),
    ]
    many = "tests: [" + ", ".join(f"{{id: t{number}}}" for number in range(12)) + "]"
    assert said("tests: []", many)[0][2].endswith("t9 (no gates), 2 more")


def test_markers_are_compared_too() -> None:
    old = "import pytest\n@pytest.mark.circuit_distribution(baseline=True, noise='brisbane')\ndef test_a(): ...\n"
    assert changed("test_a.py", old, old.replace("brisbane", "torino")) == [
        Change("noise", "test_a.py::test_a", "circuit_distribution", "noise: brisbane → torino")
    ]


def test_options_are_compared_and_what_is_redacted_is_not_shown() -> None:
    old = (
        '[tool.llmgate]\nbudget = "1.00"\n[tool.llmgate.defaults]\nnoise = "a"\n'
        '[tool.llmgate.models.m]\nmodel = "a"\n[tool.llmgate.profiles.ci]\ninconclusive = "fail"\ntrials = 1\n'
        '[tool.llmgate.redaction]\ndeny = ["Ada"]\n'
    )
    new = old.replace('"a"', '"b"').replace("1.00", "2.00").replace("Ada", "Bob").replace("= 1\n", "= 2\n")
    new = new.replace('"fail"', '"warn"')
    assert [(change.kind, change.text) for change in changed("pyproject.toml", old, new)] == [
        ("model", "m: model: a → b"),
        ("noise", "defaults.noise: a → b"),
        ("option", "profiles.ci.trials: 1 → 2"),
        ("option", "budget: 1.00 → 2.00"),
        ("option", "redaction.deny changed"),
    ]


def test_a_version_that_cannot_be_read_is_left_to_what_is_said_of_it_elsewhere() -> None:
    assert changed(FILE, "tests: [", TEST) == []
    assert changed("pyproject.toml", "[tool", "") == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(old=VALUES, new=VALUES)
def test_there_is_a_difference_exactly_where_values_differ_and_it_goes_both_ways(old: object, new: object) -> None:
    there, back = list(differences(old, new)), list(differences(new, old))
    assert bool(there) == (old != new)
    assert {(found.path, repr(found.was)) for found in there} == {(found.path, repr(found.now)) for found in back}
    assert all("→" in found.words or ":\n" in found.words for found in there)


@given(old=st.lists(st.sampled_from("abc")), new=st.lists(st.sampled_from("abc")))
def test_counted_lines_add_up(old: list[str], new: list[str]) -> None:
    words = counted_lines("\n".join(old), "\n".join(new)).replace("lines", "line").split(", ")
    counts = {what: int(number) for number, _, what in (word.split() for word in words if word)}
    assert counts.get("more", 0) - counts.get("fewer", 0) == len(new) - len(old)
    assert bool(counts) == (sorted(old) != sorted(new))
