"""What one trial gave: a reply, or the reason why there is none."""

from __future__ import annotations

from typing import Any, NamedTuple

from pytest_llmgate.core.reply import NO_USAGE, Reply, Usage


class TrialError(NamedTuple):
    """Why a trial could not be scored; data, not a failed check.

    kind: `raised`, `timeout`, `transport`, `refused`, `junk`, `missing-recording`, `budget`, `skipped`,
    `interrupted`.
    fatal: no later trial can mend it, so the test ends as an error.
    """

    kind: str
    message: str
    fatal: bool = False


class Observation(NamedTuple):
    """Outcome of one trial, already redacted.

    reply: None where there is an error or a test body returned nothing. passed: the body's own verdict, for
    test bodies. latency_ms: of the attempt that answered; queued_ms: waiting and back-off, kept apart.
    """

    reply: Reply | None
    error: TrialError | None = None
    usage: Usage = NO_USAGE
    latency_ms: float | None = None
    queued_ms: float | None = None
    replayed: bool = False
    passed: bool | None = None
    detail: Any = None


class Measurement(NamedTuple):
    """What a measure says of one observation: `good` None is a hole; `score` is optional; `reason` for humans."""

    good: bool | None
    score: float | None = None
    reason: str = ""
