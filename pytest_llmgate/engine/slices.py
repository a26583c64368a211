"""Figures per cohort: how often each gate found a good reply, by key and value of the cases' `slice`."""

from __future__ import annotations

from typing import Any

from pytest_llmgate.core.decision import Tally
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.record import TrialRecord

Cohort = tuple[str, str]


class Slices:
    """Counts the trials of every cohort."""

    __slots__ = ("_cohorts", "_tallies")

    def __init__(self, plan: TestPlan) -> None:
        self._cohorts: list[list[Cohort]] = [
            [(str(key), str(value)) for key, value in case.slice.items()] for case in plan.cases
        ]
        self._tallies: dict[Cohort, dict[str, Tally]] = {}

    def add(self, record: TrialRecord) -> None:
        """Count one trial."""
        for cohort in self._cohorts[record.trial.case]:
            gates = self._tallies.setdefault(cohort, {})
            for name, good in record.verdicts.items():
                gates[name] = gates.get(name, Tally()).add(good)

    def rows(self) -> dict[str, Any]:
        """`{key: {value: {gate: {n, successes, holes}}}}`, sorted."""
        found: dict[str, Any] = {}
        for (key, value), gates in sorted(self._tallies.items()):
            found.setdefault(key, {})[value] = {
                name: {"n": tally.n, "successes": tally.successes, "holes": tally.holes}
                for name, tally in sorted(gates.items())
            }
        return found
