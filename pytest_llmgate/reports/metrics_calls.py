"""Requests, tokens, cost and latency of models, added up over a run's trials."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.reply import Usage
from pytest_llmgate.reports.asked import Asked
from pytest_llmgate.reports.exposition import Family, Labels, histogram, labels, measured

BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Calls:
    """Requested is what the trials that count were answered with, live or recorded; billed is what was asked live."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._requests = Family("llm_requests_total", "counter", "Calls of the trials that count, live or replayed.")
        self._live = Family("llm_requests_billed_total", "counter", "Calls that were made live, needed or not.")
        self._requested = Family(
            "llm_tokens_requested_total", "counter", "Tokens of the replies that count, live or replayed."
        )
        self._billed = Family("llm_tokens_billed_total", "counter", "Tokens of live calls, needed or not.")
        self._cost = Family("llm_cost_estimate_usd_total", "counter", "Cost of live calls, as far as they are priced.")
        self._trials = Family("llmgate_trials_total", "counter", "Trials that count.")
        self._errors = Family("llmgate_trial_errors_total", "counter", "Trials that count and gave no reply, by kind.")
        self._latencies: dict[Labels, list[int]] = {}
        self._seconds: dict[Labels, float] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """One row of `trials.jsonl`."""
        counts, live = not row.get("overrun"), not row.get("replayed")
        subject = _of(self._asked.subject(str(row.get("test"))))
        if counts:
            self._trials.add(subject, 1)
        if counts and row.get("error"):
            self._errors.add((*subject, ("kind", str(row["error"]).partition(":")[0])), 1)
        for who, usage in self._asked.usages(row):
            self._take(_of(who), usage, counts=counts, live=live)
        if live and not row.get("error"):
            self._answered(subject, row.get("latency_ms"))

    def _take(self, of: Labels, usage: Usage, *, counts: bool, live: bool) -> None:
        tokens = (("input", usage.input_tokens), ("output", usage.output_tokens))
        for wanted, requests, spent in ((counts, self._requests, self._requested), (live, self._live, self._billed)):
            if wanted and usage.calls:
                requests.add(of, usage.calls)
            for kind, number in tokens if wanted else ():
                spent.add((*of, ("type", kind)), number)
        if live:
            self._cost.add(of, usage.cost_usd)

    def _answered(self, of: Labels, latency_ms: Any) -> None:
        number = measured(latency_ms)
        if number is None:
            return
        seconds = float(number) / 1000
        found = self._latencies.setdefault(of, [0] * (len(BOUNDS_S) + 1))
        found[bisect_left(BOUNDS_S, seconds)] += 1
        self._seconds[of] = self._seconds.get(of, 0.0) + seconds

    def families(self) -> tuple[Family, ...]:
        """All of it."""
        latency = Family("llm_request_latency_seconds", "histogram", "Latency of live replies; of code, of its trials.")
        histogram(latency, self._latencies, self._seconds, BOUNDS_S)
        return (
            self._requests, self._live, latency, self._requested, self._billed, self._cost, self._trials, self._errors,
        )  # fmt: skip


def _of(who: tuple[str, str]) -> Labels:
    return labels(provider=who[0], model=who[1])
