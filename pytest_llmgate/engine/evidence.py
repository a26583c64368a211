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
MODELS = 20  # names of models that are counted


class Evidence:
    """Accumulates over the counted trials; memory grows by a few bytes a trial at most."""

    __slots__ = (
        "_cases", "_latencies", "_measured", "_members", "_replies", "_shown", "_slices", "_usage",
        "errors", "failing", "fields", "judges", "models", "problems", "redactions", "replayed",
    )  # fmt: skip

    def __init__(self, plan: TestPlan) -> None:
        self._cases = bytearray(len(plan.cases))
        self._replies: set[int] = set()
        self._usage = UsageSum()
        self._shown = dict.fromkeys((gate.name for gate in plan.gates), 0)
        self.errors = 0
        self.problems: list[str] = []
        self.failing: list[Mapping[str, Any]] = []
        self._members = {gate.name: members_of(gate, plan) for gate in plan.gates if gate.cohort is not None}
        self._latencies = array("d")
        self._measured = array("L")  # places of the cases that the latencies are of
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
            self._note(record, record.error)
        elif None in verdicts:
            unscored = (name for name, good in record.verdicts.items() if good is None)
            self._note(record, "; ".join(f"{name}: {record.reasons.get(name, 'no score')}" for name in unscored))
        if False in verdicts:
            self._show(record)

    def _note(self, record: TrialRecord, why: str) -> None:
        if len(self.problems) < SHOWN_PER_GATE:
            self.problems.append(f"case {record.case}, repeat {record.trial.repeat}: {why}")

    def _show(self, record: TrialRecord) -> None:
        for name, good in record.verdicts.items():
            if good is False and self._shown.get(name, SHOWN_PER_GATE) < SHOWN_PER_GATE:
                self._shown[name] += 1
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
