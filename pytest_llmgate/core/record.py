"""What is written down of a trial: enough to decide again without asking again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pytest_llmgate.core.reply import NO_USAGE, Usage
from pytest_llmgate.core.trial import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """One line of `trials.jsonl`.

    verdicts: per gate name, None is a hole. scores: only gates that give one. reply: digest of the redacted
    text in `transcripts.jsonl`. error: `kind: message`. body: whether the body of a marked test passed.
    """

    test: str
    case: str
    trial: Trial
    verdicts: Mapping[str, bool | None]
    scores: Mapping[str, float] = field(default_factory=dict)
    usage: Usage = NO_USAGE
    latency_ms: float | None = None
    queued_ms: float | None = None
    replayed: bool = False
    overrun: bool = False
    error: str | None = None
    fatal: bool = False
    reply: str | None = None

    def to_line(self) -> str:
        """The row as JSON text without a line end."""
        trial, usage = self.trial, self.usage
        row = {
            "test": self.test,
            "case": self.case,
            "index": trial.index,
            "repeat": trial.repeat,
            "seed": trial.seed,
            "verdicts": self.verdicts,
            "scores": self.scores,
            "usage": usage_row(usage),
            "latency_ms": self.latency_ms,
            "queued_ms": self.queued_ms,
            "replayed": self.replayed,
            "overrun": self.overrun,
            "error": self.error,
            "reply": self.reply,
        }
        if self.fatal:
            row["fatal"] = True
        return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def usage_row(usage: Usage) -> dict[str, Any]:
    """Usage as it stands in files: money is a decimal string, unknown is null."""
    return {
        "calls": usage.calls,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": None if usage.cost_usd is None else format(usage.cost_usd, "f"),
    }


def usage_from_row(row: Mapping[str, Any]) -> Usage:
    cost = row.get("cost_usd")
    return Usage(row["calls"], row["input_tokens"], row["output_tokens"], None if cost is None else Decimal(cost))


def record_from_row(row: Mapping[str, Any], case_index: int) -> TrialRecord:
    """A record from a parsed line; `case_index` is the case's position in today's plan."""
    return TrialRecord(
        test=row["test"],
        case=row["case"],
        trial=Trial(row["index"], case_index, row["repeat"], row["seed"]),
        verdicts=row["verdicts"],
        scores=row.get("scores") or {},
        usage=usage_from_row(row["usage"]),
        latency_ms=row.get("latency_ms"),
        queued_ms=row.get("queued_ms"),
        replayed=bool(row.get("replayed")),
        overrun=bool(row.get("overrun")),
        error=row.get("error"),
        fatal=bool(row.get("fatal")),
        reply=row.get("reply"),
    )
