"""A small project on disk, and a registry with a few assertion types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import dedent
from typing import Any, ClassVar

import pytest

from pytest_llmgate.core.errors import LlmgateError, Where, nearest, not_available, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import SuitePlan, TestPlan
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.quantum import assertions
from pytest_llmgate.suites.load import load_suite


@dataclass(frozen=True)
class Factory:
    """An assertion type that reads its schema file, so that bad parameters are noticed."""

    keys: frozenset[str]
    default: tuple[float | None, float | None] = (None, None)
    file_key: str = ""

    def rates(self, params: Mapping[str, Any]) -> tuple[float | None, float | None]:
        return self.default

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Any:
        value = params.get(self.file_key)
        if isinstance(value, str):
            json.loads(files.read_text(value, where)) if value.endswith(".json") else files.load_object(value, where)
        return self


class Types:
    """The registry as the compiler sees it."""

    known: ClassVar[dict[str, Any]] = {
        "contains": Factory(frozenset({"value"})),
        "is-json": Factory(frozenset({"value"}), file_key="value"),
        "safety": Factory(frozenset({"policy"}), (1.0, None)),
        "latency": Factory(frozenset({"p50_ms", "p95_ms", "p99_ms"}), (0.95, 0.90)),
        "distribution": assertions.DISTRIBUTION,
        "success-probability": assertions.SUCCESS_PROBABILITY,
        "expectation": assertions.EXPECTATION,
    }

    def assertion(self, name: str, where: Where | None = None) -> Any:
        if name == "hallucination":
            raise not_available(f"assertion {name}", where)
        if name not in self.known:
            raise problem("unknown-assertion", f"unknown assertion {name!r}", where, nearest(name, self.known))
        return self.known[name]


@dataclass
class Project:
    """A directory with files, and what a user does with them."""

    root: Path
    settings: Settings
    env: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
        return path

    def set(self, **settings: Any) -> None:
        self.settings = replace(self.settings, **settings)

    def load(self, text: str | bytes | None = None) -> SuitePlan:
        path = self.root / "suites/s.suite.yaml"
        if text is not None:
            self.write("suites/s.suite.yaml", text)
        return load_suite(path, self.settings, Types(), env=self.env)

    def test(self, body: str = "", asserts: str = "{type: contains, value: x}") -> TestPlan:
        """The plan of a suite with one function test. body: further keys of the test, as flow YAML."""
        more = f", {body}" if body else ""
        return self.load(f'tests:\n  - {{id: t, function: "app.py:answer"{more}, assert: [{asserts}]}}\n').tests[0]

    def complaints(self, text: str | bytes | None = None) -> list[str]:
        """Every problem of a suite as its one-line message."""
        with pytest.raises(LlmgateError) as caught:
            self.load(text)
        return [str(found) for found in caught.value.problems]

    def refusal(self, body: str = "", asserts: str = "{type: contains, value: x}") -> str:
        """The only problem of a one-test suite."""
        with pytest.raises(LlmgateError) as caught:
            self.test(body, asserts)
        assert len(caught.value.problems) == 1, str(caught.value)
        return str(caught.value)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path, Settings(root=tmp_path))
    project.write("suites/app.py", "def answer(q=''):\n    return q\n")
    project.write("suites/prompts/qna.j2", "Answer: {{ q }}\n")
    project.write("suites/schemas/answer.json", '{"type": "object"}')
    project.write("suites/cases/two.jsonl", '{"q": "a"}\n{"q": "b"}\n')
    return project


@pytest.fixture
def types() -> Types:
    return Types()
