"""The lines of a cassette: strict on reading, the same bytes for the same reply on writing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NoReturn

from pytest_llmgate.core.codec import plain
from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.core.reply import Redaction, Reply
from pytest_llmgate.store.lines import to_bytes

SCHEMA = "llmgate.cassette/1"
HEADER = b'{"schema":"llmgate.cassette/1"}\n'
_KEY = re.compile(r"[0-9a-f]{64}")
_MONEY = re.compile(r"\d{1,12}(\.\d{1,18})?")
_MARKERS = (b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")
_ROW = frozenset({"key", "model", "repeat", "ordinal", "recorded", "reply"})
_COUNTS = ("input_tokens", "output_tokens", "latency_us")
_WORDS = ("model", "finish_reason")
_FREE = ("data", "context", "tool_calls", "redactions")
_FIELDS = frozenset({"text", "cost_usd", *_COUNTS, *_WORDS, *_FREE})


class LineError(ValueError):
    """What is wrong with a line, without its place."""


def encode_line(row: Mapping[str, Any]) -> bytes:
    """One line of a cassette; raises ValueError or TypeError for values that JSON cannot hold."""
    return to_bytes(json.dumps(row, ensure_ascii=False, separators=(",", ":"), allow_nan=False)) + b"\n"


def reply_row(reply: Reply) -> dict[str, Any]:
    """A reply as it stands in a cassette; what was not measured or not given is left out."""
    row: dict[str, Any] = {"text": reply.text}
    for name in _FREE[:3]:
        value = getattr(reply, name)
        if value is not None and value != ():
            row[name] = plain(value)
    row |= {"model": reply.model, "finish_reason": reply.finish_reason}
    row |= {"input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens}
    row["cost_usd"] = None if reply.cost_usd is None else _money(reply.cost_usd)
    row["latency_us"] = None if reply.latency_ms is None else round(reply.latency_ms * 1000)
    if reply.redactions:
        row["redactions"] = [list(item) for item in reply.redactions]
    return {name: value for name, value in row.items() if value is not None}


def parse_line(line: bytes) -> tuple[str, date, Reply]:
    """Key, date and reply of a line; raises LineError."""
    row = _object(line)
    if row.keys() != _ROW:
        raise LineError(f"the keys of a recording are {', '.join(sorted(_ROW))}")
    if not isinstance(row["key"], str) or not _KEY.fullmatch(row["key"]):
        raise LineError("'key' is not a SHA-256 digest")
    for name in ("repeat", "ordinal"):
        _count(row, name)
    if not isinstance(row["model"], str):
        raise LineError("'model' is not a text")
    try:
        recorded = date.fromisoformat(row["recorded"])
    except (ValueError, TypeError):
        raise LineError("'recorded' is not a date like 2026-11-22") from None
    return row["key"], recorded, _reply(row["reply"])


def line_key(line: bytes) -> str:
    """The key alone, without parsing lines of the usual form; raises LineError."""
    if line.startswith(b'{"key":"') and line[72:74] == b'",':
        key = line[8:72].decode("latin-1")
        if _KEY.fullmatch(key):
            return key
    return parse_line(line)[0]


def checked_lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Line number, offset and bytes of each recording of a cassette file; raises problems with file:line."""
    offset = 0
    with open(path, "rb", buffering=1 << 18) as file:
        for number, line in enumerate(file, 1):
            if number == 1:
                _check_header(path, line)
            elif line.startswith(_MARKERS):
                hint = "keep both sides' lines without the markers, each key once"
                raise broken("cassette-conflict", path, number, "an unsolved merge conflict", hint)
            elif line.strip():
                yield number, offset, line if line.endswith(b"\n") else line + b"\n"
            offset += len(line)


def broken(code: str, path: Path, number: int, message: str, hint: str = "") -> LlmgateError:
    """The problem of a cassette's line."""
    hint = hint or "take the line out, or restore the file from git, then record with --llm-record=new"
    return problem(code, message, Where(str(path), number), hint)


def _check_header(path: Path, line: bytes) -> None:
    if line.startswith(_MARKERS):
        raise broken("cassette-conflict", path, 1, "an unsolved merge conflict", "solve it in git")
    try:
        schema = _object(line).get("schema")
    except LineError:
        schema = None
    if schema != SCHEMA:
        known = isinstance(schema, str) and schema.startswith("llmgate.cassette/")
        hint = "update pytest-llmgate" if known else f'the first line of a cassette is {{"schema":"{SCHEMA}"}}'
        raise broken("cassette-schema", path, 1, f"this cassette is of schema {schema!r}, not {SCHEMA!r}", hint)


def _object(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line, parse_constant=_no_constant, object_pairs_hook=_no_twice)
    except RecursionError:
        raise LineError("not JSON: nested too deep") from None
    except LineError:
        raise
    except ValueError as fault:
        raise LineError(f"not JSON: {fault}") from None
    if not isinstance(row, dict):
        raise LineError("not an object")
    return row


def _no_constant(word: str) -> NoReturn:
    raise LineError(f"{word} is not a number")


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise LineError("a key stands twice in one object")
    return row


def _reply(row: Any) -> Reply:
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise LineError("'reply' is not an object with a 'text'")
    unknown = row.keys() - _FIELDS
    if unknown:
        raise LineError(f"unknown in 'reply': {', '.join(sorted(unknown))}")
    for name in _COUNTS:
        _count(row, name)
    for name in _WORDS:
        if not isinstance(row.get(name), str | None):
            raise LineError(f"{name!r} is not a text")
    calls = row.get("tool_calls", [])
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        raise LineError("'tool_calls' is not a list of objects")
    redactions = row.get("redactions", [])
    if not isinstance(redactions, list):
        raise LineError("'redactions' is not a list")
    latency, cost = row.get("latency_us"), row.get("cost_usd")
    if cost is not None and not (isinstance(cost, str) and _MONEY.fullmatch(cost)):
        raise LineError("'cost_usd' is not a decimal number in quotes")
    return Reply(
        text=row["text"],
        data=row.get("data"),
        context=row.get("context"),
        tool_calls=tuple(calls),
        model=row.get("model"),
        finish_reason=row.get("finish_reason"),
        input_tokens=row.get("input_tokens"),
        output_tokens=row.get("output_tokens"),
        cost_usd=None if cost is None else Decimal(cost),
        latency_ms=None if latency is None else latency / 1000,
        redactions=tuple(_redaction(item) for item in redactions),
    )


def _redaction(item: Any) -> Redaction:
    if not (isinstance(item, list) and [type(part) for part in item] == [str, int, int, str]):
        raise LineError("'redactions' are lists of kind, start, end, pseudonym")
    return Redaction(*item)


def _count(row: Mapping[str, Any], name: str) -> None:
    value = row.get(name)
    if value is not None and (type(value) is not int or not 0 <= value < 1 << 53):
        raise LineError(f"{name!r} is not a count")


def _money(value: Decimal | float | str) -> str:
    try:
        text = format(Decimal(str(value)), "f")
    except InvalidOperation:
        raise ValueError(f"{value!r} is not money") from None
    if not _MONEY.fullmatch(text):
        raise ValueError(f"{value!r} is not a sum of money")
    return text
