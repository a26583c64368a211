"""The text of `llmgate plan`: what a suite will take and how sure it will be, before anything is spent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pytest_llmgate.reports.escape import harmless, no_command, wrapped
from pytest_llmgate.reports.numbers import counted, money, rough
from pytest_llmgate.reports.plan_circuits import CircuitTestFigures, circuit_lines
from pytest_llmgate.reports.plan_gates import ComparedFigures, GateFigures, chance, compared_lines, gate_lines

__all__ = ["GateFigures", "PlanFigures", "TestFigures", "lines"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestFigures:
    """What one test will take.

    ceiling: the most trials. expected_trials: E[max over the gates] at the good rates. costliest: the gate that
    sets it. cost_per_call: USD, None where no price is known. calls_per_trial: None where a test body or a
    function decides itself how often it asks.
    """

    __test__ = False  # not a test class, whatever its name begins with

    id: str
    cases: int
    ceiling: int
    expected_trials: float
    costliest: str
    gates: Sequence[GateFigures | ComparedFigures]
    calls_per_trial: int | None = 1
    cost_per_call: Decimal | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFigures:
    """What a suite will take.

    p_good_blocked: that a suite whose every gate is exactly good does not pass; an upper bound where a circuit is among
    its tests.
    """

    suite: str
    file: str
    tests: Sequence[TestFigures | CircuitTestFigures]
    p_good_blocked: float | None = None
    budget: Decimal | None = None


def lines(figures: PlanFigures, width: int = 80) -> list[str]:
    """The plan of a suite in words, in lines of at most `width` columns (at least 40)."""
    return [
        line
        for indent, sentence in _suite(figures, max(width, 40) - 1)
        for line in _hung(sentence, indent, max(width, 40) - 1)
    ]


def _hung(sentence: str, indent: int, width: int) -> Iterator[str]:
    """A sentence in lines that go on two columns deeper than it began."""
    first, *rest = wrapped(harmless(sentence), width - indent)
    yield " " * indent + no_command(first)
    if rest:
        for line in wrapped(" ".join(rest), width - indent - 2):
            yield " " * (indent + 2) + no_command(line)


def _suite(figures: PlanFigures, width: int) -> Iterator[tuple[int, str]]:
    yield 0, f"{figures.suite} ({figures.file}): {counted(len(figures.tests), 'test')}"
    for test in figures.tests:
        yield 0, ""
        yield from _test(test) if isinstance(test, TestFigures) else circuit_lines(test, width)
    yield 0, ""
    yield 0, _total(figures)
    if figures.p_good_blocked is not None:
        most = "at most " if any(isinstance(test, CircuitTestFigures) for test in figures.tests) else ""
        risk = chance(figures.p_good_blocked)
        yield 0, f"a suite that is good at every limit is blocked with probability {most}{risk}"


def _test(test: TestFigures) -> Iterator[tuple[int, str]]:
    yield 0, test.id
    most = f"{counted(test.ceiling, 'trial')} at most on {counted(test.cases, 'case')}"
    yield 2, f"{rough(test.expected_trials)} trials to expect, {most}; {test.costliest} sets the cost"
    yield 2, _calls(test)
    for gate in test.gates:
        yield from gate_lines(gate) if isinstance(gate, GateFigures) else compared_lines(gate)
    for note in test.notes:
        yield 2, f"note: {note}"


def _calls(test: TestFigures) -> str:
    if test.calls_per_trial is None:
        return "calls and cost are the subject's own"
    calls = test.expected_trials * test.calls_per_trial
    if calls == 0:
        return "no model is called"
    if test.cost_per_call is None:
        price = "cost unknown: the model is not in the price table"
    else:
        price = f"at most {money(_cost(test))} to expect"
    return f"{rough(calls)} calls, {price}"


def _cost(test: TestFigures) -> Decimal:
    assert test.cost_per_call is not None
    return test.cost_per_call * Decimal(str(test.expected_trials * (test.calls_per_trial or 0)))


def _total(figures: PlanFigures) -> str:
    asking = [test for test in figures.tests if isinstance(test, TestFigures)]
    circuits = [test for test in figures.tests if isinstance(test, CircuitTestFigures)]
    budget = f"; budget {money(figures.budget)}" if figures.budget is not None else ""
    parts = []
    if asking:
        parts.append(f"{rough(sum(test.expected_trials for test in asking))} trials, {_all_calls(asking)}{budget}")
    if circuits:
        shots = sum(test.expected_shots for test in circuits)
        parts.append(f"{rough(shots)} shots to expect of {counted(len(circuits), 'circuit')}")
    return f"in all {'; '.join(parts)}"


def _all_calls(tests: Sequence[TestFigures]) -> str:
    """Calls and money of the tests that say how often they ask, and how many do not say it."""
    known = [test for test in tests if test.calls_per_trial is not None]
    if not known:
        return "calls and cost are the subjects' own"
    calls = sum(test.expected_trials * (test.calls_per_trial or 0) for test in known)
    priced = [test for test in known if test.cost_per_call is not None]
    unpriced = sum(1 for test in known if test.cost_per_call is None and test.calls_per_trial)
    cost = f", {money(sum((_cost(test) for test in priced), Decimal(0)))}" if priced else ""
    unknown = f", {counted(unpriced, 'test')} without a price" if unpriced else ""
    own = f", and what {counted(len(tests) - len(known), 'test')} may call" if len(known) < len(tests) else ""
    return f"{rough(calls)} calls to expect{cost}{unknown}{own}"
