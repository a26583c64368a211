"""Tool calls of a reply in one form, whichever vendor's words they are written in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors import jsontext

_ARGUMENTS = ("arguments", "input", "args", "parameters")
MAX_DEPTH = 50


class ToolCall(NamedTuple):
    """A call: its name, empty where it has none, and its arguments.

    arguments: an object as a rule; the text itself where it is not JSON; None where there are none.
    """

    name: str
    arguments: Any = None


class Text(NamedTuple):
    """A text inside arguments. key: the name it stands under, empty at the top and inside of lists of lists."""

    key: str
    value: str


def tool_calls(reply: Reply) -> list[ToolCall]:
    """All calls of a reply: `{name, arguments}`, OpenAI's `{function: {…}}`, Anthropic's `{name, input}`."""
    return [_one(call) for call in reply.tool_calls]


def texts(value: Any, key: str = "", depth: int = 0) -> Iterator[Text]:
    """All texts inside of arguments, keys too; what is nested more than 50 levels deep as one text."""
    if isinstance(value, str):
        yield Text(key, value)
    elif depth >= MAX_DEPTH:
        yield Text(key, str(value))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield Text("", str(name))
            yield from texts(item, str(name), depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        for item in value:
            yield from texts(item, key, depth + 1)


def _one(call: Mapping[str, Any]) -> ToolCall:
    inner = call.get("function")
    source = inner if isinstance(inner, Mapping) else call
    name = source.get("name") or (inner if isinstance(inner, str) else call.get("tool")) or ""
    given = next((source[word] for word in _ARGUMENTS if source.get(word) is not None), None)
    return ToolCall(str(name), _parsed(given) if isinstance(given, str) else given)


def _parsed(text: str) -> Any:
    """Arguments that came as the text of JSON; not JSON: the text, so that rules see it all the same."""
    try:
        return jsontext.parse(text)
    except jsontext.NotJson:
        return text
