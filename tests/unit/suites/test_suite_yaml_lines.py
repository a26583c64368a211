"""YAML: only plain data, with lines, and nothing that explodes."""

from __future__ import annotations

import json
import string

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.suites.node import MAX_DEPTH, Node
from pytest_llmgate.suites.problems import Problems
from pytest_llmgate.suites.yaml_lines import MAX_NODES, load_yaml


def read(text: str) -> tuple[Node | None, list[str]]:
    problems = Problems("f.yaml")
    node = load_yaml(text, "f.yaml", problems)
    return node, [str(found) for found in problems._found]


def only_problem(text: str) -> str:
    _, found = read(text)
    assert len(found) == 1, found
    return found[0]


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(string.printable, max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(string.ascii_letters, min_size=1), inner),
    max_leaves=20,
)


@given(plain)
def test_what_pyyaml_writes_is_read_as_it_was(value: object) -> None:
    node, found = read(yaml.safe_dump(value))
    assert found == []
    assert node is not None
    assert node.plain() == value


@given(plain)
def test_json_is_yaml(value: object) -> None:
    node, found = read(json.dumps(value))
    assert (found, node and node.plain()) == ([], value)


def test_every_key_and_value_knows_its_line() -> None:
    node, _ = read("a: 1\nb:\n  - x\n  - c: 2\n")
    assert node is not None
    assert (node.value["a"].place.line, node.value["b"].place.line, node.value["b"].where.line) == (1, 2, 3)
    assert node.value["b"].value[1].value["c"].where.line == 4


def test_dates_stay_text_and_merge_keys_yield_to_own_keys() -> None:
    node, found = read("base: &b {x: 1, y: 2}\nd: 2027-01-31\nuse: {<<: *b, y: 3}\n")
    assert found == []
    assert node is not None
    assert node.plain() == {"base": {"x": 1, "y": 2}, "d": "2027-01-31", "use": {"x": 1, "y": 3}}


def test_all_duplicate_keys_are_told() -> None:
    _, found = read("a: 1\na: 2\nb: {c: 1, c: 2}\n")
    assert [line.split(": ")[0] for line in found] == ["f.yaml:2", "f.yaml:3"]
    assert "stands in line 1 already" in found[0]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "yaml-empty", None),
        ("# nothing\n", "yaml-empty", None),
        ("a: 1\n\tb: 2\n", "yaml-syntax", 2),
        ("a: [1, 2\n", "yaml-syntax", 2),
        ("a: b: c\n", "yaml-syntax", 1),
        ("a: \x00\n", "yaml-syntax", None),
        ("a: 1\n---\nb: 2\n", "yaml-documents", 2),
        ("a: !!python/object/apply:os.system [id]\n", "yaml-tag", 1),
        ("a: !!binary aGk=\n", "yaml-tag", 1),
        ("a: !!int x\n", "yaml-value", 1),
        ("a: .nan\n", "value-not-plain", 1),
        ("a: .inf\n", "value-not-plain", 1),
        (f"a: 0x{'f' * 400}\n", "value-not-plain", 1),
        (f"a: {'9' * 5000}\n", "yaml-value", 1),
        ("00: 1\n", "key-not-text", 1),
        ("on: 1\n", "key-not-text", 1),
        ("? [a]\n: 1\n", "key-not-text", 1),
        ("a: *b\n", "yaml-alias", 1),
        ("a: &a [*a]\n", "yaml-alias", 1),
        ("<<: 3\n", "yaml-merge", 1),
        ("[" * 5000 + "]" * 5000, "too-deep", 1),
        ("a: " + "x" * (1 << 20), "yaml-too-large", None),
    ],
)
def test_hostile_or_broken_text_is_one_clear_problem(text: str, code: str, line: int | None) -> None:
    found = only_problem(text)
    assert f"[{code}]" in found
    assert found.startswith("f.yaml:" if line is None else f"f.yaml:{line}")


def test_aliases_that_explode_are_stopped_before_they_do() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert f"over {MAX_NODES:,} values" in only_problem("\n".join(lines))


def test_aliases_cannot_nest_deeper_than_brackets() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, MAX_DEPTH + 5)]
    assert "[too-deep]" in only_problem("\n".join(lines))


@given(st.text(alphabet=string.printable, max_size=60))
def test_any_text_is_read_or_refused_but_never_raises(text: str) -> None:
    node, found = read(text)
    assert (node is not None) or found
