"""What a scripted model says: replies and faults in order, and the calls it was given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from pytest_llmgate.core.ports import ProviderError
from pytest_llmgate.core.reply import Reply, Request
from pytest_llmgate.core.reply_from import as_reply

DEFAULT_REPLY = "a mock reply"

ErrorLike = type[BaseException] | BaseException
Replies = Iterable[Any] | Callable[[Request], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong between a model and its caller; may stand among `replies` and `errors`.

    status: HTTP status. retry_after: seconds, or the text of the header. reset: the connection is reset before any
    answer. half: the connection ends in the middle of the body. delay_s: wait so long first; alone it delays the next
    reply of the script. body: sent as it is, also with status 200. headers: further response headers.
    """

    status: int | None = None
    retry_after: float | str | None = None
    reset: bool = False
    half: bool = False
    delay_s: float = 0.0
    body: str | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def only_delays(self) -> bool:
        """Whether a reply follows."""
        return self.status is None and self.body is None and not (self.reset or self.half)

    def as_error(self) -> Exception:
        """What a caller in this process sees of it."""
        if self.reset:
            return ConnectionResetError("the connection was reset (scripted fault)")
        if self.half:
            return ConnectionAbortedError("the connection ended in the middle of the reply (scripted fault)")
        status = self.status or 200
        wait = self.retry_after if isinstance(self.retry_after, (int, float)) else None
        return ProviderError(
            f"the mock model answered {status} (scripted fault)",
            retryable=status in (408, 429) or status >= 500,
            retry_after_s=wait,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Request):
    """One call as it arrived: model, messages, params, seed, prompt; `headers` (lower-case names) over HTTP."""

    headers: Mapping[str, str] = field(default_factory=dict)


class OutOfReplies(AssertionError):  # noqa: N818 - reads as what happened
    """The script has no reply for a further call."""


class Script:
    """Deals out errors, then replies, one a call, in order; safe to share between threads.

    replies: texts, objects, Reply or Fault in order, or a function of the call; left out, every call gets
    "a mock reply". errors: exceptions (classes or instances) or Faults, each used once, before any reply.
    repeat_last: the last reply answers all further calls.
    """

    def __init__(
        self, replies: Replies | None = None, errors: Iterable[ErrorLike | Fault] = (), *, repeat_last: bool = False
    ) -> None:
        if isinstance(replies, (str, bytes, Mapping, Reply, Fault)):
            raise TypeError("replies must be a list of replies or a function; write replies=[…] also for one")
        self._answer = replies if callable(replies) else None
        self._given = [DEFAULT_REPLY] if replies is None else [] if callable(replies) else list(replies)
        self._repeat = repeat_last or replies is None
        self._errors = list(errors)
        self._lock = Lock()
        self._used = 0
        self.calls: list[Call] = []

    @property
    def computes(self) -> bool:
        """Whether replies come from a function."""
        return self._answer is not None

    def answer(self, call: Call) -> tuple[Reply | Fault | ErrorLike, float]:
        """What this call gets, and how many seconds to wait before; raises OutOfReplies."""
        with self._lock:
            self.calls.append(call)
        delay = 0.0
        while True:
            item = self._next(call)
            if not isinstance(item, Fault):
                return item, delay
            delay += item.delay_s
            if not item.only_delays:
                return item, delay

    def _next(self, call: Call) -> Reply | Fault | ErrorLike:
        with self._lock:
            if self._errors:
                return self._errors.pop(0)
            item = self._turn() if self._answer is None else self._answer
        if self._answer is not None:
            item = self._answer(call)
        if isinstance(item, (Fault, BaseException)) or (isinstance(item, type) and issubclass(item, BaseException)):
            return item
        return as_reply(item)

    def _turn(self) -> Any:
        """The next given reply; the lock is held."""
        if self._used < len(self._given):
            self._used += 1
        elif not (self._repeat and self._given):
            raise OutOfReplies(
                f"the mock model was called {len(self.calls)} times but has {len(self._given)} replies; "
                "give more, a function, or repeat_last=True"
            )
        return self._given[self._used - 1]
