"""`cost`: what one trial may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.detectors.checks import bad_parameter, hole, no_rates, shown


@dataclass(frozen=True, slots=True)
class CostMeasure:
    """Good where a trial cost at most `limit` USD; an unknown price is never 0."""

    limit: Decimal
    needs_price: ClassVar[bool] = True

    def measure(self, case: Case, seen: Observation) -> Measurement:
        if seen.reply is None:
            return hole(seen)
        cost = seen.usage.cost_usd
        if cost is None:
            return Measurement(None, None, "the cost is not known: the model has no price")
        good = cost <= self.limit
        return Measurement(good, None, f"{cost:f} USD, {'within' if good else 'over'} {self.limit:f} USD")


class CostAssertion:
    """The assertion type `cost`."""

    keys = frozenset({"max_usd", "threshold"})

    def rates(self, params: Mapping[str, Any]) -> tuple[None, None]:
        """No rates of its own."""
        return no_rates(params)

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError unless exactly one limit in USD is given."""
        given = [name for name in ("max_usd", "threshold") if params.get(name) is not None]
        if not given:
            raise problem("missing-parameter", "cost has no limit", where, "add max_usd: 0.01 (USD a trial)")
        if len(given) > 1:
            raise bad_parameter("max_usd and threshold", "they mean the same; write max_usd alone", where)
        return CostMeasure(_money(given[0], params[given[0]], where))


def _money(name: str, value: Any, where: Where | None) -> Decimal:
    fault = bad_parameter(name, f"{shown(value)} is not an amount in USD", where, "write a number such as 0.01")
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise fault
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise fault from None
    if not amount.is_finite() or amount < 0:
        raise fault
    return amount


COST = CostAssertion()
