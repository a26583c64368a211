"""The models that judged the replies of a test, and what they took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.record import usage_from_row, usage_row
from pytest_llmgate.core.reply import UsageSum


class Judges:
    """Counts over the trials that had a judge."""

    __slots__ = ("_models", "_usage")

    def __init__(self) -> None:
        self._models: dict[str, set[str]] = {}
        self._usage = UsageSum()

    def add(self, row: Mapping[str, Any]) -> None:
        """Count the judges of one trial, as its record has them."""
        for alias, model in row["models"].items():
            self._models.setdefault(alias, set()).add(model)
        self._usage.add(usage_from_row(row["usage"]))

    def row(self) -> dict[str, Any]:
        """`models`: names by alias, more than one where the model changed on the way. `usage`: of the judges alone."""
        models = {alias: sorted(names) for alias, names in sorted(self._models.items())}
        return {"models": models, "usage": usage_row(self._usage.total)}

    def warnings(self) -> tuple[str, ...]:
        """A judge that was another model in some of the trials did not judge all of them alike."""
        return tuple(
            f"the judge {alias!r} was several models: {', '.join(sorted(names))}"
            for alias, names in sorted(self._models.items())
            if len(names) > 1
        )
