"""Figures and verdicts in words, the same in every report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from pytest_llmgate.core.rates import percent

__all__ = [
    "counted", "headline", "measured", "money", "percent", "provenance", "rates", "sentence", "spent_by",
    "spent_in_all", "standing", "tokens",
]  # fmt: skip

_VERBS = {"fail": ("fails", "fail"), "error": ("could not be judged", "could not be judged")}


def counted(number: int | None, noun: str) -> str:
    """`1 trial`, `1,200 trials`, or that nobody counted."""
    if number is None:
        return f"{noun}s not measured"
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def money(amount: str | Decimal | None) -> str:
    """Dollars, with as many decimals as a small amount needs; unknown is said, never $0."""
    if amount is None:
        return "cost unknown"
    value = Decimal(amount)
    cents = value >= 10 or value == value.quantize(Decimal("0.01"))
    step = Decimal("0.01") if cents else Decimal("0.0001")
    rounded = value.quantize(step, ROUND_HALF_EVEN)
    if value and not rounded:
        return f"less than ${step}"
    return f"${rounded:f}"


def tokens(usage: Mapping[str, Any]) -> str:
    """Tokens in and out, or nothing where nobody counted them."""
    sent, received = usage.get("input_tokens"), usage.get("output_tokens")
    if sent is None and received is None:
        return ""
    return f"{_figure(sent)} tokens in, {_figure(received)} out"


def spent_by(test: Mapping[str, Any]) -> str:
    """What one test took: trials, cases, holes, calls, tokens, money."""
    cases = f"{counted(test['trials'], 'trial')} on {test['cases']:,} of {counted(test['cases_total'], 'case')}"
    holes = [f"{test['holes']:,} not scored"] if test["holes"] else []
    return ", ".join([cases, *holes, *_calls(test["usage"])])


def spent_in_all(totals: Mapping[str, Any]) -> str:
    """What the run took."""
    return ", ".join([counted(totals["trials"], "trial"), *_calls(totals)])


def _calls(usage: Mapping[str, Any]) -> list[str]:
    if not usage["calls"]:
        return []
    return [part for part in (counted(usage["calls"], "call"), tokens(usage), money(usage["cost_usd"])) if part]


def _figure(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def headline(result: Mapping[str, Any]) -> str:
    """The run's verdict as a sentence: `1 of 3 tests fails, 1 is inconclusive`."""
    tests = result["tests"]
    if not tests:
        return "no test was judged"
    counts = Counter(test["verdict"] for test in tests)
    cut = "; the run was interrupted" if result["run"].get("interrupted") else ""
    if counts["pass"] == len(tests):
        return ("the only test passes" if len(tests) == 1 else f"all {len(tests)} tests pass") + cut
    parts: list[str] = []
    for word in ("fail", "error", "inconclusive"):
        number = counts[word]
        if number:
            one, many = _VERBS.get(word, ("is inconclusive", "are inconclusive"))
            of = f"{number} of {counted(len(tests), 'test')}" if not parts else f"{number}"
            parts.append(f"{of} {one if number == 1 else many}")
    return ", ".join(parts) + cut


def provenance(result: Mapping[str, Any]) -> str:
    """Where the replies come from: asked now, or recorded before."""
    run, execution = result["run"], result["execution"]
    if not run.get("recorded_at"):
        return "judged on live replies" if result["totals"]["calls"] else ""
    on = f"replies recorded on {run['recorded_at']}"
    if not (execution.get("billed") or {}).get("calls"):
        return f"judged on {on}"
    return f"judged on live replies and, for {counted(execution.get('replayed_trials'), 'trial')}, on {on} or later"


def rates(gate: Mapping[str, Any]) -> str:
    """What counts as good and as bad for a gate."""
    unwanted = gate["bad"] > gate["threshold"]
    good, bad = ("at or below", "at or above") if unwanted else ("at or above", "at or below")
    assumed = " (assumed)" if gate.get("bad_assumed") else ""
    return f"good {good} {percent(gate['threshold'])}, bad {bad} {percent(gate['bad'])}{assumed}"


def measured(gate: Mapping[str, Any]) -> str:
    """The estimate with its interval, or that there is none."""
    if gate["estimate"] is None:
        return "nothing measured"
    if gate["interval"] is None:
        return percent(gate["estimate"])
    low, high = gate["interval"]
    return f"{percent(gate['estimate'])}, interval {percent(low)} to {percent(high)}"


def sentence(test: Mapping[str, Any]) -> str:
    """What the gate says that gave a test its verdict, or the first problem where no gate did."""
    for gate in test["gates"]:
        if gate["verdict"] == test["verdict"] and gate.get("blocking", True):
            return f"{gate['name']}: {gate['reason']}"
    problems = test.get("problems") or ("no gate blocks",)
    return str(problems[0])


def standing(gate: Mapping[str, Any]) -> str:
    """Why a gate does not block, or nothing where it does."""
    if gate.get("quarantine"):
        return f"in quarantine until {gate['quarantine']['until']}: {gate['quarantine']['reason']}"
    if gate["severity"] != "block":
        return f"severity {gate['severity']}: does not block"
    return "" if gate.get("blocking", True) else "does not block"
