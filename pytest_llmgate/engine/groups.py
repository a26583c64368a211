"""Trials of one case that are judged together: collected as they complete, counted in the order of folding.

Trials complete in any order, and each is written down at once. The one that completes its group carries the group's
verdict in its row. The fold moves it to the trial that completes the group in index order, so that what is decided
depends on no order of completion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import NamedTuple

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.ports import GroupMeasure
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.reply import same_texts
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.engine.measured import broken, clean
from pytest_llmgate.engine.slices import members_of

Seen = Callable[[], Observation]
_LOST = "the verdict of this group was lost when the run was interrupted"


class Judged(NamedTuple):
    """What was found of one group. same: how many replies it has, where they are one and the same; else 0."""

    found: Measurement
    same: int = 0


class GroupJudge:
    """Judges the groups of one gate. Holds the observations of groups that are not complete; thread-safe."""

    def __init__(self, name: str, measure: GroupMeasure) -> None:
        self.name = name
        self.repeats = measure.repeats
        self._measure = measure
        self._open: dict[tuple[int, int], dict[int, Seen]] = {}
        self._lock = Lock()

    def recall(self, trial: Trial, seen: Seen) -> None:
        """Take in a trial that an earlier start recorded; `seen` is asked for it only where it is needed."""
        self._complete(trial, seen)

    def add(self, trial: Trial, case: Case, seen: Observation) -> Judged | None:
        """Take in a trial: what is found of its group where it completes one, else None."""
        members = self._complete(trial, lambda: seen)
        if members is None:
            return None
        together = [members[place]() for place in sorted(members)]
        try:
            found = clean(self._measure.measure_together(case, together))
        except Exception as fault:
            found = broken(fault)
        return Judged(found, self.repeats if _identical(together, found) else 0)

    def _complete(self, trial: Trial, seen: Seen) -> dict[int, Seen] | None:
        group, place = divmod(trial.repeat, self.repeats)
        with self._lock:
            members = self._open.setdefault((trial.case, group), {})
            members[place] = seen
            return self._open.pop((trial.case, group)) if len(members) == self.repeats else None


def _identical(seen: Sequence[Observation], found: Measurement) -> bool:
    """Whether the replies of a group are one and the same, which is no agreement of several."""
    replies = [one.reply for one in seen if one.reply is not None]
    return found.good is not False and len(replies) == len(seen) and same_texts(reply.text for reply in replies)


class _Carried(NamedTuple):
    verdict: bool | None
    reason: str
    fields: Mapping[str, bool | None]
    same: int


class GroupFold:
    """Moves the verdicts of groups to the trials that complete them in index order. Fed in that order."""

    def __init__(self, plan: TestPlan) -> None:
        self._repeats = {gate.name: gate.repeats for gate in plan.gates if gate.repeats > 1}
        self._members = {gate.name: members_of(gate, plan) for gate in plan.gates if gate.cohort is not None}
        self._carried: dict[tuple[str, int], _Carried] = {}

    def settled(self, record: TrialRecord) -> TrialRecord:
        """The record with the verdicts of the groups that it completes, and no others of groups."""
        verdicts, reasons = dict(record.verdicts), dict(record.reasons)
        fields, same = dict(record.fields), dict(record.identical)
        for name, repeats in self._repeats.items():
            if (members := self._members.get(name)) is not None and record.trial.case not in members:
                continue
            key = (name, record.trial.case)
            if name in verdicts or name in same:
                good, reason = verdicts.pop(name, None), reasons.pop(name, "")
                self._carried[key] = _Carried(good, reason, dict(fields.pop(name, {})), same.pop(name, 0))
            if record.trial.repeat % repeats < repeats - 1:
                continue
            found = self._carried.pop(key, None) or _Carried(None, _LOST, {}, 0)
            if found.same:
                same[name] = found.same
                continue
            verdicts[name] = found.verdict
            reasons |= {name: found.reason} if found.reason else {}
            fields |= {name: found.fields} if found.fields else {}
        return record._replace(verdicts=verdicts, reasons=reasons, fields=fields, identical=same)

    def certain(self, record: TrialRecord) -> TrialRecord:
        """A record whose case always gives the same reply: its groups are identical, whatever it carried."""
        verdicts = {name: good for name, good in record.verdicts.items() if name not in self._repeats}
        return record._replace(verdicts=verdicts, identical=dict(self._repeats))
