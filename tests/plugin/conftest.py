"""Mini-projects: a few files, one run of pytest, and what it came to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from time import monotonic, sleep
from typing import Any

import aiohttp
import hypothesis.strategies
import jinja2.sandbox
import jsonschema_rs
import numpy.random
import pytest
import re2
import yaml

import pytest_llmgate
from pytest_llmgate.providers.loopback import LoopbackServer, MockModels

# pytester forgets, after each run in this process, what was imported during it; these are slow to import again, or
# cannot be.
_KEPT = (aiohttp, hypothesis.strategies, jinja2.sandbox, jsonschema_rs, numpy.random, re2, yaml)
for _module in walk_packages(pytest_llmgate.__path__, "pytest_llmgate."):
    if not _module.name.endswith("__main__"):
        import_module(_module.name)

PATIENCE_S = 90.0
"""How long anything is waited for; a healthy run needs a small part of it."""

_PYPROJECT = """
[tool.pytest.ini_options]
asyncio_default_fixture_loop_scope = "function"
"""


@dataclass(frozen=True)
class Ran:
    """A run of pytest that is over. code: its exit code. text: all that it printed. folder: of its results."""

    code: int
    text: str
    folder: Path

    @property
    def summary(self) -> str:
        """The last line: `1 passed, 2 deselected in 0.5s`, without the time."""
        last = [line for line in self.text.splitlines() if " in " in line and "=" in line][-1]
        return last.strip("= ").rpartition(" in ")[0]

    @cached_property
    def result(self) -> dict[str, Any]:
        return json.loads((self.folder / "result.json").read_text())

    @property
    def judged(self) -> dict[str, Any]:
        """`result.json` without what may differ between two runs."""
        return {key: value for key, value in self.result.items() if key not in ("run", "execution")}

    @property
    def verdicts(self) -> dict[str, str]:
        """Verdicts by the last part of each test's id."""
        return {test["id"].split("::", 1)[1]: test["verdict"] for test in self.result["tests"]}

    def test(self, name: str) -> dict[str, Any]:
        return next(test for test in self.result["tests"] if test["id"].endswith(f"::{name}"))

    def gate(self, test: str, name: str | None = None) -> dict[str, Any]:
        gates = self.test(test)["gates"]
        return gates[0] if name is None else next(gate for gate in gates if gate["name"] == name)

    def rows(self, test: str | None = None) -> list[dict[str, Any]]:
        """`trials.jsonl`."""
        lines = (self.folder / "trials.jsonl").read_text().splitlines()
        return [row for row in map(json.loads, lines) if test is None or row["test"].endswith(f"::{test}")]

    def said(self) -> dict[str, str]:
        """`transcripts.jsonl`: texts by digest."""
        lines = (self.folder / "transcripts.jsonl").read_text().splitlines()
        return {row["digest"]: row["text"] for row in map(json.loads, lines)}


class Example:
    """A project in a temporary folder. All times of environment are those of a person at a desk: no CI, no keys."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self._pytester = pytester
        self._started: list[subprocess.Popen[str]] = []
        self.env = monkeypatch.setenv
        self.path = pytester.path
        for name in ("CI", "OPENAI_API_KEY", "OPENAI_BASE_URL", "PYTEST_ADDOPTS", "PYTEST_XDIST_AUTO_NUM_WORKERS"):
            monkeypatch.delenv(name, raising=False)
        self.files({"pyproject.toml": _PYPROJECT})

    def files(self, texts: Mapping[str, str]) -> Example:
        """Write files; indentation that all lines of a text share is taken away."""
        from textwrap import dedent

        for name, text in texts.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text).lstrip("\n"))
        return self

    def pyproject(self, text: str) -> Example:
        """Add tables to pyproject.toml."""
        return self.files({"pyproject.toml": _PYPROJECT + text})

    def run(self, *options: str) -> Ran:
        """pytest in this process."""
        ran = self._pytester.runpytest_inprocess("-p", "no:randomly", *options, no_reraise_ctrlc=True)
        return Ran(int(ran.ret), ran.stdout.str() + ran.stderr.str(), self.newest())

    def newest(self) -> Path:
        """The directory of the newest run, if there is one."""
        note = self.path / ".llmgate/latest"
        return self.path / note.read_text() if note.exists() else self.path

    def gate(self, *options: str) -> Ran:
        """`pytest --llm-suite` in this process."""
        return self.run("--llm-suite", *options)

    def start(self, *options: str, limit_file_bytes: int | None = None) -> subprocess.Popen[str]:
        """`pytest --llm-suite` in a process of its own, which the caller waits for or kills."""

        def limit() -> None:
            import resource

            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs inherit that it is ignored
            if limit_file_bytes is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit_file_bytes, limit_file_bytes))

        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "no:randomly", "--llm-suite", *options],
            cwd=self.path, env=dict(os.environ), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=limit,
        )  # fmt: skip
        self._started.append(process)
        return process

    def end(self, process: subprocess.Popen[str]) -> Ran:
        """Wait for a started process."""
        text, _ = process.communicate(timeout=PATIENCE_S)
        return Ran(process.returncode, text, self.newest())

    def kill(self, process: subprocess.Popen[str]) -> None:
        """`kill -9`: no handler, no finally, no atexit."""
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=PATIENCE_S)

    def close(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.communicate(timeout=PATIENCE_S)


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until something is so."""
    limit = monotonic() + PATIENCE_S
    while not condition():
        assert monotonic() < limit, f"waited in vain for {what}"
        sleep(0.02)


@pytest.fixture
def example(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Example]:
    project = Example(pytester, monkeypatch)
    yield project
    project.close()


@pytest.fixture
def models() -> Iterator[MockModels]:
    """Scripted models; `models.server(replies=…)` is an OpenAI-compatible server on loopback."""
    made = MockModels()
    yield made
    made.close()


def served(server: LoopbackServer, *, cases: int = 4, rates: str = "", model: str = "gpt-test", **keys: object) -> str:
    """A suite that asks a server: does the reply contain "good"?"""
    more = "".join(f", {name}: {json.dumps(value)}" for name, value in keys.items())
    return f"""
suite: served
models:
  m: {{provider: openai, model: {model}, base_url: "{server.base_url}", api_key_env: TEST_KEY{more}}}
prompts:
  ask: {{text: "question {{{{ q }}}}"}}
tests:
  - id: asks
    model: m
    prompt: ask
    cases: [{", ".join(f"{{vars: {{q: {number}}}}}" for number in range(cases))}]
    assert:
      - {{type: contains, value: good{rates}}}
"""
