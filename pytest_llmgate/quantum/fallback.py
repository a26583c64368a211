"""A stand-in for a backend that cannot be had; never both in one stream of shots."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from pytest_llmgate.core.circuit import SWITCHED, CircuitBackend, CircuitFailed, ShotResult

LETS_FALL_BACK = frozenset(
    {
        "backend-unavailable",
        "not-approved",
        "job-refused",
        "job-failed",
        "job-cancelled",
        "deadline",
        "unknown-submission",
    }
)
"""Failures that say that the device cannot be had.

Not among them: `budget`, since a spent budget depends on what the shots showed, and a second source would be a second
chance; `bad-result`, `transpile` and problems of the suite, which somebody must mend; `interrupted`.
"""


class WithFallback:
    """The backends of one test: the one that it asks for, and the one that takes over for good where that fails.

    The failure that brings the change is raised as `switched`: the caller drops the shots that the test has and begins
    its streams again; every shot after that comes from the stand-in and says so. make_fallback: called at most once.
    """

    def __init__(self, primary: CircuitBackend, make_fallback: Callable[[], CircuitBackend]) -> None:
        self._primary = primary
        self._make_fallback = make_fallback
        self._fallback: CircuitBackend | None = None
        self._lock = threading.Lock()
        self.reason: str | None = None

    @property
    def live(self) -> bool:
        """That of the backend in use."""
        return self._primary.live if self.reason is None else self._stand_in().live

    def sample(self, circuit: Any, shots: int, seed: int, *, key: str) -> ShotResult:
        """Shots of the backend in use; raises CircuitFailed, of kind `switched` where the stand-in takes over."""
        if self.reason is not None:
            return self._stand_in().sample(circuit, shots, seed, key=key)._replace(fallback=True)
        try:
            return self._primary.sample(circuit, shots, seed, key=key)
        except CircuitFailed as failed:
            if failed.kind not in LETS_FALL_BACK:
                raise
            self.reason = f"{failed.kind}: {failed.message}"
            raise CircuitFailed(SWITCHED, f"fell back, as {failed.message}", job=failed.job) from failed

    def give_up(self, reason: str) -> None:
        """Stay with the stand-in from now on, without asking the backend that it stands in for."""
        self.reason = self.reason or reason

    def close(self) -> None:
        """Close both."""
        self._primary.close()
        if self._fallback is not None:
            self._fallback.close()

    def _stand_in(self) -> CircuitBackend:
        with self._lock:
            if self._fallback is None:
                self._fallback = self._make_fallback()
            return self._fallback
