"""Redacts everything of a reply that came from outside: text, data, context, tool calls, finish reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from typing import Any

from pytest_llmgate.core.ports import Redactor
from pytest_llmgate.core.reply import Redaction, Reply

OUTSIDE = -1  # start and end of a redaction that is not in the reply's text
MAX_DEPTH = 100
_LONGEST_KEY = 40
_ELSEWHERE = ("data", "context", "tool_calls", "finish_reason", "model", "redactions")
TOO_DEEP = "(nested too deeply to redact)"


def redact_reply(redactor: Redactor, reply: Reply) -> Reply:
    """The reply with stand-ins everywhere, and with the list of them in `redactions`.

    Those in the text come first, with their places; a stand-in that stands only elsewhere has -1 as start and
    end. Redacting a redacted reply changes nothing.
    """
    text, inside = redactor.redact(reply.text)
    if not inside and text == reply.text and not any(getattr(reply, name) for name in _ELSEWHERE):
        return reply  # most replies: a text and nothing else, and nothing private in it
    outside: list[Redaction] = [found for found in reply.redactions if found.start < 0]
    parts = {
        name: redact_value(redactor, given, outside) for name in _ELSEWHERE[:-1] if (given := getattr(reply, name))
    }
    if text == reply.text and not inside and not outside and all(parts[n] == getattr(reply, n) for n in parts):
        return reply
    known = {(found.kind, found.pseudonym) for found in inside}
    extra = dict.fromkeys(found for found in outside if (found.kind, found.pseudonym) not in known)
    return replace(reply, text=text, redactions=(*inside, *extra), **parts)


def redact_value(redactor: Redactor, value: Any, found: list[Redaction], depth: int = 0) -> Any:
    """JSON-like data with stand-ins in its texts, keys and whole numbers; `found` collects them.

    What is nested more than 100 levels deep is replaced whole; objects that JSON does not know become their text.
    """
    if isinstance(value, str):
        return _text(redactor, value, found)
    if isinstance(value, int) and not isinstance(value, bool):
        return _integer(redactor, value, found)
    if value is None or isinstance(value, (bool, float, Decimal)):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        value = {part.name: getattr(value, part.name) for part in fields(value)}
    if not isinstance(value, (Mapping, list, tuple)):
        return _text(redactor, str(value), found)
    if depth >= MAX_DEPTH:
        return TOO_DEEP
    if isinstance(value, Mapping):
        return {
            _text(redactor, key, found) if isinstance(key, str) else key: _item(redactor, key, item, found, depth + 1)
            for key, item in value.items()
        }
    items = [redact_value(redactor, item, found, depth + 1) for item in value]
    return tuple(items) if isinstance(value, tuple) else items


def _item(redactor: Redactor, key: Any, value: Any, found: list[Redaction], depth: int) -> Any:
    """A value under a key, which may say what it is: `{"password": "hunter2000"}`, `{"phone": 6182261460}`."""
    scalar = isinstance(value, (str, int)) and not isinstance(value, bool)
    if scalar and isinstance(key, str) and len(key) <= _LONGEST_KEY:
        said = f"{key}: "
        text, redactions = redactor.redact(f"{said}{value}")
        if text.startswith(said) and any(item.start >= len(said) for item in redactions):
            made = text.removeprefix(said)
            if isinstance(value, str) or made.isdecimal():
                found += [Redaction(item.kind, OUTSIDE, OUTSIDE, item.pseudonym) for item in redactions]
                return made if isinstance(value, str) else int(made)
    return redact_value(redactor, value, found, depth)


def _text(redactor: Redactor, text: str, found: list[Redaction]) -> str:
    text, redactions = redactor.redact(text)
    found += [Redaction(item.kind, OUTSIDE, OUTSIDE, item.pseudonym) for item in redactions]
    return text


def _integer(redactor: Redactor, number: int, found: list[Redaction]) -> int:
    """A card number stays a number, that of its stand-in."""
    if abs(number) < 10**11 or abs(number) >= 10**19:
        return number
    text = _text(redactor, str(abs(number)), found)
    return int(text) if text.isdecimal() else number
