"""What one trial gave: a reply, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
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


class Judgement(NamedTuple):
    """What a judge answered once, or why it gave no answer."""

    reply: Reply | None
    error: TrialError | None = None


class Judging(NamedTuple):
    """What the judges of one trial said and took.

    answers: by the key of the measure that asks, one a repeat. models: the name that each alias answered under, as
    its provider says. usage: of all their calls. billed: what of the whole trial was live, the subject's included.
    """

    answers: Mapping[str, tuple[Judgement, ...]]
    models: Mapping[str, str]
    usage: Usage
    billed: Usage


class Observation(NamedTuple):
    """Outcome of one trial, already redacted.

    reply: None where there is an error or a test body returned nothing. passed: the body's own verdict, for
    test bodies. latency_ms: of the attempt that answered; queued_ms: waiting and back-off, kept apart.
    usage, latency_ms, queued_ms: the subject's own. judging: None where no judge was asked.
    """

    reply: Reply | None
    error: TrialError | None = None
    usage: Usage = NO_USAGE
    latency_ms: float | None = None
    queued_ms: float | None = None
    replayed: bool = False
    passed: bool | None = None
    detail: Any = None
    judging: Judging | None = None


def unpaid(why: str) -> Observation | None:
    """What a trial gives that the budget does not cover; None where there is no reason against it."""
    return Observation(None, TrialError("budget", why)) if why else None


class Span(NamedTuple):
    """A passage of a reply that a measure objects to, for marking.

    start, end: its place, in characters. text: how it begins, so that no other text is ever marked in its stead.
    says: why, in two or three words. evidence: the passage of the sources that comes nearest, empty for none.
    """

    start: int
    end: int
    text: str
    says: str
    evidence: str = ""


class Measurement(NamedTuple):
    """What a measure says of one observation: `good` None is a hole; `score` is optional; `reason` for humans.

    fields: of structured replies, whether each field agrees with what was asked for, by its path; None: not asked.
    spans: where in the one reply that was judged the fault is.
    """

    good: bool | None
    score: float | None = None
    reason: str = ""
    fields: Mapping[str, bool | None] | None = None
    spans: tuple[Span, ...] = ()
