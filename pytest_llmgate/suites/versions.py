"""What a version of a file asks of its tests, read as data: nothing of an earlier revision is ever run."""

from __future__ import annotations

import ast
import posixpath
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_llmgate.core.markers import is_gate_marker
from pytest_llmgate.suites.problems import Problems
from pytest_llmgate.suites.yaml_lines import load_yaml

Test = Mapping[str, Any]
"""What a file says of a test: the keys of a suite file, the assertions under `assert`."""

Options = Mapping[str, Mapping[str, Any]]
"""Tables of options by name."""


@dataclass(frozen=True, slots=True)
class Version:
    """head: what holds for the whole file. tests: by id."""

    head: Mapping[str, Any] = field(default_factory=dict)
    tests: Mapping[str, Test] = field(default_factory=dict)

    def case_files(self, file: str) -> set[str]:
        """Where the cases may stand that the tests of `file` name: beside it, or below the root."""
        named = {test["cases"] for test in self.tests.values() if isinstance(test.get("cases"), str)}
        folder = posixpath.dirname(file)
        return {posixpath.normpath(posixpath.join(place, name)) for name in named for place in (folder, "")}


def version_of(file: str, text: str | None) -> Version | None:
    """A version of a suite file or a test module, by its ending; None where it cannot be read.

    text: None where there is no such file, which asks nothing.
    """
    if text is None:
        return Version()
    return _module(text) if file.endswith(".py") else _suite(file, text)


def options_of(text: str | None) -> Options | None:
    """The options of a pyproject.toml by table, `""` for the top one; None where it cannot be read."""
    try:
        tool = tomllib.loads(text or "").get("tool", {}).get("llmgate", {})
        return {"": tool, **{str(name): dict(table) for name, table in tool.get("profiles", {}).items()}}
    except (tomllib.TOMLDecodeError, AttributeError, TypeError, ValueError, RecursionError):
        return None


def gates_of(test: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Assertions by the name that their gates get."""
    found: dict[str, Mapping[str, Any]] = {}
    listed = test.get("assert")
    for gate in listed if isinstance(listed, list) else ():
        if not isinstance(gate, dict):
            continue
        stem = str(gate.get("name") or gate.get("type"))
        number = 1
        name = stem
        while name in found:
            number += 1
            name = f"{stem}-{number}"
        found[name] = gate
    return found


def _suite(file: str, text: str) -> Version | None:
    node = load_yaml(text or "{}", file, Problems(file))
    data = None if node is None else node.plain()
    if not isinstance(data, dict) or not isinstance(listed := data.get("tests") or [], list):
        return None
    below = data.get("defaults")
    defaults = below if isinstance(below, dict) else {}
    tests = {
        str(test["id"]): {**defaults, **test} for test in listed if isinstance(test, dict) and "id" in test
    }  # fmt: skip
    return Version(data, tests)


def _module(text: str) -> Version | None:
    try:
        return Version({}, dict(_functions(ast.parse(text).body, "", [])))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _functions(body: list[ast.stmt], prefix: str, outer: list[ast.expr]) -> Iterator[tuple[str, Test]]:
    """Tests with markers of ours: the function's own, then those of its class and of `pytestmark`."""
    around = [*outer, *(mark for node in body for mark in _pytestmark(node))]
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}::", [*node.decorator_list, *around])
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            marks = [mark for one in (*node.decorator_list, *around) if (mark := _mark(one)) is not None]
            gates = [{"type": name, **given} for name, args, given in marks if is_gate_marker(name, args, given)]
            cases = [args[0] for name, args, _ in marks if name == "llm_cases" and args]
            if gates:
                yield prefix + node.name, {"assert": gates, **({"cases": cases[0]} if cases else {})}


def _pytestmark(node: ast.stmt) -> list[ast.expr]:
    if not isinstance(node, ast.Assign) or [ast.unparse(target) for target in node.targets] != ["pytestmark"]:
        return []
    return node.value.elts if isinstance(node.value, (ast.List, ast.Tuple)) else [node.value]


def _mark(written: ast.expr) -> tuple[str, tuple[Any, ...], dict[str, Any]] | None:
    """`@pytest.mark.stochastic(min_rate=0.95)`: its name and arguments; None for what is no mark."""
    called = written.func if isinstance(written, ast.Call) else written
    if not isinstance(called, ast.Attribute) or not ast.unparse(called).endswith(f"mark.{called.attr}"):
        return None
    if not isinstance(written, ast.Call):
        return called.attr, (), {}
    named = {word.arg: _literal(word.value) for word in written.keywords if word.arg}
    return called.attr, tuple(map(_literal, written.args)), named


def _literal(value: ast.expr) -> Any:
    """A written value; of what would have to be worked out, its text."""
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError):  # TypeError: `{[]: 1}`
        return ast.unparse(value)
