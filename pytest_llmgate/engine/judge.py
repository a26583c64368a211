"""From an observation to a trial's record: every measure is asked, nothing is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.codec import text_digest
from pytest_llmgate.core.observation import Measurement, Observation, Span
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.ports import GroupMeasure, Measure
from pytest_llmgate.core.record import TrialRecord, judges_row
from pytest_llmgate.core.reply import count_kinds
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.engine.groups import GroupJudge, Judged
from pytest_llmgate.engine.measured import broken, clean
from pytest_llmgate.engine.slices import by_case

_REASON_LENGTH = 300
_LONGEST_NAME = 200
_NO_REASONS: Mapping[str, str] = {}
_NO_SCORES: Mapping[str, float] = {}
_NO_JUDGES: Mapping[str, Any] = {}
_NO_FIELDS: Mapping[str, Mapping[str, bool | None]] = {}
_NO_KINDS: Mapping[str, int] = {}
_NO_SPANS: Mapping[str, tuple[Span, ...]] = {}


class Judge:
    """Measures the trials of one test. measures: one a gate, in plan order. redact: applied to their reasons."""

    __slots__ = ("_cases", "_groups", "_measures", "_redact", "_test")

    def __init__(self, plan: TestPlan, measures: Sequence[Measure], redact: Callable[[str], str] = str) -> None:
        self._redact = redact
        self._test = plan.id
        self._cases = plan.cases
        named = list(zip(plan.gates, measures, strict=True))
        self._measures = by_case(plan, [(gate, (gate.name, measure)) for gate, measure in named if gate.repeats == 1])
        groups = [(gate, cast(GroupMeasure, measure)) for gate, measure in named if gate.repeats > 1]
        self._groups = by_case(plan, [(gate, GroupJudge(gate.name, measure)) for gate, measure in groups])

    def record(self, trial: Trial, seen: Observation) -> TrialRecord:
        """The record of one trial; what a measure says of it may quote cases and sources, so it is redacted."""
        made = self._measured(trial, seen)
        if not made.reasons:
            return made
        reasons = {name: self._redact(reason) for name, reason in made.reasons.items()}
        spans = {name: tuple(map(self._redacted, found)) for name, found in made.spans.items()}
        return made._replace(reasons=reasons, spans=spans)

    def _redacted(self, span: Span) -> Span:
        said = (self._redact(text) for text in (span.text, span.says, span.evidence))
        return Span(span.start, span.end, *said)

    def _measured(self, trial: Trial, seen: Observation) -> TrialRecord:
        case = self._cases[trial.case]
        verdicts: dict[str, bool | None] = {}
        scores: dict[str, float] | None = None
        reasons: dict[str, str] | None = None
        fields: dict[str, Mapping[str, bool | None]] | None = None
        spans: dict[str, tuple[Span, ...]] | None = None
        for name, measure in self._measures[trial.case]:
            good, score, reason, parts, places = _ask(measure, case, seen)
            verdicts[name] = good
            if score is not None:
                scores = scores or {}
                scores[name] = score
            if not good and reason:
                reasons = reasons or {}
                reasons[name] = reason[:_REASON_LENGTH]
                if places:
                    spans = spans or {}
                    spans[name] = places
            if parts:
                fields = fields or {}
                fields[name] = parts
        reply, error, usage, latency_ms, queued_ms, replayed, _, _, judging = seen
        if judging is not None:
            usage = usage.plus(judging.usage)
        made = TrialRecord(
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
            spans=spans or _NO_SPANS,
            model=None if reply is None or reply.model is None else reply.model[:_LONGEST_NAME],
            redactions=_NO_KINDS if reply is None or not reply.redactions else count_kinds(reply.redactions),
        )
        return self._with_groups(made, case, seen) if self._groups[trial.case] else made

    def recall(self, record: TrialRecord, seen: Callable[[], Observation]) -> None:
        """Take in a trial that an earlier start recorded, for the groups that later trials complete.

        seen: asked only where it is needed.
        """
        for group in self._groups[record.trial.case]:
            group.recall(record.trial, seen)

    def _with_groups(self, made: TrialRecord, case: Case, seen: Observation) -> TrialRecord:
        for group in self._groups[made.trial.case]:
            found = group.add(made.trial, case, seen)
            if found is not None:
                made = _noted(made, group.name, found)
        return made


def _ask(measure: Measure, case: Case, seen: Observation) -> Measurement:
    """One measure's answer; a measure that raises, or says neither yes nor no, leaves a hole and never passes."""
    try:
        return clean(measure.measure(case, seen))
    except Exception as fault:
        return broken(fault)


def _noted(made: TrialRecord, name: str, group: Judged) -> TrialRecord:
    """A record that carries the verdict of the group that its trial completed."""
    if group.same:
        return made._replace(identical={**made.identical, name: group.same})
    good, score, reason, fields, _ = group.found  # its spans are of another trial's reply
    return made._replace(
        verdicts={**made.verdicts, name: good},
        scores=made.scores if score is None else {**made.scores, name: score},
        reasons=made.reasons if good or not reason else {**made.reasons, name: reason[:_REASON_LENGTH]},
        fields={**made.fields, name: fields} if fields else made.fields,
    )


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
