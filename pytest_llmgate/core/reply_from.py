"""Turns what a Python function returns into a Reply: text, objects, dataclasses and Pydantic models alike."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any
from uuid import UUID

from pytest_llmgate.core.reply import Reply

MAX_TEXT_BYTES = 8 * 1024 * 1024
MOST_TOKENS = 10**9
"""Of one reply. More than any model gives is a slip of the counter, and would drown all other replies in every sum."""
MOST_USD = 10**6
MOST_MS = 10**9
ACCEPTED = "str, dict, list, a dataclass, a Pydantic model or Reply"


def as_reply(value: object, latency_ms: float | None = None) -> Reply:
    """The reply that a returned value stands for.

    A str is the text. A dict, list, dataclass or Pydantic model gives its JSON as text and the plain JSON object as
    `data`. A Reply stays itself, after a check of its fields. latency_ms: of the call, unless the Reply brings its own;
    what stands for a remote model may know better than our clock. Raises TypeError for anything else and ValueError for
    values that have no JSON or whose text is larger than 8 MiB; the message names what came and what is accepted.
    """
    if isinstance(value, str):
        return Reply(_bounded(value), latency_ms=latency_ms)
    if isinstance(value, Reply):
        reply = _checked(value)
        return reply if latency_ms is None or reply.latency_ms is not None else replace(reply, latency_ms=latency_ms)
    if isinstance(value, (Mapping, list, tuple)) or _has_fields(value):
        text = _bounded(_json_text(value))
        return Reply(text, data=json.loads(text), latency_ms=latency_ms)
    raise TypeError(f"{named(value)} is not a reply; accepted are {ACCEPTED}")


def named(value: object) -> str:
    """How a message names a value: `None`, or its type; never its content."""
    return "None" if value is None else f"a value of type {type(value).__name__}"


def well_formed(text: str) -> str:
    """The text with lone surrogates replaced by U+FFFD, so that it can be written as UTF-8."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _bounded(text: str) -> str:
    text = well_formed(text)
    if len(text) > MAX_TEXT_BYTES // 4 and len(text.encode()) > MAX_TEXT_BYTES:
        raise ValueError(f"the text of the reply is larger than {MAX_TEXT_BYTES >> 20} MiB")
    return text


def _has_fields(value: object) -> bool:
    """Whether this is an instance of a dataclass or of a Pydantic model."""
    if isinstance(value, type):
        return False
    return is_dataclass(value) or callable(getattr(value, "model_dump", None))


def _json_text(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    except RecursionError:
        raise ValueError(f"{named(value)} is nested too deeply for JSON") from None
    except (TypeError, ValueError) as fault:
        raise ValueError(f"{named(value)} has no JSON: {fault}") from None


def _plain(value: Any) -> Any:
    """JSON stand-ins of values that json does not know."""
    if not isinstance(value, type):
        dump = getattr(value, "model_dump", None)
        if callable(dump):
            return dump(mode="json")
        if is_dataclass(value):
            return asdict(value)  # type: ignore[arg-type]  # an instance, as asked above
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    raise TypeError(f"a value of type {type(value).__name__} cannot be written as JSON")


def _checked(reply: Reply) -> Reply:
    """The reply with well-formed text; raises where a field holds what it cannot mean."""
    if not isinstance(reply.text, str):
        raise TypeError(f"Reply.text is {named(reply.text)}; it must be a str")
    for name in ("input_tokens", "output_tokens"):
        count = getattr(reply, name)
        if count is not None and (type(count) is not int or not 0 <= count <= MOST_TOKENS):
            raise TypeError(f"Reply.{name} must be a whole number from 0 to {MOST_TOKENS:,}, or None")
    latency, cost = reply.latency_ms, reply.cost_usd
    if latency is not None and (isinstance(latency, str) or not _is_amount(latency, MOST_MS)):
        raise TypeError(f"Reply.latency_ms must be a number of milliseconds from 0 to {MOST_MS:,}, or None")
    if cost is not None and not _is_amount(cost, MOST_USD):
        raise TypeError(f"Reply.cost_usd must be an amount in USD from 0 to {MOST_USD:,}, or None")
    for name in ("model", "finish_reason"):
        if not isinstance(getattr(reply, name), str | None):
            raise TypeError(f"Reply.{name} must be a str or None")
    if isinstance(reply.tool_calls, (str, bytes)) or not isinstance(reply.tool_calls, Sequence):
        raise TypeError("Reply.tool_calls must be a list of objects")
    if not all(isinstance(call, Mapping) for call in reply.tool_calls):
        raise TypeError("Reply.tool_calls must be a list of objects")
    text = _bounded(reply.text)
    return reply if text is reply.text else replace(reply, text=text)


def _is_amount(value: object, most: int) -> bool:
    """Whether this is a number from 0 to `most`; money may be a decimal string."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        return False
    try:
        amount = Decimal(value)
    except (InvalidOperation, ValueError):
        return False
    return amount.is_finite() and 0 <= amount <= most
