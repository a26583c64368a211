"""The text of `llmgate plan`: what a suite will take and how sure it will be, before anything is spent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pytest_llmgate.reports.escape import harmless, no_command, wrapped
from pytest_llmgate.reports.words import counted, money, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFigures:
    """What one gate will take.

    rule: in a word, as `sequential`. good, bad: as reported, so rates of the unwanted event where `unwanted`.
    mean_n: rows (what the build's rate is, that rate as reported, E[N]). n95_good: 95th percentile of N at good.
    ceiling: the most trials. p_*: probabilities of each end at the good and the bad rate. fixed_n: size of the one-look
    sample of the same risks; curtailed: its E[N] at good and at bad if it stopped as soon as its answer is settled.
    never_blocks_good: whether no good build can fail it (zero tolerance). notes: sentences.
    """

    name: str
    type: str
    rule: str
    good: float
    bad: float
    bad_assumed: bool
    alpha_used: float
    beta: float
    mean_n: Sequence[tuple[str, float, float]]
    n95_good: float
    ceiling: int
    p_blocked_good: float
    p_pass_bad: float
    p_inconclusive_good: float
    p_inconclusive_bad: float
    fixed_n: int | None = None
    curtailed: tuple[float, float] | None = None
    never_blocks_good: bool = False
    family: int = 1
    unwanted: bool = False
    severity: str = "block"
    notes: Sequence[str] = ()


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
    gates: Sequence[GateFigures]
    calls_per_trial: int | None = 1
    cost_per_call: Decimal | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFigures:
    """What a suite will take. p_good_blocked: that a suite whose every gate is exactly good does not pass."""

    suite: str
    file: str
    tests: Sequence[TestFigures]
    p_good_blocked: float | None = None
    budget: Decimal | None = None


def lines(figures: PlanFigures, width: int = 80) -> list[str]:
    """The plan of a suite in words, in lines of at most `width` columns (at least 40)."""
    return [line for indent, sentence in _suite(figures) for line in _hung(sentence, indent, max(width, 40) - 1)]


def _hung(sentence: str, indent: int, width: int) -> Iterator[str]:
    """A sentence in lines that go on two columns deeper than it began."""
    first, *rest = wrapped(harmless(sentence), width - indent)
    yield " " * indent + no_command(first)
    if rest:
        for line in wrapped(" ".join(rest), width - indent - 2):
            yield " " * (indent + 2) + no_command(line)


def _suite(figures: PlanFigures) -> Iterator[tuple[int, str]]:
    yield 0, f"{figures.suite} ({figures.file}): {counted(len(figures.tests), 'test')}"
    for test in figures.tests:
        yield 0, ""
        yield from _test(test)
    yield 0, ""
    yield 0, _total(figures)
    if figures.p_good_blocked is not None:
        yield 0, f"a suite that is good at every limit is blocked with probability {_chance(figures.p_good_blocked)}"


def _test(test: TestFigures) -> Iterator[tuple[int, str]]:
    yield 0, test.id
    most = f"{counted(test.ceiling, 'trial')} at most on {counted(test.cases, 'case')}"
    yield 2, f"{_number(test.expected_trials)} trials to expect, {most}; {test.costliest} sets the cost"
    yield 2, _calls(test)
    for gate in test.gates:
        yield from _gate(gate)
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
    return f"{_number(calls)} calls, {price}"


def _cost(test: TestFigures) -> Decimal:
    assert test.cost_per_call is not None
    return test.cost_per_call * Decimal(str(test.expected_trials * (test.calls_per_trial or 0)))


def _gate(gate: GateFigures) -> Iterator[tuple[int, str]]:
    good, bad = ("at or below", "at or above") if gate.unwanted else ("at or above", "at or below")
    assumed = " (assumed: state bad_rate to choose it)" if gate.bad_assumed else ""
    severity = "" if gate.severity == "block" else f" [{gate.severity}: does not block]"
    yield 2, f"{gate.name}{severity}: good {good} {percent(gate.good)}, bad {bad} {percent(gate.bad)}{assumed}"
    yield 4, f"{gate.rule}: {_blocking_risk(gate)}; lets a bad one pass at {percent(gate.beta)}"
    yield (
        4,
        "trials to expect: "
        + ", ".join(f"{_number(mean)} if {label} ({percent(rate)})" for label, rate, mean in gate.mean_n),
    )
    decided = f"95 of 100 good builds are decided by trial {_number(gate.n95_good)}, the last by {gate.ceiling:,}"
    yield 4, decided + _fixed(gate)
    yield (
        4,
        (
            f"a build at the good rate: fail {_chance(gate.p_blocked_good)}, inconclusive "
            f"{_chance(gate.p_inconclusive_good)}; at the bad rate: pass {_chance(gate.p_pass_bad)}, inconclusive "
            f"{_chance(gate.p_inconclusive_bad)}"
        ),
    )
    for note in gate.notes:
        yield 4, f"note: {note}"


def _blocking_risk(gate: GateFigures) -> str:
    if gate.never_blocks_good:
        return "fails at the first violation, so never a good build"
    shared = f", 1 of {gate.family} that share it" if gate.family > 1 else ""
    return f"blocks a good build at {percent(gate.alpha_used)} risk{shared}"


def _fixed(gate: GateFigures) -> str:
    """The sample that one look would take, to compare with."""
    if gate.fixed_n is None:
        return ""
    found = f"; one fixed sample would take {gate.fixed_n:,}"
    if gate.curtailed is None:
        return found
    good, bad = (_number(mean) for mean in gate.curtailed)
    return f"{found}, or if it ended once settled {good} at the good rate and {bad} at the bad"


def _total(figures: PlanFigures) -> str:
    trials = sum(test.expected_trials for test in figures.tests)
    budget = f"; budget {money(figures.budget)}" if figures.budget is not None else ""
    return f"in all {_number(trials)} trials, {_all_calls(figures.tests)}{budget}"


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
    return f"{_number(calls)} calls to expect{cost}{unknown}{own}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _chance(probability: float) -> str:
    if 0 < probability < 0.0001:
        return "< 0.01 %"
    return percent(probability)
