"""What a job costs at most, and what it cost: shots, seconds, money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from pytest_llmgate.core.circuit import BackendPlan, HardwareBudget
from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.hardware import ShotCost

PRICES = ("usd_per_shot", "usd_per_second", "usd_per_task")
OPTIONS = frozenset({*PRICES, "job_seconds", "poll_s", "live", "target"})
_NONE = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Prices in USD, None where the suite gives none. job_seconds: the most that one job bills, None is unknown."""

    usd_per_shot: Decimal | None = None
    usd_per_second: Decimal | None = None
    usd_per_task: Decimal | None = None
    job_seconds: Decimal | None = None
    budget: HardwareBudget = field(default_factory=HardwareBudget)

    @property
    def priced(self) -> bool:
        """Whether any price is known."""
        return any(getattr(self, name) is not None for name in PRICES)

    @property
    def bounds_seconds(self) -> bool:
        """Whether a job is bounded in its seconds: the device is told, where it can be."""
        return self.job_seconds is not None or self.budget.seconds is not None

    def worst(self, shots: int) -> ShotCost:
        """The most that a job can take. Its seconds are None where all that are left must be set aside."""
        bounded = self.job_seconds
        if bounded is None and self.budget.seconds is None:
            return ShotCost(shots, _NONE, self._usd(shots, _NONE))
        most = bounded if bounded is not None else Decimal(str(self.budget.seconds))
        return ShotCost(shots, bounded, self._usd(shots, most))

    def spent(self, shots: int, seconds: Decimal) -> ShotCost:
        """What a job took."""
        return ShotCost(shots, seconds, self._usd(shots, seconds))

    def _usd(self, shots: int, seconds: Decimal) -> Decimal:
        per_shot, per_second = self.usd_per_shot or _NONE, self.usd_per_second or _NONE
        return (self.usd_per_task or _NONE) + per_shot * shots + per_second * seconds


def read_tariff(plan: BackendPlan, *, free: bool) -> Tariff:
    """The tariff and the budget of a plan. free: of a device in this process, which costs nothing.

    Raises LlmgateError for numbers that are none (NaN, infinity, below 0) and for a money budget without a price.
    """
    prices = {name: _price(plan.options, name, plan.where) for name in PRICES}
    budget = _checked_budget(plan.budget or HardwareBudget(), plan.where)
    tariff = Tariff(**prices, job_seconds=_price(plan.options, "job_seconds", plan.where), budget=budget)
    if budget.usd is not None and not free:
        if not tariff.priced:
            raise problem(
                "hardware-price", f"a budget of {budget.usd} USD needs the price of {plan.name or plan.provider}",
                plan.where, f"give one of {', '.join(PRICES)} beside `budget`",
            )  # fmt: skip
        if tariff.usd_per_second is not None and budget.seconds is None and tariff.job_seconds is None:
            raise problem(
                "hardware-price", "a price by the second needs a bound of the seconds", plan.where,
                "give `seconds` in the budget, or `job_seconds`: what one job bills at most",
            )  # fmt: skip
    return tariff


def _checked_budget(budget: HardwareBudget, where: Where | None) -> HardwareBudget:
    """The same budget, its numbers made sure of."""
    for name in ("shots", "seconds", "usd"):
        value = getattr(budget, name)
        if value is not None:
            number = _number(value, f"budget: {name}", where)
            if name == "shots" and number != int(number):
                raise problem("hardware-budget", f"budget: shots: {value!r} is not a whole number", where)
    return budget


def _price(options: Mapping[str, Any], name: str, where: Where | None) -> Decimal | None:
    value = options.get(name)
    return None if value is None else _number(value, name, where)


def _number(value: object, name: str, where: Where | None) -> Decimal:
    """A finite decimal of at least 0; floats as they are written, not as they are stored."""
    try:
        number = Decimal(str(value).strip())
        good = not isinstance(value, bool) and number.is_finite() and number >= 0
    except InvalidOperation:
        good = False
    if not good:
        raise problem("hardware-budget", f"{name}: {value!r} is not a finite number of at least 0", where)
    return number
