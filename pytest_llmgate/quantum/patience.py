"""Waiting that ends: deadlines of our own, pauses that can be cut short, calls of others that may hang."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from pytest_llmgate.core.circuit import CircuitFailed

_T = TypeVar("_T")


class TimeIsUp(Exception):  # noqa: N818 - reads as what happened
    """A deadline passed."""


class Patience:
    """The clock of one backend. clock: seconds, never going back. sleep: None waits in a way that `stop` ends."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] | None = None
    ) -> None:
        self.clock = clock
        self._sleep = sleep
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End all waiting, now and later."""
        self._stopped.set()

    def check(self) -> None:
        """Raises CircuitFailed once `stop` was called."""
        if self._stopped.is_set():
            raise CircuitFailed("interrupted", "the run ended before the job did", fatal=True)

    def pause(self, seconds: float) -> None:
        """Wait; raises CircuitFailed once `stop` was called."""
        if self._sleep is None:
            self._stopped.wait(seconds)
        else:
            self._sleep(seconds)
        self.check()

    def deadline(self, seconds: float) -> Deadline:
        """A deadline that many seconds from now."""
        return Deadline(self, seconds)


class Deadline:
    """A moment after which nothing is waited for."""

    __slots__ = ("_end", "_patience", "seconds", "started")

    def __init__(self, patience: Patience, seconds: float) -> None:
        self._patience = patience
        self.seconds = seconds
        self.started = patience.clock()
        self._end = self.started + seconds

    @property
    def left(self) -> float:
        """Seconds left, 0 when there are none."""
        return max(0.0, self._end - self._patience.clock())

    @property
    def elapsed(self) -> float:
        """Seconds since it was set."""
        return self._patience.clock() - self.started

    def pause(self, seconds: float) -> None:
        """Wait, at most until the deadline; raises TimeIsUp where it has passed already."""
        if not self.left:
            raise TimeIsUp
        self._patience.pause(min(seconds, self.left))


def paces(first: float, most: float) -> Iterator[float]:
    """Seconds between looks: each half as long again as the one before, up to `most`."""
    pace = first
    while True:
        yield min(pace, most)
        pace = min(1.5 * pace, most)


def bounded(call: Callable[[], _T], seconds: float) -> _T:
    """The result of a call that may hang; raises TimeIsUp after that long. An abandoned call goes on unheard."""
    answer: list[Any] = []
    fault: list[BaseException] = []

    def run() -> None:
        try:
            answer.append(call())
        except BaseException as raised:  # handed to the caller's thread, whatever it is
            fault.append(raised)

    thread = threading.Thread(target=run, name="llmgate-device", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeIsUp
    if fault:
        raise fault[0]
    result: _T = answer[0]
    return result
