"""Reads the body of a chat completion."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.ports import ProviderError
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.core.reply_from import named, well_formed
from pytest_llmgate.providers.words import one_line

_MAY_BE_EMPTY = frozenset({"length", "content_filter", "tool_calls", "function_call"})


def read_reply(body: bytes, latency_ms: float, secret: str | None = None) -> Reply:
    """The reply of a successful response; raises ProviderError for anything that is not a chat completion.

    A refusal is a reply: its words are the text and `finish_reason` is "refusal". secret: kept out of messages.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        shown = one_line(body[:2000].decode("utf-8", "replace"), secret)
        raise ProviderError(f"the server answered 200 with something that is not JSON: {shown!r}") from None
    choice = _choice(answer, secret)
    message = choice["message"]
    finish = choice.get("finish_reason")
    calls = message.get("tool_calls")
    calls = tuple(call for call in calls if isinstance(call, dict)) if isinstance(calls, list) else ()
    text = _text(message.get("content"))
    refusal = message.get("refusal")
    if not text and isinstance(refusal, str) and refusal:
        text, finish = refusal, "refusal"
    if text is None:
        if not calls and not (isinstance(finish, str) and finish in _MAY_BE_EMPTY):
            raise ProviderError(f"the reply has no text: its content is {named(message.get('content'))}")
        text = ""
    usage = answer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    model = answer.get("model")
    return Reply(
        well_formed(text),
        tool_calls=calls,
        model=model if isinstance(model, str) else None,
        finish_reason=finish if isinstance(finish, str) else None,
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        latency_ms=latency_ms,
    )


def _choice(answer: Any, secret: str | None) -> Mapping[str, Any]:
    """The first choice, which has a message."""
    try:
        choice = answer["choices"][0]
        if isinstance(choice["message"], dict):
            return choice  # type: ignore[no-any-return]  # parsed JSON, looked into just now
    except (LookupError, TypeError):
        pass
    error = answer.get("error") if isinstance(answer, dict) else None
    said = error.get("message", "") if isinstance(error, dict) else error or ""
    why = f": {one_line(str(said), secret)}" if said else ""
    raise ProviderError(f"the server answered 200 with JSON that is no chat completion{why}")


def _text(content: Any) -> str | None:
    """The text of a message: a str, or the text parts of a list; None where there is none."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
    return "".join(part for part in parts if isinstance(part, str)) if parts else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
