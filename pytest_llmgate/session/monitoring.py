"""A finished run for monitoring systems: `metrics.prom` beside its result, and spans for a collector."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_llmgate.core.errors import problem
from pytest_llmgate.reports.metrics import render_metrics
from pytest_llmgate.reports.otel import export_run, wants_traces
from pytest_llmgate.session.circuits.tests import SCRATCH
from pytest_llmgate.session.results import open_run, result_of
from pytest_llmgate.store.atomic import write_atomic
from pytest_llmgate.store.rundir import RunDir
from pytest_llmgate.store.shot_book import SHOT_BOOK, ShotBook

METRICS = "metrics.prom"


def write_metrics(root: Path, name: str | None) -> Path:
    """Write a run's figures for Prometheus; the path of the file. Raises LlmgateError for a run without a result."""
    run, result = open_run(root, name), result_of(root, name)
    text = render_metrics(result, trial_rows(run), run.read_plan(), _unsettled(root))
    path = run.path / METRICS
    write_atomic(path, text.encode("utf-8"))
    return path


def send_traces(root: Path, name: str | None, environ: Mapping[str, str]) -> int:
    """Send a run to the collector that the environment names; how many spans it took. Raises LlmgateError."""
    run, result = open_run(root, name), result_of(root, name)
    if not wants_traces(environ):
        hint = "set OTEL_EXPORTER_OTLP_ENDPOINT, such as http://localhost:4318"
        raise problem("otel-endpoint", "no collector is named, so nothing was sent", None, hint)
    return export_run(result, lambda: trial_rows(run), run.read_plan(), environ)


def trial_rows(run: RunDir) -> Iterator[dict[str, Any]]:
    """The rows of `trials.jsonl`, one at a time."""
    with (run.path / "trials.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _unsettled(root: Path) -> Mapping[str, int]:
    """Open reservations of runs that are over, by what their budget is of."""
    path = root / SCRATCH / SHOT_BOOK
    if not path.is_file():
        return {}
    return Counter(item.scope for item in ShotBook(path).unsettled() if not item.alive)
