"""`provider: python`: a function of the user's as a model."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any

from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.functions import is_async
from pytest_llmgate.core.plan import ModelPlan
from pytest_llmgate.core.ports import ProviderError
from pytest_llmgate.core.reply import Reply, Request
from pytest_llmgate.core.reply_from import as_reply
from pytest_llmgate.providers.words import raised


def build(model: ModelPlan, files: SuiteFiles, env: Mapping[str, str]) -> PythonProvider:
    """The provider of `target: file.py:function`; raises LlmgateError where the target cannot be called."""
    function = files.load_object(model.model, model.where)
    _check_callable(function, model.model, model.where)
    return PythonProvider(function, model.model)


class PythonProvider:
    """Calls `function(request)`.

    blocking: the function is synchronous, so that `complete_now` may be called in a thread without an event loop.
    """

    __slots__ = ("_function", "_name", "blocking")

    def __init__(self, function: Callable[[Request], Any], name: str) -> None:
        self._function = function
        self._name = name
        self.blocking = not is_async(function)

    async def complete(self, request: Request) -> Reply:
        """The function's reply; a synchronous function runs in a thread. Raises ProviderError."""
        if self.blocking:
            value, started = await asyncio.to_thread(self._call, request)
        else:
            value, started = self._call(request)
        if inspect.isawaitable(value):
            value = await self._settle(value)
        return self._reply(value, started)

    def complete_now(self, request: Request) -> Reply:
        """The function's reply, in this thread, which must have no running event loop. Raises ProviderError."""
        value, started = self._call(request)
        if not isinstance(value, str) and inspect.isawaitable(value):  # a text is the usual answer: look no further
            value = asyncio.run(self._settle(value))
        return self._reply(value, started)

    async def close(self) -> None:
        """Nothing to close."""

    def _call(self, request: Request) -> tuple[Any, float]:
        started = perf_counter()
        try:
            return self._function(request), started
        except ProviderError:
            raise
        except (Exception, SystemExit) as fault:
            raise ProviderError(f"{self._name} raised {raised(fault)}") from fault

    async def _settle(self, value: Awaitable[Any]) -> Any:
        try:
            return await value
        except ProviderError:
            raise
        except (Exception, SystemExit) as fault:
            raise ProviderError(f"{self._name} raised {raised(fault)}") from fault

    def _reply(self, value: object, started: float) -> Reply:
        latency_ms = (perf_counter() - started) * 1000.0
        try:
            return as_reply(value, latency_ms)
        except Exception as fault:
            raise ProviderError(f"{self._name} returned no reply: {raised(fault)}") from None


def _check_callable(function: object, name: str, where: Where | None) -> None:
    if not callable(function):
        raise problem(
            "target-not-callable", f"{name!r} is {type(function).__name__}, not a function", where,
            "name a function that takes one request and returns the reply",
        )  # fmt: skip
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions written in C say nothing of their arguments
        return
    try:
        signature.bind(object())
    except TypeError as fault:
        raise problem(
            "target-signature", f"{name!r} cannot be called with one argument: {fault}", where,
            "write it as `def reply(request)`",
        ) from None  # fmt: skip
