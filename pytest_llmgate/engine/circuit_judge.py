"""From a chunk of shots to its record: nothing is decided here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_llmgate.core.circuit import Arm, ShotResult
from pytest_llmgate.core.observation import Observation
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.trial import Trial


class CircuitJudge:
    """Writes down the chunks of one test."""

    def __init__(self, test_id: str, arms: Sequence[Arm]) -> None:
        self._test = test_id
        self._arms = tuple(arm.id for arm in arms)

    def record(self, trial: Trial, seen: Observation) -> TrialRecord:
        """The record of one chunk; `seen.detail` is its ShotResult, or the life of the job that gave none."""
        return TrialRecord(
            self._test,
            self._arms[trial.case],
            trial,
            {},
            usage=seen.usage,
            latency_ms=seen.latency_ms,
            queued_ms=seen.queued_ms,
            replayed=seen.replayed,
            error=None if seen.error is None else f"{seen.error.kind}: {seen.error.message}",
            fatal=seen.error is not None and seen.error.fatal,
            outcome=_outcome(seen.detail),
        )


def _outcome(detail: Any) -> dict[str, Any]:
    if isinstance(detail, ShotResult):
        return outcome_row(detail)
    return {} if detail is None else {"job": dict(detail)}


def outcome_row(result: ShotResult) -> dict[str, Any]:
    """A chunk as it stands in `trials.jsonl`: counts in the order of their bitstrings."""
    row: dict[str, Any] = {
        "shots": sum(result.counts.values()),
        "counts": dict(sorted(result.counts.items())),
        "method": result.method,
    }
    more = {"billed_s": result.billed_s, "cost_usd": result.cost_usd, "job": result.job}
    row |= {name: value for name, value in more.items() if value is not None}
    return {**row, "fallback": True} if result.fallback else row
