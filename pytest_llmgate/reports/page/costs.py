"""Cost and tokens by test and by model. What nobody counted stays unknown, and is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from pytest_llmgate.core.rates import percent
from pytest_llmgate.core.record import usage_from_row
from pytest_llmgate.core.reply import Usage, total_usage
from pytest_llmgate.reports.numbers import counted, money
from pytest_llmgate.reports.page.evidence import Evidence

TESTS = 40  # rows; those that cost most, then those of most tokens

Row = Mapping[str, Any]


class CostView(NamedTuple):
    """A row of the table, all in words."""

    name: str
    calls: str
    given: str
    made: str
    cost: str


class Costs(NamedTuple):
    """The section. more: how many tests have no row. notes: sentences."""

    tests: list[CostView]
    models: list[CostView]
    more: int
    total: CostView
    notes: list[str]


def costs(result: Row, evidence: Evidence) -> Costs | None:
    """What a run took, None where no model and no device was asked."""
    used = [test for test in result["tests"] if test["usage"]["calls"]]
    if not used:
        return None
    ranked = sorted(used, key=_expense, reverse=True)
    return Costs(
        tests=[_view(test["id"], usage_from_row(test["usage"])) for test in ranked[:TESTS]],
        models=[_view(name, total_usage(own)) for name, own in sorted(_by_model(used, evidence).items())],
        more=max(0, len(ranked) - TESTS),
        total=_view(_total(used), usage_from_row(result["totals"])),
        notes=list(_notes(result, used)),
    )


def _total(used: Sequence[Row]) -> str:
    unknown = any(figure is None for test in used for figure in test["usage"].values())
    return "All tests, as far as known" if unknown else "All tests"


def _expense(test: Row) -> tuple[Decimal, int]:
    usage = usage_from_row(test["usage"])
    return usage.cost_usd or Decimal(0), (usage.input_tokens or 0) + (usage.output_tokens or 0)


def _view(name: str, usage: Usage) -> CostView:
    cost = "not known" if usage.cost_usd is None else money(usage.cost_usd)
    return CostView(name, _number(usage.calls), _number(usage.input_tokens), _number(usage.output_tokens), cost)


def _number(value: int | None) -> str:
    return "not counted" if value is None else f"{value:,}"


def _by_model(tests: Sequence[Row], evidence: Evidence) -> dict[str, list[Usage]]:
    """Usage by the model that was asked; what judges took stands apart, by their own models."""
    found: dict[str, list[Usage]] = {}
    for test in tests:
        usage, judges = usage_from_row(test["usage"]), test.get("judges")
        name = evidence.model(test["id"]) or (_device(test) if test.get("circuit") else "model not recorded")
        if judges:
            spent = usage_from_row(judges["usage"])
            named = ", ".join(sorted({model for models in judges["models"].values() for model in models}))
            found.setdefault(f"judge: {named or 'not recorded'}", []).append(spent)
            usage = _less(usage, spent)
        found.setdefault(name, []).append(usage)
    return found


def _device(test: Row) -> str:
    circuit = test["circuit"]
    return ":".join(part for part in (circuit.get("backend"), circuit.get("device")) if part)


def _less(usage: Usage, part: Usage) -> Usage:
    """What is left of a sum, which passes over what is unknown: an unknown part took nothing from it.

    Where nothing is left, the rest was not counted: calls without a token are none.
    """
    calls = usage.calls - part.calls
    sent, received = _left(usage.input_tokens, part.input_tokens), _left(usage.output_tokens, part.output_tokens)
    cost = usage.cost_usd if usage.cost_usd is None or part.cost_usd is None else usage.cost_usd - part.cost_usd
    return Usage(calls, sent or None, received or None, cost if cost or sent or received else None)


def _left(whole: int | None, own: int | None) -> int | None:
    return whole if whole is None or own is None else whole - own


def _unpriced(test: Row) -> int:
    """Calls of a test whose cost is not known: of its subject, of its judges, or of both."""
    whole, judges = usage_from_row(test["usage"]), test.get("judges")
    parts = [whole]
    if judges:
        own = usage_from_row(judges["usage"])
        parts = [own, _less(whole, own)]
    return sum(part.calls for part in parts if part.cost_usd is None)


def _notes(result: Row, used: Sequence[Row]) -> Iterator[str]:
    calls = sum(test["usage"]["calls"] for test in used)
    unknown = sum(map(_unpriced, used))
    yield f"Unpriced: {percent(unknown / calls)} of {counted(calls, 'call')} have no known cost."
    billed = result["execution"].get("billed") or {}
    if billed.get("calls") is not None:
        cost = billed.get("cost_usd")
        paid = "an unknown amount" if cost is None else money(cost)
        yield f"This run itself sent {counted(billed['calls'], 'call')} for {paid}; recorded replies count above."
