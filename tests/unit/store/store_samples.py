"""Small values that the tests of the store share."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest_llmgate
from pytest_llmgate.core.codec import text_digest
from pytest_llmgate.core.ports import CallKey
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.reply import Reply, Request, Usage
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.store.manifest import RunManifest
from pytest_llmgate.store.rundir import RunDir

TEST = "suites/support.suite.yaml::refund-answers"
USAGE = Usage(1, 12, 4, Decimal("0.000120"))


def record(index: int, text: str | None = None, test: str = TEST, **fields: Any) -> TrialRecord:
    fields = {"verdicts": {"is-json": index % 3 != 0}, "usage": USAGE, "latency_ms": 12.5, **fields}
    reply = None if text is None else text_digest(text)
    return TrialRecord(
        test=test, case=f"c{index % 5}", trial=Trial(index, index % 5, index // 5, index), reply=reply, **fields
    )


def manifest(run: RunDir, **fields: Any) -> RunManifest:
    given = {
        "id": run.id, "seed": 7, "plan_digest": "sha256:aa", "record": "live", "commit": "c0ffee", "dirty": False,
        "started": "2026-11-22T10:15:00Z", "tests": (TEST,),
    }  # fmt: skip
    return RunManifest(**{**given, **fields})


def request(question: str = "Where is my refund?", **fields: Any) -> Request:
    return Request(model="tiny", messages=({"role": "user", "content": question},), **fields)


def key(repeat: int = 0, ordinal: int = 0, twin: int = 0) -> CallKey:
    return CallKey(repeat, ordinal, twin)


def reply(text: str = "In Paris.", **fields: Any) -> Reply:
    return Reply(
        text, **{"model": "tiny-1", "input_tokens": 9, "latency_ms": 12.3456, "cost_usd": Decimal("0.0001"), **fields}
    )


def python(code: str, *args: object) -> subprocess.Popen[bytes]:
    """Another Python process that runs `code` with `sys.argv[1:] == args` and these samples at hand."""
    paths = [str(Path(pytest_llmgate.__file__).parents[1]), str(Path(__file__).parent)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
