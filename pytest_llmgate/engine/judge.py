"""From an observation to a trial's record: every measure is asked, nothing is decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.codec import text_digest
from pytest_llmgate.core.functions import message_of
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.core.record import TrialRecord, judges_row
from pytest_llmgate.core.reply import Redaction
from pytest_llmgate.core.trial import Trial

_REASON_LENGTH = 300
_NO_REASONS: Mapping[str, str] = {}
_NO_SCORES: Mapping[str, float] = {}
_NO_JUDGES: Mapping[str, Any] = {}
_NO_FIELDS: Mapping[str, Mapping[str, bool | None]] = {}
_NO_KINDS: Mapping[str, int] = {}
_MOST_FIELDS = 100
_LONGEST_FIELD = 200


class Judge:
    """Measures the trials of one test. measures: one a gate, in plan order."""

    __slots__ = ("_cases", "_measures", "_test")

    def __init__(self, plan: TestPlan, measures: Sequence[Measure]) -> None:
        self._test = plan.id
        self._cases = plan.cases
        self._measures = tuple((gate.name, measure) for gate, measure in zip(plan.gates, measures, strict=True))

    def record(self, trial: Trial, seen: Observation) -> TrialRecord:
        """The record of one trial."""
        case = self._cases[trial.case]
        verdicts: dict[str, bool | None] = {}
        scores: dict[str, float] | None = None
        reasons: dict[str, str] | None = None
        fields: dict[str, Mapping[str, bool | None]] | None = None
        for name, measure in self._measures:
            good, score, reason, parts = _ask(measure, case, seen)
            verdicts[name] = good
            if score is not None:
                scores = scores or {}
                scores[name] = score
            if not good and reason:
                reasons = reasons or {}
                reasons[name] = reason[:_REASON_LENGTH]
            if parts:
                fields = fields or {}
                fields[name] = parts
        reply, error, usage, latency_ms, queued_ms, replayed, _, _, judging = seen
        if judging is not None:
            usage = usage.plus(judging.usage)
        return TrialRecord(
            self._test,
            case.id,
            trial,
            verdicts,
            scores or _NO_SCORES,
            usage,
            latency_ms,
            queued_ms,
            replayed,
            error=None if error is None else f"{error.kind}: {error.message}",
            fatal=error is not None and error.fatal,
            reply=None if reply is None else text_digest(reply.text),
            reasons=reasons or _NO_REASONS,
            judges=_NO_JUDGES if judging is None else judges_row(judging),
            fields=fields or _NO_FIELDS,
            redactions=_NO_KINDS if reply is None or not reply.redactions else _kinds(reply.redactions),
        )


def _ask(measure: Measure, case: Case, seen: Observation) -> Measurement:
    """One measure's answer; a measure that raises, or says neither yes nor no, leaves a hole and never passes."""
    try:
        found = measure.measure(case, seen)
        if type(found) is not Measurement:
            found = Measurement(*found)
        good, score, reason, fields = found
        known = (good is None or good is True or good is False) and type(reason) is str
        if known and score is None and fields is None:
            return found  # nearly always, and this is on the path of every trial
        if not known and good is not None:
            good = _as_bool(good)
        return Measurement(good, None if score is None else float(score), str(reason), _parts(fields))
    except Exception as fault:
        return Measurement(None, None, f"the measure raised {type(fault).__name__}: {message_of(fault)}")


def _parts(fields: Mapping[str, bool | None] | None) -> dict[str, bool | None] | None:
    """Fields as they are written down: a bounded number of them, each with yes, no or unknown."""
    if fields is None:
        return None
    return {
        str(path)[:_LONGEST_FIELD]: agrees if agrees is None else _as_bool(agrees)
        for path, agrees in islice(fields.items(), _MOST_FIELDS)
    }


def _kinds(redactions: Iterable[Redaction]) -> dict[str, int]:
    return dict(sorted(Counter(found.kind for found in redactions).items()))


def _as_bool(good: object) -> bool:
    """A numpy bool as ours; a text such as "no" must not count as good."""
    if type(good) is bool:
        return good
    if type(good).__name__ in ("bool", "bool_") and hasattr(good, "dtype"):
        return bool(good)
    raise TypeError(f"good is {good!r}, not True, False or None")


class BodyPassed:
    """Whether the body of a marked test passed: what the `stochastic` marker asks."""

    def measure(self, case: Case, seen: Observation) -> Measurement:
        """Good where the body ended without AssertionError; a trial error is a hole."""
        if seen.error is not None:
            return Measurement(None, None, seen.error.message)
        return Measurement(seen.passed, None, "" if seen.passed else str(seen.detail or "the body failed"))


class AndBodyPassed:
    """Another measure of a marked test whose body may fail before, or instead of, giving a reply.

    strict: no `stochastic` marker asks about the body itself, so a failed body fails this gate's trial too.
    """

    def __init__(self, inner: Measure, *, strict: bool) -> None:
        self._inner = inner
        self._strict = strict

    def measure(self, case: Case, seen: Observation) -> Measurement:
        """The inner measure, unless the body failed and left nothing (or nothing else) to judge."""
        if seen.passed is False and (self._strict or seen.reply is None):
            return Measurement(False, None, str(seen.detail or "the body failed"))
        return self._inner.measure(case, seen)
