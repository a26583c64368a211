"""Functions of users: whether they are to be awaited, and what they say when they raise."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine; an object may have an `async def __call__`."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def message_of(fault: BaseException) -> str:
    """The message of an exception, whose own `__str__` may be broken too."""
    try:
        return str(fault)
    except Exception:
        return "(no message)"
