"""What all assertions on a reply share: a check made from one `value`, once, or for each case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.values import Resolver, Unusable, resolver

Check = Callable[[Reply], Measurement]
MakeCheck = Callable[[Any], Check]
"""Makes a check from a value without references; raises Unusable for a value that makes no sense."""


def hole(seen: Observation) -> Measurement:
    """The measurement of an observation without a reply."""
    if seen.error is None:
        return Measurement(None, None, str(seen.detail or "there is no reply"))
    return Measurement(None, None, f"{seen.error.kind}: {seen.error.message}")


def shown(value: Any, limit: int = 80) -> str:
    """A value for messages: its repr, cut."""
    text = repr(value[:limit] if isinstance(value, str) else value)
    return text if len(text) <= limit + 2 else text[:limit] + "…"


def two_sided(good: str, bad: str) -> tuple[Measurement, Measurement]:
    """The measurements of a check that holds and of one that does not, made once."""
    return Measurement(True, None, good), Measurement(False, None, bad)


def no_rates(params: Mapping[str, Any]) -> tuple[None, None]:
    """Parameters that imply no rates."""
    return None, None


def bad_parameter(name: str, fault: str, where: Where | None, hint: str = "") -> LlmgateError:
    """The error for a parameter that makes no sense."""
    return problem("bad-parameter", f"{name}: {fault}", where, hint)


def required(params: Mapping[str, Any], name: str, where: Where | None) -> Any:
    """A parameter that must be there; raises LlmgateError where it is not."""
    if params.get(name) is None:
        raise problem("missing-parameter", f"{name!r} is missing", where, f"add {name}: …")
    return params[name]


@dataclass(frozen=True, slots=True)
class Fixed:
    """The measure of a value that is the same for every case."""

    check: Check

    def measure(self, case: Case, seen: Observation) -> Measurement:
        reply = seen.reply
        return hole(seen) if reply is None else self.check(reply)


@dataclass(frozen=True, slots=True)
class PerCase:
    """The measure of a value that is filled in from the case."""

    resolve: Resolver
    make: MakeCheck

    def undefined(self, case: Case) -> list[str]:
        """Why this case cannot be measured, as clauses; empty where it can."""
        try:
            self.make(self.resolve(case))
        except Unusable as fault:
            return [str(fault)]
        return []

    def measure(self, case: Case, seen: Observation) -> Measurement:
        if seen.reply is None:
            return hole(seen)
        try:
            check = self.make(self.resolve(case))
        except Unusable as fault:
            return Measurement(None, None, str(fault))
        return check(seen.reply)


@dataclass(frozen=True, slots=True)
class ValueAssertion:
    """An assertion type whose only parameter is `value`.

    make: makes the check. quote: applied to what a reference fills into a longer text.
    """

    make: MakeCheck
    quote: Callable[[str], str] = str
    keys: frozenset[str] = frozenset({"value"})

    def rates(self, params: Mapping[str, Any]) -> tuple[None, None]:
        """No rates of its own."""
        return no_rates(params)

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError for a value that is missing or makes no sense."""
        value = required(params, "value", where)
        resolve = resolver(value, where, self.quote)
        if resolve is not None:
            return PerCase(resolve, self.make)
        try:
            return Fixed(self.make(value))
        except Unusable as fault:
            raise bad_parameter("value", str(fault), where) from None
