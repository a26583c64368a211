"""The `not-` form of every assertion: what was good is bad, and what could not be scored stays a hole."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.ports import Measure


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
        found = self.inner.measure(case, seen)
        if found.good is None:
            return found
        reason = f"unwanted: {found.reason}" if found.good else found.reason
        return found._replace(good=not found.good, reason=reason)


def negate(measure: Measure) -> Measure:
    """The `not-` form of a measure."""
    return Negated(measure)
