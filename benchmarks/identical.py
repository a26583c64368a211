"""Whether `result.json` is the same at every concurrency and number of workers."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import projects
from benchmarks.figures import Check, Row
from benchmarks.gate_run import gate_run
from benchmarks.options import Options

_PLACES = {
    "concurrency 1": ("--llm-concurrency=1",),
    "concurrency 64": ("--llm-concurrency=64",),
    "concurrency 1, -n2": ("--llm-concurrency=1", "-n2"),
    "concurrency 64, -n2": ("--llm-concurrency=64", "-n2"),
}
_FAILED = 1  # pytest's exit code: the suite has a test that must fail


def measure(folder: Path, given: Options) -> list[Row]:
    """Tests that pass, fail and stay open, whose failures take longer than their passes."""
    suite = projects.slow_failures(projects.create(folder))
    found = {}
    for name, options in _PLACES.items():
        if "-n2" in options and find_spec("xdist") is None:
            continue
        found[name] = _decisive(
            gate_run(folder, suite, *options, keep=("xdist", "xdist.looponfail"), ends=_FAILED).result
        )
    first = next(iter(found.values()))
    checks: list[Row] = []
    for name in list(_PLACES)[1:]:
        text = f"`result.json` as at concurrency 1, but for `run` and `execution`: {name}"
        holds = found[name] == first if name in found else None
        checks.append(
            Check(part="identical", name=text, holds=holds, note="" if name in found else "needs pytest-xdist")
        )
    return checks


def _decisive(result: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in result.items() if key not in ("run", "execution")})
