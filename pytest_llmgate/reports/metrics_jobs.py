"""The life of hardware jobs, added up over a run's chunks of shots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmgate.reports.exposition import Family, labels

_JOB = "llmgate_quantum_job"


class Jobs:
    """Jobs by device and final status. unsettled: jobs that nobody accounted for, by what their budget is of."""

    def __init__(self, unsettled: Mapping[str, int]) -> None:
        self._shots = Family("llmgate_quantum_shots_total", "counter", "Shots that were drawn, by how.")
        self._jobs = Family("llmgate_quantum_jobs_total", "counter", "Jobs of devices by their last status.")
        self._reached = Family(
            f"{_JOB}_state_seconds", "summary", "From submission until a job was first seen in a state."
        )
        self._queue = Family(
            f"{_JOB}_queue_seconds", "summary", "Waiting in the queue; the provider's own figure if any."
        )
        self._run = Family(f"{_JOB}_run_seconds", "summary", "Running, by the provider's own clock.")
        self._billed = Family("llmgate_quantum_billed_seconds_total", "counter", "Seconds that the provider billed.")
        self._cost = Family("llmgate_quantum_cost_usd_total", "counter", "Cost of jobs, where the tariff is known.")
        self._faults = Family(f"{_JOB}_faults_total", "counter", "Questions about jobs that failed and were repeated.")
        self._unsettled = Family("llmgate_quantum_unsettled_jobs", "gauge", "Jobs set aside and never settled.")
        for scope, count in unsettled.items():
            self._unsettled.put(labels(budget=scope), count)

    def add(self, row: Mapping[str, Any]) -> None:
        """One row of `trials.jsonl`; what was replayed is no job of this run."""
        outcome = row.get("outcome") or {}
        job = outcome.get("job") or {}
        device = str(job.get("device") or "simulator")
        if row.get("replayed"):
            return
        self._shots.add(labels(device=device, method=outcome.get("method", "unknown")), outcome.get("shots"))
        if not job:
            return
        of = labels(device=device)
        self._jobs.add((*of, ("status", str(job.get("status")))), 1)
        for state, seconds in (job.get("at_s") or {}).items():
            self._reached.observe((*of, ("state", str(state))), seconds)
        self._queue.observe(of, job.get("queue_s"))
        self._run.observe(of, job.get("run_s"))
        self._billed.add(of, job.get("billed_s"))
        self._cost.add(of, job.get("cost_usd"))
        self._faults.add(of, job.get("faults"))

    def families(self) -> tuple[Family, ...]:
        """All of it."""
        return (
            self._shots, self._jobs, self._reached, self._queue, self._run, self._billed, self._cost, self._faults,
            self._unsettled,
        )  # fmt: skip
