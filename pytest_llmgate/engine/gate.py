"""The state of one gate while its test runs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from pytest_llmgate.core.decision import Decision, Outcome, Rule, Tally
from pytest_llmgate.core.plan import GatePlan
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.stats.strict_rules import Census

UNAPPROVED = "new"
"""Stop reason of a gate whose baseline nobody has approved yet."""
STALE = "stale"
"""Stop reason of a gate whose baseline can no longer be compared with."""

FIRST_ERROR = "first-error"
"""Stop reason of a gate that was left undecided when another one could not be judged."""


class Fold(Protocol):
    """Folds the trials of a test for one gate; freezes at its decision, and goes on counting."""

    plan: GatePlan
    name: str
    repeats: int
    identical: int
    tally: Tally
    seen: Tally
    decision: Decision | None

    def take(self, record: TrialRecord) -> None:
        """Fold one more trial, in index order."""

    def need(self) -> int:
        """Further trials, or groups of repeats, that decide if all are good; at least 1 while undecided."""

    def census(self, cases: int) -> None:
        """Identical requests give identical replies: `cases` trials are all there is."""

    def stop(self, outcome: Outcome, reason: str) -> None:
        """End from outside."""


class GateFold:
    """Folds the measurements of a gate on a rate.

    members: places of the cases that count for it; None: all.
    """

    __slots__ = ("_decide", "_members", "decision", "identical", "name", "plan", "repeats", "rule", "seen", "tally")

    def __init__(self, plan: GatePlan, rule: Rule, members: Collection[int] | None = None) -> None:
        self.plan = plan
        self.name = plan.name
        self.rule = rule
        self._decide = rule.decide
        self._members = members
        self.tally = Tally()  # at the decision, or so far
        self.seen = Tally()  # all counted trials
        self.decision: Decision | None = None
        self.repeats = plan.repeats
        self.identical = 0  # groups of identical replies up to the decision: neither good, nor bad, nor holes

    def take(self, record: TrialRecord) -> None:
        """Fold one more trial, in index order."""
        if self._members is not None and record.trial.case not in self._members:
            return
        verdicts = record.verdicts
        if self.repeats == 1 or self.name in verdicts:
            self.add(verdicts.get(self.name))
        elif self.decision is None and self.name in record.identical:
            self.identical += 1

    def add(self, good: bool | None) -> None:
        """Fold one more measurement."""
        self.seen = seen = self.seen.add(good)
        if self.decision is None:
            self.tally = seen
            self.decision = self._decide(seen)

    def need(self) -> int:
        """Further trials, all good, that decide."""
        return self.rule.need(self.tally)

    def census(self, cases: int) -> None:
        """Decide by all there is, as soon as all of it was seen."""
        self.rule = Census(threshold=self.plan.good, cases=_own(cases, self._members))
        self._decide = self.rule.decide
        self.decision = self.rule.decide(self.tally)

    def stop(self, outcome: Outcome, reason: str) -> None:
        """End from outside."""
        self.decision = Decision(outcome, reason)


def _own(cases: int, members: Collection[int] | None) -> int:
    return cases if members is None else len(members)
