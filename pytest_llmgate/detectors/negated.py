"""The `not-` form of every assertion: what was good is bad, and what could not be scored stays a hole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.ports import GroupMeasure, Measure


@dataclass(frozen=True, slots=True)
class Negated:
    """A measure turned round; the score stays what it was."""

    inner: Measure

    @property
    def needs_price(self) -> bool:
        return bool(getattr(self.inner, "needs_price", False))

    @property
    def asking(self) -> Measure:
        """The measure that may ask a model."""
        return self.inner

    def undefined(self, case: Case) -> list[str]:
        """Why this case cannot be measured, as the inner measure says."""
        ask = getattr(self.inner, "undefined", None)
        return ask(case) if ask else []

    def measure(self, case: Case, seen: Observation) -> Measurement:
        return _turned(self.inner.measure(case, seen))


@dataclass(frozen=True, slots=True)
class NegatedGroup(Negated):
    """The same for a measure that judges several trials together."""

    @property
    def repeats(self) -> int:
        return cast(GroupMeasure, self.inner).repeats

    def measure_together(self, case: Case, seen: Sequence[Observation]) -> Measurement:
        return _turned(cast(GroupMeasure, self.inner).measure_together(case, seen))


def _turned(found: Measurement) -> Measurement:
    if found.good is None:
        return found
    return found._replace(good=not found.good, reason=f"unwanted: {found.reason}" if found.good else found.reason)


def negate(measure: Measure) -> Measure:
    """The `not-` form of a measure."""
    return NegatedGroup(measure) if hasattr(measure, "measure_together") else Negated(measure)
