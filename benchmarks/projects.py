"""Small projects that are measured, written into a temporary folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_CODE = '''\
import asyncio
import hashlib


def answer(q):
    return "The capital is Paris."


def reply(request):
    return "The capital is Paris."


async def slow_failures(request):
    """Nine in ten are good; what fails takes three times as long."""
    drawn = hashlib.blake2b(str(request.seed).encode(), digest_size=2).digest()
    good = int.from_bytes(drawn, "big") % 100 < request.vars["percent"]
    await asyncio.sleep(0.001 if good else 0.003)
    return "The capital is Paris." if good else "I do not know."
'''
_BODY = """\
import pytest


@pytest.mark.stochastic(rule="fixed", trials={trials})
def test_body():
    assert "Paris" in "The capital is Paris."
"""
_CASES: list[dict[str, Any]] = [
    {"id": f"case-{number}", "vars": {"q": f"What is the capital of country {number}?"}} for number in range(20)
]


def create(folder: Path) -> Path:
    """An empty project with the code that its suites call."""
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\n", encoding="utf-8")
    (folder / "app.py").write_text(_CODE, encoding="utf-8")
    return folder


def plain_test(folder: Path) -> str:
    """One test that knows nothing of gates."""
    (folder / "test_t.py").write_text("def test_t():\n    assert True\n", encoding="utf-8")
    return "test_t.py"


def function(folder: Path, trials: int) -> str:
    """A `function:` subject, sampled a fixed number of times."""
    return _suite(folder, "function", {}, [_test("t", trials, function="app.py:answer")])


def prompt(folder: Path, trials: int) -> str:
    """A prompt whose model is a Python function."""
    models = {"scripted": {"provider": "python", "target": "app.py:reply"}}
    return _suite(folder, "prompt", models, [_test("t", trials, **_asks("scripted"))])


def body(folder: Path, trials: int) -> str:
    """A marked test whose body is the trial."""
    path = folder / f"test_body_{trials}.py"
    path.write_text(_BODY.format(trials=trials), encoding="utf-8")
    return path.name


def server(folder: Path, tests: int, trials: int, url: str) -> str:
    """Prompts whose model stands behind a server."""
    model = {"provider": "openai", "model": "mock", "base_url": url, "api_key_env": "BENCH_KEY"}
    gate = {**_GATE, "type": "min-length", "value": 1}  # whatever the server says
    wanted = [{**_test(f"t{number}", trials, **_asks("mock")), "assert": [gate]} for number in range(tests)]
    return _suite(folder, f"server-{tests}", {"mock": {**model, "params": {"temperature": 0.7}}}, wanted)


def slow_failures(folder: Path) -> str:
    """A few tests that pass, fail and stay open, with failures three times slower than passes."""
    models = {"uneven": {"provider": "python", "target": "app.py:slow_failures"}}
    rates = {"good": 97, "middling": 93, "bad": 80}
    tests = []
    for name, percent in rates.items():
        cases = [{**case, "vars": {**case["vars"], "percent": percent}} for case in _CASES]
        gate = {"type": "contains", "value": "Paris", "min_rate": 0.95, "bad_rate": 0.9}
        length = {"type": "min-length", "value": 5, "min_rate": 0.95}
        ceiling = {"trials": 60} if name == "middling" else {}  # too few for this gate to decide
        tests.append(
            {**ceiling, "id": name, "cases": cases, "stop": "all", "assert": [gate, length], **_asks("uneven")}
        )
    tests.append({"id": "short", "cases": _CASES, "trials": 40, "assert": [_GATE], "function": "app.py:answer"})
    return _suite(folder, "uneven", models, tests)


_GATE = {"type": "contains", "value": "Paris", "min_rate": 0.95, "bad_rate": 0.8, "rule": "fixed"}


def _asks(model: str) -> dict[str, Any]:
    return {"model": model, "prompt": {"text": "Answer in one sentence.\n{{q}}"}}


def _test(name: str, trials: int, **subject: Any) -> dict[str, Any]:
    return {"id": name, "cases": _CASES, "trials": trials, "assert": [_GATE], **subject}


def _suite(folder: Path, name: str, models: dict[str, Any], tests: list[dict[str, Any]]) -> str:
    """A suite file; JSON is YAML. The number of trials is part of its name."""
    path = folder / f"{name}-{tests[0].get('trials', 'own')}.suite.yaml"
    suite = {"suite": name, "error_control": "none", "models": models, "tests": tests}
    path.write_text(json.dumps({key: value for key, value in suite.items() if value}, indent=1), encoding="utf-8")
    return path.name
