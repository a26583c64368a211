"""What is written down of a trial: enough to decide again without asking again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from types import MappingProxyType
from typing import Any, NamedTuple

from pytest_llmgate.core.observation import Judging, Span
from pytest_llmgate.core.reply import NO_USAGE, Usage
from pytest_llmgate.core.trial import Trial

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class TrialRecord(NamedTuple):
    """One line of `trials.jsonl`. A tuple, because one is made for each trial and tuples are made fast.

    verdicts: per gate name, None is a hole. scores: only gates that give one. reply: digest of the redacted
    text in `transcripts.jsonl`. error: `kind: message`. reasons: why a measure said no, cut short. outcome: of a chunk
    of shots, its `counts` and how they were drawn; such a trial's case is its arm. judges: the models that judged it,
    and what they took, which `usage` includes. fields: by gate, whether each field of a structured reply agrees.
    redactions: how many passages of the reply were replaced, by kind. identical: by gate on groups of repeats, how many
    replies of the group that this trial completed were one and the same. spans: by gate, the passages of a bad reply
    that it objects to. model: the one that answered, as its provider names it. ended_at: epoch
    seconds; None for what took place in another run, and where no latency was measured.
    """

    test: str
    case: str
    trial: Trial
    verdicts: Mapping[str, bool | None]
    scores: Mapping[str, float] = _NOTHING
    usage: Usage = NO_USAGE
    latency_ms: float | None = None
    queued_ms: float | None = None
    replayed: bool = False
    overrun: bool = False
    error: str | None = None
    fatal: bool = False
    reply: str | None = None
    reasons: Mapping[str, str] = _NOTHING
    outcome: Mapping[str, Any] = _NOTHING
    judges: Mapping[str, Any] = _NOTHING
    fields: Mapping[str, Mapping[str, bool | None]] = _NOTHING
    redactions: Mapping[str, int] = _NOTHING
    identical: Mapping[str, int] = _NOTHING
    spans: Mapping[str, tuple[Span, ...]] = _NOTHING
    model: str | None = None
    ended_at: float | None = None

    def to_line(self) -> str:
        """The row as JSON text without a line end."""
        # Built by hand: this is on the path of every trial, and `json.dumps` takes three times as long.
        (
            test, case, trial, verdicts, scores, usage, latency, queued, replayed, overrun, error, fatal, reply,
            reasons, outcome, judges, fields, redactions, identical, spans, model, ended_at,
        ) = self  # fmt: skip
        index, _, repeat, seed = trial
        calls, given, made, cost = usage
        said = ",".join([f"{_text(name)}:{_WORDS[good]}" for name, good in verdicts.items()])
        rated = ",".join([f"{_text(name)}:{_number(score)}" for name, score in scores.items()]) if scores else ""
        price = "null" if cost is None else f'"{cost:f}"'
        line = (
            f'{{"test":{_text(test)},"case":{_text(case)},"index":{index},"repeat":{repeat},"seed":{seed}'
            f',"verdicts":{{{said}}},"scores":{{{rated}}},"usage":{{"calls":{calls}'
            f',"input_tokens":{"null" if given is None else given},"output_tokens":{"null" if made is None else made}'
            f',"cost_usd":{price}}},"latency_ms":{_number(latency)}'
            f',"queued_ms":{_number(queued)},"replayed":{_WORDS[replayed]},"overrun":{_WORDS[overrun]}'
            f',"error":{"null" if error is None else _text(error)},"reply":{"null" if reply is None else _text(reply)}'
        )
        if ended_at is not None:
            line += f',"ended_at":{ended_at:.3f}'
        if model is not None:
            line += f',"model":{_text(model)}'
        if fatal:
            line += ',"fatal":true'
        if reasons:
            line += _member("reasons", reasons)
        if outcome or judges or fields or redactions or identical or spans:
            more = {"outcome": outcome, "judges": judges, "fields": fields, "redactions": redactions}
            for name, value in {**more, "identical": identical, "spans": spans_row(spans)}.items():
                line += _member(name, value) if value else ""
        return line + "}"


def _member(name: str, value: Mapping[str, Any]) -> str:
    return f',"{name}":' + json.dumps(dict(value), ensure_ascii=False, separators=(",", ":"))


_WORDS = {True: "true", False: "false", None: "null"}
_text = json.encoder.encode_basestring


def _number(value: float | None) -> str:
    """A number as JSON; what nobody measured, or is none, is null."""
    if value is None:
        return "null"
    if isinstance(value, int):
        return int.__repr__(value)
    return float.__repr__(value) if isfinite(value) else "null"


def spans_row(spans: Mapping[str, tuple[Span, ...]]) -> dict[str, list[dict[str, Any]]]:
    """Spans as they stand in files."""
    return {name: [span._asdict() for span in found] for name, found in spans.items()}


def usage_row(usage: Usage) -> dict[str, Any]:
    """Usage as it stands in files: money is a decimal string, unknown is null."""
    return {
        "calls": usage.calls,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": None if usage.cost_usd is None else format(usage.cost_usd, "f"),
    }


def judges_row(judging: Judging) -> dict[str, Any]:
    """What a trial's row keeps of its judges: the model behind each alias, and their usage."""
    return {"models": dict(judging.models), "usage": usage_row(judging.usage)}


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
        reasons=row.get("reasons") or {},
        outcome=row.get("outcome") or {},
        judges=row.get("judges") or {},
        fields=row.get("fields") or {},
        redactions=row.get("redactions") or {},
        identical=row.get("identical") or {},
        spans={name: tuple(Span(**span) for span in found) for name, found in (row.get("spans") or {}).items()},
        model=row.get("model"),
        ended_at=row.get("ended_at"),
    )
