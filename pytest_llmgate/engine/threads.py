"""A thread that runs the trials of a blocking subject one after another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from pytest_llmgate.core.observation import Observation, TrialError
from pytest_llmgate.core.ports import BlockingSubject
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.engine.run import TestRun


class BlockingWorker(threading.Thread):
    """Runs trials until its test has none ready.

    A hung trial cannot be killed: it is given up, its late result is dropped, and the thread ends with the process.
    """

    def __init__(
        self, test: TestRun, trial: Trial, ended: Callable[[BlockingWorker, BaseException | None], None]
    ) -> None:
        super().__init__(name=f"llmgate-{test.stream.plan.id}", daemon=True)
        self.test = test
        self._trial: Trial | None = trial
        self._ended = ended
        self._born = self._began = time.monotonic()
        self._done = 0
        self._owner = threading.Lock()  # who reports the current trial: this thread, or the one that gave it up
        self._abandoned = False

    def elapsed(self) -> float:
        """Seconds that the current trial has run."""
        return time.monotonic() - self._began

    def pace(self) -> float:
        """Seconds that a trial takes here on average; one hiccup among quick trials does not make them slow."""
        return (time.monotonic() - self._born) / (self._done + 1)

    def abandon(self) -> None:
        """Take no further trial and drop the current one's result."""
        with self._owner:
            self._abandoned = True

    def give_up(self, deadline_s: float, seen: Observation) -> bool:
        """Report the current trial in the thread's stead, if it still runs and is beyond its deadline."""
        with self._owner:
            if self._abandoned or self._trial is None or self.elapsed() <= deadline_s:
                return False
            self._abandoned = True
            self.test.complete(self._trial, seen)
            return True

    def run(self) -> None:
        subject = self.test.subject
        assert isinstance(subject, BlockingSubject)
        fault: BaseException | None = None
        try:
            while self._trial is not None:
                seen = _sample(subject, self._trial)
                with self._owner:
                    if self._abandoned:
                        return
                    self.test.complete(self._trial, seen)
                    self._done += 1
                    self._trial = self.test.take()
                    self._began = time.monotonic()
        except Exception as caught:
            fault = caught
        self._ended(self, fault)


def _sample(subject: BlockingSubject, trial: Trial) -> Observation:
    """One observation; even SystemExit of the code under test is only a trial error."""
    try:
        return subject.sample_now(trial)
    except BaseException as fault:
        return left(fault)


def left(fault: BaseException) -> Observation:
    """A trial that not even its subject could hold; without the message, which nobody has redacted."""
    return Observation(None, TrialError("raised", f"{type(fault).__name__} left the code under test"))
