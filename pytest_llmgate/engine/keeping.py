"""What of a trial is written down: nothing that was said where its case opted out, few texts where few are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.reply import Reply

_WITHHELD = "withheld: the case opted out"
_OUR_WORDS = frozenset({"missing-recording", "budget", "timeout", "interrupted"})
"""Errors whose messages are ours and quote nobody."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """one_in: of the trials in which nothing is wrong, one in so many keeps its text, by index."""

    cases: Sequence[Case]
    one_in: int = 1

    def of(self, record: TrialRecord, reply: Reply | None) -> tuple[TrialRecord, Reply | None]:
        """The record as it may be written, and the reply whose text may be written beside it."""
        if self.cases[record.trial.case].private:
            return _bare(record), None
        if self.one_in > 1 and record.trial.index % self.one_in and _nothing_wrong(record):
            return record, None
        return record, reply


def keeping(plan: TestPlan, one_in: int) -> Keeping | None:
    """What is kept of a test; None: everything.

    Trials that are judged together need each other's texts when a run goes on, so such a test keeps all of them.
    """
    one_in = one_in if all(gate.repeats == 1 for gate in plan.gates) else 1
    if one_in == 1 and not any(case.private for case in plan.cases):
        return None
    return Keeping(plan.cases, one_in)


def _bare(record: TrialRecord) -> TrialRecord:
    """A record without any words or keys of the reply; verdicts and figures stay."""
    error = record.error
    if error is not None and error.partition(":")[0] not in _OUR_WORDS:
        error = f"{error.partition(':')[0]}: {_WITHHELD}"
    return record._replace(reasons=dict.fromkeys(record.reasons, _WITHHELD), error=error, fields={})


def _nothing_wrong(record: TrialRecord) -> bool:
    return record.error is None and all(good is True for good in record.verdicts.values())
