"""`is-json`: strict text, schemas of every draft, Python types; nothing is fetched."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors import jsontext

CITY = {"type": "object", "properties": {"city": {"type": "string"}, "n": {"type": "integer"}}, "required": ["city"]}


def code_of(caught: pytest.ExceptionInfo[LlmgateError]) -> str:
    return caught.value.problems[0].code


@pytest.mark.parametrize(
    ("text", "good", "said"),
    [
        (' \n{"a": [1, null]}\t', True, "is JSON"),
        ("3", True, "is JSON"),
        ('"\\ud83d\\ude00"', True, "is JSON"),
        ("", False, "line 1, column 1"),
        ("```json\n{}\n```", False, "not JSON"),
        ('{"a": 1} {"b": 2}', False, "Extra data"),
        ("{'a': 1}", False, "not JSON"),
        ('{"a": 1,}', False, "not JSON"),
        ("[NaN]", False, "NaN is not JSON"),
        ("-Infinity", False, "-Infinity is not JSON"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', False, "the key 'c' stands twice"),
        ('["\\ud800"]', False, "lone surrogate"),
        ('["\ud800"]', False, "lone surrogate"),
        ("[" * 200_000, False, "nested too deeply"),
        ("1" * 10_000, False, "too many digits"),
        ("\ufeff{}", False, "not JSON"),
    ],
)
def test_strict_json(judge: Any, text: str, good: bool, said: str) -> None:
    found = judge("is-json", text)
    assert found.good is good
    assert said in found.reason


def test_the_object_of_the_subject_is_judged_where_there_is_one(judge: Any) -> None:
    assert judge("is-json", Reply("Answer(city='x')", data={"city": "x"}), value=CITY).good is True
    assert judge("is-json", Reply('{"city": "x"}', data={"city": 1}), value=CITY).good is False
    assert judge("is-json", Reply("{}", data={"a": {1, 2}})).good is False
    assert judge("is-json", Reply("{}", data={"a": float("nan")})).good is False


@pytest.mark.parametrize("suffix", ["json", "yaml", "yml"])
def test_a_schema_file(judge: Any, tmp_path: Path, suffix: str) -> None:
    name = f"answer.{suffix}"
    (tmp_path / name).write_text(json.dumps(CITY))
    assert judge("is-json", '{"city": "Berlin"}', value=name).good is True
    found = judge("is-json", '{"city": 1, "n": 1.5}', value=name)
    assert found.good is False
    assert "$.city: 1 is not of type" in found.reason
    assert "$.n: 1.5 is not of type" in found.reason


def test_a_reason_names_three_violations_at_most_and_cuts_each(judge: Any) -> None:
    schema = {"type": "array", "items": {"type": "integer"}}
    reason = judge("is-json", json.dumps(["x" * 5000] * 50), value=schema).reason
    assert reason.count("$[") == 3
    assert len(reason) <= 3 * 200 + 4


@pytest.mark.parametrize(
    ("draft", "schema", "good", "bad"),
    [
        ("http://json-schema.org/draft-04/schema#", {"maximum": 3, "exclusiveMaximum": True}, "2", "3"),
        ("http://json-schema.org/draft-07/schema#", {"if": {"const": 1}, "else": False}, "1", "2"),
        ("https://json-schema.org/draft/2019-09/schema", {"dependentRequired": {"a": ["b"]}}, "{}", '{"a": 1}'),
        ("https://json-schema.org/draft/2020-12/schema", {"prefixItems": [{"type": "null"}]}, "[null]", "[1]"),
    ],
)
def test_every_draft(judge: Any, draft: str, schema: dict[str, Any], good: str, bad: str) -> None:
    value = {"$schema": draft, **schema}
    assert judge("is-json", good, value=value).good is True
    assert judge("is-json", bad, value=value).good is False


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"properties": {"a": {"minimum": "x"}}}, "bad-schema"),
        ({"type": "objct"}, "bad-schema"),
        ({"pattern": "(a"}, "bad-schema"),
        ({1: 2}, "bad-schema"),
        ({"$ref": "#/$defs/none"}, "bad-schema"),
        ({"$schema": "https://example.com/own"}, "remote-ref"),
        ("missing.json", "file-missing"),
        ("../outside.json", "path-outside-root"),
        ("schema.txt", "bad-parameter"),
        (True, "bad-parameter"),
        (["a"], "bad-parameter"),
        ({"$ref": "../../etc/passwd"}, "path-outside-root"),
        ({"$ref": "file:///etc/passwd"}, "path-outside-root"),
        ({"$ref": "file://example.com/a.json"}, "remote-ref"),
        ({"$ref": "missing.json"}, "file-missing"),
        ({"$id": "https://example.com/a.json", "$ref": "b.json"}, "remote-ref"),
    ],
)
def test_a_wrong_schema_is_refused_before_anything_runs(build: Any, value: Any, code: str) -> None:
    with pytest.raises(LlmgateError) as caught:
        build("is-json", value=value)
    assert code_of(caught) == code


def test_the_error_names_the_place_in_the_schema(build: Any, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"properties": {"a": {"minimum": "x"}}}')
    with pytest.raises(LlmgateError, match=r"^a\.json: the schema is wrong at \$\.properties\.a\.minimum"):
        build("is-json", value="a.json")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", "{"),
        ("a.json", '{"type": "object", "type": "array"}'),
        ("a.json", "[]"),
        ("a.yaml", "a: [1"),
        ("a.yaml", "a: &x [1, 1]\nb: [*x, *x]"),
        ("a.yaml", "const: 2026-01-01"),
        ("a.yaml", "!!python/object/apply:os.getcwd []"),
    ],
)
def test_a_broken_schema_file_is_refused(build: Any, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(LlmgateError) as caught:
        build("is-json", value=name)
    assert code_of(caught) == "bad-schema"
    assert str(caught.value).startswith("a.")


def test_a_local_reference_is_followed(judge: Any, tmp_path: Path) -> None:
    (tmp_path / "schemas" / "parts").mkdir(parents=True)
    (tmp_path / "schemas" / "a.json").write_text('{"properties": {"c": {"$ref": "parts/my%20c.json#/$defs/c"}}}')
    (tmp_path / "schemas" / "parts" / "my c.json").write_text('{"$defs": {"c": {"type": "string"}}}')
    assert judge("is-json", '{"c": "x"}', value="schemas/a.json").good is True
    assert judge("is-json", '{"c": 1}', value="schemas/a.json").good is False


def test_a_link_out_of_the_root_is_not_followed(build: Any, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.json"
    outside.write_text("{}")
    (tmp_path / "link.json").symlink_to(outside)
    for value in ("link.json", {"$ref": "link.json"}):
        with pytest.raises(LlmgateError) as caught:
            build("is-json", value=value)
        assert code_of(caught) == "path-outside-root"


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A loopback server that would gladly serve a schema, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"type": "string"}')

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}", asked
        http.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "URL/a.json"},
        {"properties": {"a": {"items": {"$ref": "URL/a.json#/x"}}}},
        {"$defs": {"unused": {"$ref": "URL/a.json"}}},
        {"$dynamicRef": "URL/a.json"},
        {"$schema": "URL/meta.json"},
        {"$id": "URL/root.json", "$ref": "other.json"},
        {"$id": "URL/root.json", "allOf": [{"$ref": "/x"}]},
    ],
)
def test_no_reference_is_ever_fetched(build: Any, server: tuple[str, list[str]], schema: Any) -> None:
    url, asked = server
    with pytest.raises(LlmgateError) as caught:
        build("is-json", value=json.loads(json.dumps(schema).replace("URL", url)))
    assert code_of(caught) in ("remote-ref", "bad-schema")
    assert asked == []


def test_a_hostile_reply_cannot_hang_a_schema_pattern(judge: Any) -> None:
    text = json.dumps("a" * 5000 + "!")
    for pattern in ("^(a+)+$", "^(?=a)(a|a)*\\1?$"):
        assert judge("is-json", text, value={"pattern": pattern}).good is False


SHAPES = """
from __future__ import annotations
import dataclasses, enum
from typing import Annotated, Any, Literal, Mapping, NewType, NotRequired, Optional, TypedDict
from pydantic import BaseModel, field_validator

