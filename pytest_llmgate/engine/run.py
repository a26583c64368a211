"""One test under way, and the steps that every driver takes with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from pytest_llmgate.core.decision import Decision
from pytest_llmgate.core.observation import Observation
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.ports import BlockingSubject, EarlierTrials, Journal, Subject
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.reply import Reply, Usage, UsageSum
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.engine.keeping import Keeping

_MOST_WAITING = 1024  # completed trials that may wait in memory for an earlier one, where every trial counts
_SAID = 40
_SAID_LENGTH = 4096


class Decided(Protocol):
    """A gate that may have been decided."""

    @property
    def decision(self) -> Decision | None: ...


class Replayed(Protocol):
    """What a stream has counted."""

    replayed: int


class Stream(Protocol):
    """The ordered window of one test, of replies or of shots."""

    plan: TestPlan
    folded: int
    done: bool

    @property
    def gates(self) -> Sequence[Decided]:
        """One an assertion."""

    @property
    def evidence(self) -> Replayed:
        """What was counted beside the gates."""

    @property
    def outstanding(self) -> int:
        """Trials handed out and not folded yet."""

    @property
    def over(self) -> bool:
        """Whether no trial is wanted any more: it is done, and no baseline needs further trials."""

    def next(self) -> Trial | None:
        """The next trial to run, or None for now."""

    def known(self, trial: Trial) -> TrialRecord | None:
        """The record of a trial that need not be run, because it is certain."""

    def put(self, record: TrialRecord) -> None:
        """Take in one completed trial, in any order."""

    def cut(self, reason: str) -> None:
        """Stop from outside."""


class Extensible(Protocol):
    """A stream that can go on past its gates' decisions."""

    def extend(self, sampled: int) -> None:
        """Draw so many trials in all."""


class Recorder(Protocol):
    """Makes the record of a trial."""

    def record(self, trial: Trial, seen: Observation) -> TrialRecord: ...


class TestRun:
    """A stream with its subject and those who wait for it. `lock` guards the stream and the counters.

    subject: None where a caller drives the trials itself (the body of a marked test).
    slow: its blocking trials take long enough for threads to pay. look_ahead: whether several trials may be in
    flight; None: from the first reply on that no cassette had, because replaying needs no company. window: how far
    trials may run ahead of the fold while a sequential gate may end the test at any of them. keeping: what of a reply
    may be written down; None: all of it.
    """

    __test__ = False

    def __init__(
        self,
        stream: Stream,
        judge: Recorder,
        journal: Journal,
        subject: Subject | BlockingSubject | None = None,
        recorded: EarlierTrials | None = None,
        *,
        look_ahead: bool | None = True,
        window: int | None = None,
        keeping: Keeping | None = None,
    ) -> None:
        self.stream = stream
        self.subject = subject
        self.blocking = isinstance(subject, BlockingSubject)
        self.lock = threading.Lock()
        self.finished = threading.Event()
        self._billed = UsageSum()
        self.in_flight = 0
        self.slow = False
        self.said: dict[str, str] = {}  # texts of the first failing replies, by digest
        self._completed = 0
        self._judge = judge
        self._journal = journal
        self._recorded = recorded
        self._keeping = keeping
        self._look_ahead = look_ahead is True
        self._only_replay = look_ahead is False
        stops_early = any(gate.rule == "sequential" for gate in stream.plan.gates)
        self._window = window if window is not None and stops_early else _MOST_WAITING
        self._strict = tuple(gate.name for gate in stream.plan.gates if gate.zero_tolerance)
        self.late_violations: dict[str, int] = {}  # of zero-tolerance gates, in trials that came too late to count

    def take(self) -> Trial | None:
        """The next trial to run, or None for now; what an earlier start recorded is folded on the way."""
        with self.lock:
            while True:
                if self._must_wait():
                    return None
                trial = self.stream.next()
                if trial is None:
                    self._wake()
                    return None
                record = self.stream.known(trial) or (self._recorded.get(trial) if self._recorded else None)
                if record is None:
                    self.in_flight += 1
                    return trial
                self._fold(record)

    def _must_wait(self) -> bool:
        """Whether the next trial has to wait for those under way."""
        if self.in_flight and not self._look_ahead:
            return True
        return self.stream.outstanding >= self._window

    def complete(self, trial: Trial, seen: Observation) -> None:
        """Write a trial down, fold it, and wake the reader once the test is decided."""
        record = self._judge.record(trial, seen)
        if record.latency_ms is not None and not record.replayed:  # what took no time has no place in it either
            record = record._replace(ended_at=round(time.time(), 3))
        reply = seen.reply
        if self._keeping is not None:
            record, reply = self._keeping.of(record, reply)
        self._journal.append(record, None if reply is None else reply.text, _extra(reply))
        with self.lock:
            self.in_flight -= 1
            if not record.replayed:
                self._billed.add(record.usage if seen.judging is None else seen.judging.billed)
                self._look_ahead = not self._only_replay
            if reply is not None and record.reasons and len(self.said) < _SAID:
                self.said[record.reply or ""] = reply.text[:_SAID_LENGTH]
            self._fold(record)
            self._wake()

    def reopen(self, sampled: int) -> None:
        """Have more trials drawn than were asked for at first; it is submitted anew for that."""
        with self.lock:
            cast(Extensible, self.stream).extend(sampled)
            self.finished.clear()

    def cut(self, reason: str) -> None:
        """End from outside; undecided gates stay undecided."""
        with self.lock:
            self.stream.cut(reason)
            self._wake()

    @property
    def billed(self) -> Usage:
        """What the trials of this process took live, those included that do not count."""
        return self._billed.total

    @property
    def overrun_trials(self) -> int:
        """Trials that completed and do not count, because the gates were decided without them."""
        return self._completed - self.stream.folded if self.stream.done else 0

    def _fold(self, record: TrialRecord) -> None:
        if record.error is None or not record.error.startswith("budget: "):
            self._completed += 1  # where money had ended, nothing was sent
        if self.stream.done:
            for name in self._strict:
                if record.verdicts.get(name) is False:
                    self.late_violations[name] = self.late_violations.get(name, 0) + 1
        self.stream.put(record)

    def _wake(self) -> None:
        if self.stream.over:
            self.finished.set()


def _extra(reply: Reply | None) -> Mapping[str, Any] | None:
    """What a transcript keeps beside the text, where there is any."""
    if reply is None or not (reply.tool_calls or reply.redactions or reply.context or reply.data is not None):
        return None
    found = {
        "data": reply.data,
        "context": reply.context,
        "tool_calls": list(reply.tool_calls),
        "redactions": [list(redaction) for redaction in reply.redactions],
    }
    return {name: value for name, value in found.items() if value not in (None, [])}
