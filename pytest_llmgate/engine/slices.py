"""Cohorts: the cases of a `slice`, which gates may ask about apart, and how often each gate held on them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, TypeVar

from pytest_llmgate.core.decision import Tally
from pytest_llmgate.core.plan import GatePlan, TestPlan
from pytest_llmgate.core.record import TrialRecord

Cohort = tuple[str, str]
T = TypeVar("T")


def members_of(gate: GatePlan, plan: TestPlan) -> Collection[int] | None:
    """Places of the cases that count for a gate; None: all."""
    if gate.cohort is None:
        return None
    key, _, value = gate.cohort.partition("=")
    return frozenset(place for place, case in enumerate(plan.cases) if str(case.slice.get(key)) == value)


def by_case(plan: TestPlan, asked: Sequence[tuple[GatePlan, T]]) -> Sequence[tuple[T, ...]]:
    """What is asked of the trials of each case: a gate on a cohort asks nothing of the others."""
    own = [(members_of(gate, plan), thing) for gate, thing in asked]
    if all(members is None for members, _ in own):
        return [tuple(thing for _, thing in own)] * max(1, len(plan.cases))
    return [
        tuple(thing for members, thing in own if members is None or place in members)
        for place in range(len(plan.cases))
    ]


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