class Level(enum.Enum):
    LOW = "low"
    HIGH = "high"

@dataclasses.dataclass
class Step:
    text: str
    seconds: float = 0.0
    next: Optional[Step] = None

@dataclasses.dataclass
class Answer:
    city: str
    n: int
    sure: bool
    level: Level
    kind: Literal["a", "b", 3]
    steps: list[Step]
    by_name: dict[str, int]
    pair: tuple[int, str]
    rest: tuple[int, ...] = ()
    note: str | None = None
    free: Any = None
    tagged: Annotated[NewType("Id", str), "x"] = ""

class Typed(TypedDict):
    a: int
    b: NotRequired[Mapping[str, list[int]]]

@dataclasses.dataclass
class Odd:
    when: complex

class Model(BaseModel):
    city: str
    n: int = 0

    @field_validator("city")
    @classmethod
    def known(cls, city: str) -> str:
        if city == "boom":
            raise RuntimeError("lost the list of cities")
        if city == "Atlantis":
            raise ValueError("not a city")
        return city

SCHEMA = {"type": "string"}
NUMBER = 3
"""
FULL: dict[str, Any] = {
    "city": "Berlin", "n": 1, "sure": True, "level": "low", "kind": 3, "steps": [{"text": "a", "next": {"text": "b"}}],
    "by_name": {"x": 1}, "pair": [1, "a"], "rest": [1, 2, 3], "note": None, "free": {"x": []}, "tagged": "t",
}  # fmt: skip


@pytest.fixture
def shapes(tmp_path: Path) -> None:
    (tmp_path / "shapes.py").write_text(SHAPES)


@pytest.mark.usefixtures("shapes")
@pytest.mark.parametrize(
    "change",
    [
        {"city": 1}, {"n": "1"}, {"n": 1.5}, {"n": True}, {"sure": 1}, {"level": "mid"}, {"kind": "c"},
        {"steps": [{"seconds": 1}]}, {"steps": [{"text": "a", "next": {"text": 1}}]}, {"by_name": {"x": "1"}},
        {"pair": [1]}, {"pair": [1, "a", 2]}, {"rest": ["x"]}, {"note": 3}, {"extra": 1}, {"tagged": None},
    ],
)  # fmt: skip
def test_a_dataclass_is_checked_field_by_field(judge: Any, change: dict[str, Any]) -> None:
    target = "shapes.py:Answer"
    assert judge("is-json", json.dumps(FULL), value=target).good is True
    assert judge("is-json", json.dumps({**FULL, **change}), value=target).good is False


@pytest.mark.usefixtures("shapes")
def test_a_missing_field_is_named(judge: Any) -> None:
    found = judge("is-json", json.dumps({k: v for k, v in FULL.items() if k != "city"}), value="shapes.py:Answer")
    assert found.good is False
    assert '"city" is a required property' in found.reason


@pytest.mark.usefixtures("shapes")
def test_a_typed_dict_and_a_schema_in_python(judge: Any) -> None:
    assert judge("is-json", '{"a": 1}', value="shapes.py:Typed").good is True
    assert judge("is-json", '{"a": 1, "b": {"x": ["y"]}}', value="shapes.py:Typed").good is False
    assert judge("is-json", '{"b": {}}', value="shapes.py:Typed").good is False
    assert judge("is-json", '"x"', value="shapes.py:SCHEMA").good is True


@pytest.mark.usefixtures("shapes")
def test_a_pydantic_model(judge: Any) -> None:
    target = "shapes.py:Model"
    assert judge("is-json", '{"city": "Bonn", "n": 3}', value=target).good is True
    assert judge("is-json", Reply("Bonn", data={"city": "Bonn"}), value=target).good is True
    wrong = judge("is-json", '{"n": "many"}', value=target)
    assert wrong.good is False
    assert "$.city: Field required" in wrong.reason and "$.n:" in wrong.reason
    assert judge("is-json", '{"city": "Atlantis"}', value=target).good is False
    assert judge("is-json", '{"city": "a", "city": "b"}', value=target).good is False


@pytest.mark.usefixtures("shapes")
def test_a_validator_that_breaks_leaves_a_hole_never_a_pass(judge: Any) -> None:
    for kind in ("is-json", "not-is-json"):
        found = judge(kind, '{"city": "boom"}', value="shapes.py:Model")
        assert found.good is None
        assert "RuntimeError: lost the list" in found.reason


@pytest.mark.usefixtures("shapes")
@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("shapes.py:Odd", "Odd.when is annotated with <class 'complex'>"),
        ("shapes.py:NUMBER", "not a Pydantic model, dataclass, TypedDict or schema"),
        ("shapes.py:Nope", "has no 'Nope'"),
        ("other.py:Nope", "there is no file"),
    ],
)
def test_a_type_without_a_json_form_is_refused(build: Any, target: str, said: str) -> None:
    with pytest.raises(LlmgateError) as caught:
        build("is-json", value=target)
    assert said in str(caught.value)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None)
@given(_json.filter(lambda value: "\ud800" not in repr(value)))
def test_what_is_dumped_is_read_back_equal(value: Any) -> None:
    try:
        text = json.dumps(value, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        return
    assert jsontext.equal(jsontext.parse(text), value)
    assert jsontext.equal(value, value)


@given(st.text(alphabet='[]{}":,0123456789.eE+-ntrufalsNI \\', max_size=12))
def test_what_is_accepted_is_json_to_everybody(text: str) -> None:
    try:
        value = jsontext.parse(text)
    except jsontext.NotJson:
        return
    assert jsontext.equal(json.loads(text), value)
