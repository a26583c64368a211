"""`metrics.prom`: the figures of one run for Prometheus. A figure that nobody measured is absent, never 0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pytest_llmgate.core.rendered import Rendered, RunView
from pytest_llmgate.reports.asked import Asked
from pytest_llmgate.reports.exposition import Family, exposition, labels
from pytest_llmgate.reports.metrics_calls import Calls
from pytest_llmgate.reports.metrics_jobs import Jobs

RISKS = frozenset({"grounded", "contradiction", "hallucination"})
"""Types of assertions whose score is the risk of a reply, 0 to 1."""


class PrometheusReport:
    """`metrics.prom`, for a textfile collector."""

    def active(self, environ: Mapping[str, str]) -> bool:
        return False

    def render(self, result: Mapping[str, Any], view: RunView) -> Rendered:
        text = render_metrics(result, view.trials(), view.plans(), view.unsettled())
        return Rendered(files={"metrics.prom": text})


def render_metrics(
    result: Mapping[str, Any],
    trials: Iterable[Mapping[str, Any]],
    plans: Iterable[Mapping[str, Any]] = (),
    unsettled: Mapping[str, int] | None = None,
) -> str:
    """The figures of a run in Prometheus' text format.

    result: the content of `result.json`. trials: rows of `trials.jsonl`, read once. plans: rows of `plan.json`, for
    the names of models. unsettled: hardware jobs that were never settled, by what their budget is of.
    """
    circuits = {test["id"] for test in result["tests"] if test.get("kind") == "circuit"}
    calls, jobs, risks = Calls(Asked(plans)), Jobs(unsettled or {}), _Risks(result)
    for row in trials:
        if row.get("test") in circuits:
            jobs.add(row)
        else:
            calls.add(row)
            risks.add(row)
    families = (*_of_run(result), *_of_gates(result), risks.family, *calls.families(), *jobs.families())
    return exposition(families)


def _of_run(result: Mapping[str, Any]) -> tuple[Family, ...]:
    run, execution = result["run"], result["execution"]
    verdict = Family("llmgate_run_verdict", "gauge", "1 for the verdict of the run.")
    verdict.put(labels(verdict=result["verdict"]), 1)
    started = Family("llmgate_run_started_timestamp_seconds", "gauge", "When the run began, in seconds since 1970.")
    started.put((), _seconds(run.get("started")))
    took = Family("llmgate_run_duration_seconds", "gauge", "From the first trial to the last reply.")
    took.put((), execution.get("wall_s"))
    overrun = Family("llmgate_overrun_trials", "gauge", "Trials that were under way when the gates had decided.")
    overrun.put((), execution.get("overrun_trials"))
    tests = Family("llmgate_tests", "gauge", "Tests of the run by verdict.")
    for test in result["tests"]:
        tests.add(labels(verdict=test["verdict"]), 1)
    return verdict, started, took, overrun, tests


def _of_gates(result: Mapping[str, Any]) -> tuple[Family, ...]:
    verdict = Family("llmgate_gate_verdict", "gauge", "1 for the verdict of each gate.")
    estimate = Family("llmgate_gate_estimate", "gauge", "What the gate estimates: a rate or a distance.")
    limit = Family("llmgate_gate_threshold", "gauge", "What is still good, of what the gate estimates.")
    for test in result["tests"]:
        for gate in test["gates"]:
            of = labels(suite=test.get("suite", ""), test=test["id"], gate=gate["name"])
            verdict.put((*of, ("verdict", str(gate["verdict"]))), 1)
            estimate.put(of, gate.get("estimate"))
            limit.put(of, gate.get("threshold"))
    return verdict, estimate, limit


class _Risks:
    """The mean risk of the replies that count, by gate."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        self._of = {
            (test["id"], gate["name"]): labels(
                suite=test.get("suite", ""), test=test["id"], gate=gate["name"], type=gate["type"]
            )
            for test in result["tests"]
            for gate in test["gates"]
            if str(gate["type"]).removeprefix("not-") in RISKS
        }
        self._sums: dict[tuple[str, str], tuple[float, int]] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        if row.get("overrun"):
            return
        for name, score in (row.get("scores") or {}).items():
            key = (row["test"], name)
            if key in self._of and isinstance(score, (int, float)):
                before, count = self._sums.get(key, (0.0, 0))
                self._sums[key] = before + score, count + 1

    @property
    def family(self) -> Family:
        found = Family("llm_hallucination_score", "gauge", "Mean risk of the replies of a gate, 0 to 1.")
        for key, (total, count) in self._sums.items():
            found.put(self._of[key], total / count)
        return found


def _seconds(moment: object) -> float | None:
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return None
