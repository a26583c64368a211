"""Figures of a test beside its gates: usage, cases, distinct replies, and a few failing trials to show."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.record import TrialRecord, spans_row
from pytest_llmgate.core.reply import Usage, UsageSum
from pytest_llmgate.engine.fields import FieldCounts
from pytest_llmgate.engine.judges import Judges
from pytest_llmgate.engine.slices import Slices, members_of

SHOWN_PER_GATE = 10
REASONS = 10  # why trials have no score
MODELS = 20  # names of models that are counted


class Unscored:
    """Why trials have no score: each reason once, with the trial that met it first and how many met it later."""

    __slots__ = ("_later", "_others", "first")

    def __init__(self) -> None:
        self.first: list[str] = []
        self._later: dict[str, tuple[str, Counter[str]]] = {}
        self._others = 0

    def add(self, record: TrialRecord, why: str) -> None:
        """One trial without a score."""
        if why in self._later:
            self._later[why][1][record.case] += 1
        elif len(self._later) < REASONS:
            place = f"case {record.case}, repeat {record.trial.repeat}"
            self._later[why] = place, Counter({record.case: 0})
            self.first.append(f"{place}: {why}")
        else:
            self._others += 1

    def told(self) -> tuple[str, ...]:
        """The reasons with how often each was met, and how many trials met others."""
        rows = (f"{place}{_again(later)}: {why}" for why, (place, later) in self._later.items())
        others = f"{self._others:,} further trials could not be scored, for other reasons"
        return (*rows, *([others] if self._others else []))


def _again(later: Counter[str]) -> str:
    """How many trials of how many cases met a reason after the first that did."""
    trials, cases = later.total(), len(later)
    if not trials:
        return ""
    return f" (and {trials:,} more{f', of {cases:,} cases in all' if cases > 1 else ' of this case'})"


class Evidence:
    """Accumulates over the counted trials; memory grows by a few bytes a trial at most."""

    __slots__ = (
        "_cases", "_kinds", "_latencies", "_measured", "_members", "_replies", "_shown", "_slices", "_usage",
        "errors", "failing", "fields", "judges", "models", "redactions", "replayed", "unscored",
    )  # fmt: skip

    def __init__(self, plan: TestPlan) -> None:
        self._cases = bytearray(len(plan.cases))
        self._replies: set[int] = set()
        self._usage = UsageSum()
        self._shown = dict.fromkeys((gate.name for gate in plan.gates), 0)
        self._kinds: dict[str, set[tuple[str | None, str]]] = {gate.name: set() for gate in plan.gates}
        self.errors = 0
        self.unscored = Unscored()
        self.failing: list[Mapping[str, Any]] = []
        self._members = {gate.name: members_of(gate, plan) for gate in plan.gates if gate.cohort is not None}
        self._latencies = array("d")
        self._measured = array("L")  # places of the cases that the latencies are of, where some gate has a cohort
        self.replayed = 0
        self.fields: dict[str, FieldCounts] = {}
        self.redactions: Counter[str] = Counter()
        self.judges: Judges | None = None
        self.models: Counter[str] = Counter()
        self._slices = Slices(plan) if any(case.slice for case in plan.cases) else None

    def add(self, record: TrialRecord) -> None:
        """Count one trial."""
        self._cases[record.trial.case] = 1
        if record.reply is not None:
            self._replies.add(hash(record.reply))  # only counted, so it need not be the same tomorrow
        self._usage.add(record.usage)
        if record.latency_ms is not None:
            self._latencies.append(record.latency_ms)
            if self._members:
                self._measured.append(record.trial.case)
        if record.replayed:
            self.replayed += 1
        if record.model is not None and (record.model in self.models or len(self.models) < MODELS):
            self.models[record.model] += 1
        if record.redactions:
            self.redactions.update(record.redactions)
        if record.judges:
            self.judges = self.judges or Judges()
            self.judges.add(record.judges)
        if record.fields:
            for name, fields in record.fields.items():
                self.fields.setdefault(name, FieldCounts()).add(fields)
        self._note_faults(record)
        if self._slices is not None:
            self._slices.add(record)

    def _note_faults(self, record: TrialRecord) -> None:
        verdicts = record.verdicts.values()
        if record.error is not None:
            self.errors += 1
            self.unscored.add(record, record.error)
        elif None in verdicts:
            names = (name for name, good in record.verdicts.items() if good is None)
            self.unscored.add(record, "; ".join(f"{name}: {record.reasons.get(name, 'no score')}" for name in names))
        if False in verdicts:
            self._show(record)

    def _show(self, record: TrialRecord) -> None:
        for name, good in record.verdicts.items():
            if good is False and self._is_shown(name, record):
                self.failing.append(
                    {
                        "gate": name,
                        "case": record.case,
                        "repeat": record.trial.repeat,
                        "index": record.trial.index,
                        "reason": record.reasons.get(name, ""),
                        "reply": record.reply,
                        **({"spans": rows} if (rows := spans_row(record.spans).get(name)) else {}),
                    }
                )

    def latencies(self, gate: str) -> Sequence[float]:
        """Milliseconds of the trials that answered, of those cases that count for a gate."""
        members = self._members.get(gate)
        if members is None:
            return self._latencies
        return [ms for ms, place in zip(self._latencies, self._measured, strict=True) if place in members]

    def _is_shown(self, name: str, record: TrialRecord) -> bool:
        """Whether a failure is among the first of its gate, or unlike those while few of them differ."""
        if name not in self._shown:
            return False
        kinds, kind = self._kinds[name], (record.reply, record.reasons.get(name, ""))
        if self._shown[name] >= SHOWN_PER_GATE and (len(kinds) >= SHOWN_PER_GATE or kind in kinds):
            return False
        kinds.add(kind)
        self._shown[name] += 1
        return True

    @property
    def problems(self) -> Sequence[str]:
        """Why trials have no score: each reason once."""
        return self.unscored.first

    def slices(self) -> dict[str, Any]:
        """Counts of the gates by slice; empty where no case has one."""
        return {} if self._slices is None else self._slices.rows()

    @property
    def usage(self) -> Usage:
        return self._usage.total

    @property
    def cases(self) -> int:
        """Cases that ran at least once."""
        return sum(self._cases)

    @property
    def distinct_replies(self) -> int:
        return len(self._replies)
