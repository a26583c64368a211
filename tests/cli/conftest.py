"""A repository with a few suites, runs of them, and the `llmgate` command typed in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_llmgate.cli.commands import cli

PATIENCE_S = 90.0

HEAD = """
suite: shop
seed: 7
models:
  good: {provider: python, target: "models.py:good"}
  bad: {provider: python, target: "models.py:bad"}
  broken: {provider: python, target: "models.py:broken"}
  drawn: {provider: python, target: "models.py:drawn"}
  taped: {provider: python, target: "models.py:drawn", record: true}
prompts: {ask: {text: "Say {{ q }}"}}
defaults: {model: good, cases: [{q: one}, {q: two}]}
"""

MODELS = """
import random
from pytest_llmgate import Reply

def good(request): return "good " + request.vars["q"]
def bad(request): return "bad"
def broken(request): raise ConnectionError("nobody at home")

def drawn(request):
    rng = random.Random(request.seed)
    return Reply(f"good {rng.random()}", latency_ms=rng.uniform(10, 100))
"""


def suite(*asserts: str, test: str = "prompt: ask", more: str = "") -> str:
    """A suite file with one test, `t`."""
    lines = "".join(f"      - {{{item}}}\n" for item in asserts)
    return f"{HEAD}{more}\ntests:\n  - id: t\n    {test}\n    assert:\n{lines}"


@dataclass(frozen=True)
class Typed:
    """What a command printed, blanks collapsed, and its exit code."""

    code: int
    text: str
    raw: str


@dataclass(frozen=True)
class Repo:
    """A scratch repository. here: enters it, as the person who types does."""

    path: Path
    here: Callable[[], None]

    def files(self, files: Mapping[str, str]) -> Repo:
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return self

    def llmgate(self, *words: str) -> Typed:
        """Type `llmgate …` at the root of the repository."""
        self.here()
        done = CliRunner().invoke(cli, list(words), prog_name="llmgate")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Typed(done.exit_code, " ".join(done.output.split()), done.output)

    def gate(self, name: str, *options: str) -> Path:
        """Run the suite of this name; the directory of its results, which is also called so."""
        environment = {key: value for key, value in os.environ.items() if key not in ("CI", "PYTEST_ADDOPTS")}
        subprocess.run(
            [sys.executable, "-m", "pytest", "--llm-suite", f"suites/{name}.suite.yaml", f"--llm-results={name}",
             "-q", "-p", "no:cacheprovider", *options],
            cwd=self.path, env=environment, capture_output=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert (self.path / name / "result.json").is_file()
        return self.path / name

    def result(self, name: str) -> dict[str, Any]:
        return json.loads((self.path / name / "result.json").read_text())


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    monkeypatch.delenv("CI", raising=False)
    made = Repo(tmp_path, lambda: monkeypatch.chdir(tmp_path))
    return made.files({"pyproject.toml": "", "suites/models.py": MODELS})
