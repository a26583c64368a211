"""`cost-regression`: what replies take, against what the approved baseline took on the same cases.

The measure only reads the figure of each trial; the rule compares all of them with the baseline, case by case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.core.reply import Usage
from pytest_llmgate.detectors.checks import bad_parameter, hole, no_rates, shown
from pytest_llmgate.detectors.share import Comparison

NANO = 1_000_000_000


def _total(usage: Usage) -> int | None:
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    return usage.input_tokens + usage.output_tokens


def _nano_usd(usage: Usage) -> int | None:
    return None if usage.cost_usd is None else int((usage.cost_usd * NANO).to_integral_value())


FIGURES: Mapping[str, Callable[[Usage], int | None]] = {
    "total_tokens": _total,
    "input_tokens": lambda usage: usage.input_tokens,
    "output_tokens": lambda usage: usage.output_tokens,
    "cost": _nano_usd,
    "calls": lambda usage: usage.calls,
}
"""What can be compared, as a whole number of one trial; of cost in nano-USD: a trial may take less than a micro-USD."""
_MISSING = {"cost": "the cost is not known: the model has no price", "calls": "no call was counted"}
_LARGEST = 1 << 50  # of cost a million USD; exact as a float


@dataclass(frozen=True, slots=True)
class UsageMeasure:
    """Reads one figure; a reply without it is a hole, as nothing is never 0."""

    of: str

    @property
    def needs_price(self) -> bool:
        return self.of == "cost"

    def measure(self, case: Case, seen: Observation) -> Measurement:
        """The figure as the score; a trial is neither good nor bad by itself."""
        if seen.error is not None:
            return hole(seen)
        found = FIGURES[self.of](seen.usage)
        if found is None or not 0 <= found < _LARGEST:
            return Measurement(None, None, _MISSING.get(self.of, "the tokens were not counted"))
        return Measurement(True, float(found))


class CostRegressionAssertion:
    """The assertion type `cost-regression`."""

    keys = frozenset({"of", "max_increase", "runaway_factor", "runaway_points", "looks", "baseline", "part"})
    compares: ClassVar[Comparison] = Comparison("usage", 0.10)
    always_compared = True

    def rates(self, params: Mapping[str, Any]) -> tuple[None, None]:
        """No rates of its own."""
        return no_rates(params)

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError for a figure that nobody counts, and for numbers that make no sense."""
        of = params.get("of", "total_tokens")
        if of not in FIGURES:
            raise bad_parameter("of", f"{shown(of)} is not counted", where, f"write one of {', '.join(FIGURES)}")
        _whole(params, "runaway_factor", 2, 1000, where)
        _whole(params, "looks", 1, 5, where)
        _points(params, "runaway_points", where)
        if params.get("baseline") is False:
            raise bad_parameter("baseline", "without one there is no regression", where, "delete this line")
        return UsageMeasure(of)


def _whole(params: Mapping[str, Any], name: str, least: int, most: int, where: Where | None) -> None:
    value = params.get(name, least)
    if type(value) is not int or not least <= value <= most:
        raise bad_parameter(name, f"{shown(value)} is no whole number from {least} to {most}", where)


def _points(params: Mapping[str, Any], name: str, where: Where | None) -> None:
    value = params.get(name, 1)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 100:
        raise bad_parameter(name, f"{shown(value)} is no number of points above 0 and below 100", where)


COST_REGRESSION = CostRegressionAssertion()
