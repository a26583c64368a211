"""Cases come from four places, and mean the same from each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.suites.cases import read_cases
from pytest_llmgate.suites.node import from_plain
from pytest_llmgate.suites.problems import Problems

JSONL = '{"id": "1", "vars": {"q": "a"}, "expected": {"city": "x"}}\n\n{"q": "b"}\n'
CSV = 'id,q,expected\n1,a,"{""city"": ""x""}"\n,b,\n'
YAML = "- {id: 1, vars: {q: a}, expected: {city: x}}\n- q: b\n"


def inline(rows: object) -> tuple[tuple[Case, ...], list[str]]:
    problems = Problems("s.yaml")
    cases = read_cases(from_plain(rows, Where("s.yaml", 3)), SuiteFiles(None, None), problems)  # type: ignore[arg-type]
    return cases, [str(found) for found in problems._found]


@pytest.mark.parametrize(("name", "text"), [("c.jsonl", JSONL), ("c.csv", CSV), ("c.yaml", YAML)])
def test_the_same_rows_in_every_format_are_the_same_cases(project, name: str, text: str) -> None:
    project.write(f"suites/{name}", text)
    first, second = project.test(f"cases: {name}").cases
    assert (first.id, first.vars, first.expected) == ("1", {"q": "a"}, {"city": "x"})
    assert (second.vars, second.expected) == ({"q": "b"}, None)
    assert second.id == inline([{"q": "b"}])[0][0].id


def test_without_cases_there_is_one_without_vars(project) -> None:
    assert [case.vars for case in project.test().cases] == [{}]


@given(st.lists(st.dictionaries(st.sampled_from(["q", "r"]), st.integers(0, 3)), max_size=6, unique_by=repr))
def test_the_default_id_is_the_digest_of_the_content_and_the_order_is_kept(rows: list[dict[str, int]]) -> None:
    rows = [row for number, row in enumerate(rows) if row not in rows[:number]]
    cases, found = inline(rows)
    assert [case.vars for case in cases] == rows
    assert [case.id for case in cases] == [inline([row])[0][0].id for row in rows]
    assert bool(found) == (not rows)


def test_cases_that_ask_the_same_are_twins() -> None:
    rows = [{"id": n, "vars": {"q": "same"}, "expected": n} for n in range(3)] + [{"q": "other"}]
    assert [case.twin for case in inline(rows)[0]] == [0, 1, 2, 0]
    rows = [{"id": 1, "vars": {"q": "same"}, "context": "x"}, {"id": 2, "vars": {"q": "same"}, "context": "y"}]
    assert [case.twin for case in inline(rows)[0]] == [0, 0]


def test_context_and_slice_take_their_shapes() -> None:
    cases, found = inline([{"q": 1, "context": [{"id": "s1", "text": "t"}, "u"], "slice": {"device": "pump", "v": 2}}])
    assert found == []
    assert cases[0].context == ({"id": "s1", "text": "t"}, "u")
    assert cases[0].slice == {"device": "pump", "v": "2"}


def test_a_csv_cell_stays_text_unless_it_is_a_json_object_or_list(project) -> None:
    project.write("suites/c.csv", 'q,expected\n1,42\n2,"[1, 2]"\n3,{not json\n4,true\n')
    cases = project.test("cases: c.csv").cases
    assert [case.expected for case in cases] == ["42", [1, 2], "{not json", "true"]
    assert [case.vars["q"] for case in cases] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("name", "text", "place", "code"),
    [
        ("c.jsonl", '{"q": 1}\n{"q": 2\n', "suites/c.jsonl:2", "json-syntax"),
        ("c.jsonl", '{"q": 1}\n[1]\n', "suites/c.jsonl:2", "case-shape"),
        ("c.jsonl", '{"q": 1, "q": 2}\n', "suites/c.jsonl:1", "duplicate-key"),
        ("c.jsonl", '{"q": NaN}\n', "suites/c.jsonl:1", "value-not-plain"),
        ("c.jsonl", '{"q": 1e999}\n', "suites/c.jsonl:1", "value-not-plain"),
        ("c.jsonl", '{"q": ' + "[" * 100000 + "\n", "suites/c.jsonl:1", "json-syntax"),
        ("c.jsonl", '{"q": ' + "[" * 60 + "]" * 60 + "}\n", "suites/c.jsonl:1", "too-deep"),
        ("c.jsonl", '{"vars": {"q": 1}, "expcted": 2}\n', "suites/c.jsonl:1", "unknown-key"),
        ("c.jsonl", '{"id": "a"}\n{"id": "a"}\n', "suites/c.jsonl:2", "case-duplicate"),
        ("c.jsonl", '{"q": 1}\n{"q": 1}\n', "suites/c.jsonl:2", "case-duplicate"),
        ("c.jsonl", '{"q": 1, "context": [3]}\n', "suites/c.jsonl:1", "case-shape"),
        ("c.jsonl", '{"q": 1, "slice": {"a": []}}\n', "suites/c.jsonl:1", "case-shape"),
        ("c.jsonl", "\n\n", "suites/s.suite.yaml:2", "cases-empty"),
        ("c.jsonl", b'{"q": "\xff"}\n', "suites/s.suite.yaml:2", "file-not-utf8"),
        ("c.csv", "q,r\n1,2\n1,2,3\n", "suites/c.csv:3", "csv-row"),
        ("c.csv", "q,q\n1,2\n", "suites/c.csv:1", "csv-header"),
        ("c.csv", "q,\n1,2\n", "suites/c.csv:1", "csv-header"),
        ("c.csv", 'q\n"a"b\n', "suites/c.csv:2", "csv-syntax"),
        ("c.csv", "q\n", "suites/s.suite.yaml:2", "cases-empty"),
        ("c.csv", "", "suites/s.suite.yaml:2", "cases-empty"),
        ("c.csv", 'q,r\n"two\nlines",1\n3\n', "suites/c.csv:4", "csv-row"),
        ("c.yaml", "a: 1\n", "suites/c.yaml:1", "cases-format"),
        ("c.yaml", "- q: 1\n- 7\n", "suites/c.yaml:2", "case-shape"),
        ("c.yaml", "", "suites/c.yaml", "yaml-empty"),
        ("c.txt", "x", "suites/s.suite.yaml:2", "cases-format"),
    ],
)
def test_a_broken_file_of_cases_is_named_with_its_line(project, name: str, text: str, place: str, code: str) -> None:
    project.write(f"suites/{name}", text)
    message = project.refusal(f"cases: {name}")
    assert message.startswith(f"{place}: ")
    assert f"[{code}]" in message


def test_all_malformed_rows_are_told_at_once(project) -> None:
    project.write("suites/c.jsonl", "".join("{\n" if n % 2 else f'{{"q": {n}}}\n' for n in range(400)))
    found = project.complaints(
        'tests: [{id: t, function: "app.py:answer", cases: c.jsonl, assert: [{type: contains}]}]'
    )
    assert len(found) == 200
    assert [line.split(":")[1] for line in found] == [str(n) for n in range(2, 401, 2)]


def test_a_missing_file_and_a_link_out_of_the_root_are_refused(project, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.jsonl"
    outside.write_text('{"q": 1}\n')
    (project.root / "suites/link.jsonl").symlink_to(outside)
    assert "[path-outside-root]" in project.refusal("cases: link.jsonl")
    assert "[path-outside-root]" in project.refusal("cases: ../../../../etc/x.jsonl")
    assert "[file-missing]" in project.refusal("cases: none.jsonl")
