"""Which model answered a trial, as far as plan and records tell: for metrics and traces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pytest_llmgate.core.record import usage_from_row
from pytest_llmgate.core.reply import NO_USAGE, Usage

UNKNOWN = "unknown"


class Model(NamedTuple):
    """A provider and a model of it."""

    provider: str
    model: str


class Asked:
    """The models of a run's tests. plans: the rows of `plan.json`."""

    def __init__(self, plans: Iterable[Mapping[str, Any]]) -> None:
        self._plans = {str(plan.get("id")): plan for plan in plans}

    def subject(self, test: str) -> Model:
        """The model under test; a function's own name where code stands before the models that it asks."""
        plan = self._plans.get(test, {})
        if plan.get("model"):
            return _model(plan["model"])
        if plan.get("kind") == "function":
            return Model("function", str(plan.get("function") or UNKNOWN))
        models = list((plan.get("models") or {}).values())
        if len(models) == 1 and isinstance(models[0], Mapping):
            return _model(models[0])
        return Model(str(plan.get("kind") or UNKNOWN), UNKNOWN)

    def judges(self, row: Mapping[str, Any]) -> Model:
        """The model that judged a trial; several are named together, since their usage is recorded together."""
        aliases = sorted((row.get("judges") or {}).get("models") or {})
        known = self._plans.get(str(row.get("test")), {}).get("judges") or {}
        found = [_model(known[alias]) if alias in known else Model(UNKNOWN, alias) for alias in aliases]
        if not found:
            return Model(UNKNOWN, UNKNOWN)
        return Model(",".join(sorted({one.provider for one in found})), ",".join(one.model for one in found))

    def usages(self, row: Mapping[str, Any]) -> Iterator[tuple[Model, Usage]]:
        """Who took what in a trial: its subject, and its judges where it has any."""
        whole = usage_from_row(row["usage"])
        judged = (row.get("judges") or {}).get("usage")
        part = usage_from_row(judged) if judged else NO_USAGE
        yield self.subject(str(row.get("test"))), without(whole, part)
        if judged:
            yield self.judges(row), part


def without(whole: Usage, part: Usage) -> Usage:
    """What is left of a usage without a part of it."""
    return Usage(whole.calls - part.calls, *(_less(*pair) for pair in zip(whole[1:], part[1:], strict=True)))


def _less(whole: Any, part: Any) -> Any:
    """None where nothing but the part was measured."""
    if whole is None or part is None:
        return whole
    return whole - part if whole != part else None


def _model(row: Mapping[str, Any]) -> Model:
    return Model(str(row.get("provider") or UNKNOWN), str(row.get("model") or UNKNOWN))
