"""What the judges of a test will take, before anything is spent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pytest_llmgate.core.plan import GatePlan, ModelPlan, TestPlan
from pytest_llmgate.core.ports import Prices
from pytest_llmgate.core.reply import Request
from pytest_llmgate.session.assembly import FREE_PROVIDERS

_LONGEST_REPLY = 4_000  # characters, where the subject's model names no limit
_CHARACTERS_A_TOKEN = 4
_INSTRUCTIONS = 1_500  # characters of a question without its texts


def judge_calls(plan: TestPlan) -> int:
    """Calls that the judges of one trial take, at most: gates that ask the same share theirs."""
    return sum(_repeats(gate) for gate, _ in _asking(plan))


def judge_ceilings(plan: TestPlan, prices: Prices, widest: int) -> list[tuple[Decimal | None, int]]:
    """For each gate with a judge an upper bound of one call's price in USD, None if unknown, and calls a trial.

    widest: characters of the longest case, which may be filled in.
    """
    reply = _LONGEST_REPLY
    if plan.model is not None and isinstance(plan.model.params.get("max_tokens"), int):
        reply = plan.model.params["max_tokens"] * _CHARACTERS_A_TOKEN
    found = []
    for gate, judge in _asking(plan):
        size = _INSTRUCTIONS + len(str(gate.params)) + widest + reply
        found.append((call_ceiling(judge, [{"role": "user", "content": " " * size}], prices), _repeats(gate)))
    return found


def call_ceiling(model: ModelPlan, messages: Sequence[Mapping[str, Any]], prices: Prices) -> Decimal | None:
    """An upper bound in USD of one call's price; None where the model has no price."""
    if model.provider in FREE_PROVIDERS:
        return Decimal(0)
    return prices.ceiling(Request(model=model.model, messages=tuple(messages), params=model.params))


def _asking(plan: TestPlan) -> Iterator[tuple[GatePlan, ModelPlan]]:
    for gate in plan.gates:
        judge = plan.judges.get(str(gate.params.get("model")))
        if judge is not None:
            yield gate, judge


def _repeats(gate: GatePlan) -> int:
    return int(gate.params.get("repeats", 1))
