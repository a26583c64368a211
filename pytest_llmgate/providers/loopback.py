"""A scripted model for plain tests: no network, no key, no plugin run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from time import sleep
from typing import Any

from pytest_llmgate.core.reply import Reply
from pytest_llmgate.providers.loopback_server import LoopbackServer
from pytest_llmgate.providers.script import Call, ErrorLike, Fault, OutOfReplies, Replies, Script

__all__ = ["Call", "Fault", "LoopbackServer", "MockLLM", "MockModels", "OutOfReplies"]


class MockLLM:
    """Callable as `llm("prompt")`, `llm(message, message)` or `llm(messages=[…])`; returns the scripted Reply.

    replies, errors, repeat_last: as in Script. model: the name calls and replies carry unless a call names one.
    `calls` lists what was asked: `.model`, `.messages`, `.prompt`, `.params`.
    """

    def __init__(
        self,
        replies: Replies | None = None,
        errors: Iterable[ErrorLike | Fault] = (),
        *,
        model: str = "mock",
        repeat_last: bool = False,
    ) -> None:
        self._script = Script(replies, errors, repeat_last=repeat_last)
        self._model = model

    @property
    def calls(self) -> list[Call]:
        """All calls so far, in order, also those over HTTP."""
        return self._script.calls

    def __call__(self, *prompt: str | Mapping[str, Any] | Iterable[Mapping[str, Any]], **params: Any) -> Reply:
        """The next reply of the script; raises the next scripted error, or OutOfReplies (an AssertionError)."""
        call = _call(self._model, prompt, params)
        item, delay = self._script.answer(call)
        if delay:
            sleep(delay)
        if isinstance(item, Fault):
            raise item.as_error()
        if not isinstance(item, Reply):
            raise item
        return item if item.model is not None else replace(item, model=call.model)

    async def ask(self, *prompt: str | Mapping[str, Any] | Iterable[Mapping[str, Any]], **params: Any) -> Reply:
        """The same for `await llm.ask(…)`."""
        return await asyncio.to_thread(self, *prompt, **params)

    def server(self) -> LoopbackServer:
        """An OpenAI-compatible server on loopback that plays this script; use it in `with`."""
        return LoopbackServer(self._script, model=self._model)


class MockModels:
    """What the fixture `mock_llm` gives: call it for a MockLLM, or `server(…)` for a server; closes what it opened."""

    def __init__(self) -> None:
        self._servers: list[LoopbackServer] = []

    def __call__(
        self,
        replies: Replies | None = None,
        errors: Iterable[ErrorLike | Fault] = (),
        *,
        model: str = "mock",
        repeat_last: bool = False,
    ) -> MockLLM:
        """A scripted model; arguments as in MockLLM."""
        return MockLLM(replies, errors, model=model, repeat_last=repeat_last)

    def server(
        self,
        replies: Replies | None = None,
        errors: Iterable[ErrorLike | Fault] = (),
        *,
        model: str = "mock",
        repeat_last: bool = False,
    ) -> LoopbackServer:
        """A running server with `.base_url` and `.calls`; arguments as in MockLLM."""
        server = self(replies, errors, model=model, repeat_last=repeat_last).server()
        self._servers.append(server)
        return server

    def close(self) -> None:
        """Stop all servers."""
        while self._servers:
            self._servers.pop().close()


def _call(model: str, prompt: tuple[Any, ...], params: dict[str, Any]) -> Call:
    """The call that the arguments describe."""
    messages = params.pop("messages", None)
    if messages is None:
        messages = [message for part in prompt for message in _messages(part)]
    elif prompt:
        raise TypeError("give the prompt either as arguments or as messages=, not both")
    seed = params.pop("seed", 0)
    return Call(
        model=str(params.pop("model", None) or model),
        messages=tuple(messages),
        params=params,
        seed=seed if isinstance(seed, int) else 0,
    )


def _messages(part: Any) -> list[Mapping[str, Any]]:
    if isinstance(part, str):
        return [{"role": "user", "content": part}]
    if isinstance(part, Mapping):
        return [part]
    if isinstance(part, Iterable):
        return [message for item in part for message in _messages(item)]
    raise TypeError(f"a prompt is a text or messages, not {type(part).__name__}")
