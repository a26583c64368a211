"""The state of one gate while its test runs."""

from __future__ import annotations

from pytest_llmgate.core.decision import Decision, Outcome, Rule, Tally
from pytest_llmgate.core.plan import GatePlan


class GateFold:
    """Folds one gate's measurements; freezes at the rule's decision, and goes on counting."""

    __slots__ = ("_decide", "decision", "identical", "name", "plan", "repeats", "rule", "seen", "tally")

    def __init__(self, plan: GatePlan, rule: Rule) -> None:
        self.plan = plan
        self.name = plan.name
        self.rule = rule
        self._decide = rule.decide
        self.tally = Tally()  # at the decision, or so far
        self.seen = Tally()  # all counted trials
        self.decision: Decision | None = None
        self.repeats = plan.repeats
        self.identical = 0  # groups of identical replies up to the decision: neither good, nor bad, nor holes

    def add(self, good: bool | None) -> None:
        """Fold one more trial."""
        self.seen = seen = self.seen.add(good)
        if self.decision is None:
            self.tally = seen
            self.decision = self._decide(seen)

    def skip(self) -> None:
        """Leave out a group of identical replies."""
        if self.decision is None:
            self.identical += 1

    def settle(self, rule: Rule, tally: Tally, decision: Decision | None) -> None:
        """Replace rule and tally, where another rule turned out to apply (a census)."""
        self.rule, self._decide, self.tally, self.decision = rule, rule.decide, tally, decision

    def stop(self, outcome: Outcome, reason: str) -> None:
        """End from outside."""
        self.decision = Decision(outcome, reason)
