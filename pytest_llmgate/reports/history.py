"""The history of tests as lines of text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial

from pytest_llmgate.core.history import GateHistory, RunFigures, TestFigures, TestHistory
from pytest_llmgate.reports.columns import table
from pytest_llmgate.reports.escape import harmless, no_command, wrapped
from pytest_llmgate.reports.history_gates import drawn, gates_of_run, heading, rates_of
from pytest_llmgate.reports.numbers import counted, figure
from pytest_llmgate.reports.sparkline import sparkline

_LETTERS = {"pass": "P", "fail": "F", "inconclusive": "?", "error": "E"}
_SHOWN = 10  # runs in a line of the overview
_OVERVIEW = ("test", "runs", "verdicts", "rate", "inconcl.", "drift")
_RUNS = ("run", "commit", "try", "drawn", "verdict", "tokens", "cost")
_ADVICE = "it decides no gate: look at what changed then, the model behind the name, the prompt, the cases"
_LEFT = frozenset({0, 2, 3, 5})

_COUNTED = (
    "drift: counted are runs with live replies and a root seed of their own, since the gate's rates were last changed"
)


def overview(tests: Sequence[TestHistory], last: int, width: int, *, ascii_only: bool = False) -> list[str]:
    """One line a test, then what deserves a look. last: how many runs the verdicts and the sparkline show, at most."""
    spark = partial(sparkline, ascii_only=ascii_only)
    rows = [_overview(test, min(last, _SHOWN), spark) for test in tests]
    lines = table(_OVERVIEW, rows, width, _LEFT)
    lines += [
        "",
        *_said("P pass, F fail, ? inconclusive, E error, newest last; inconcl.: of the last live runs", width),
    ]
    for test in tests:
        lines += [line for text in _warnings(test) for line in _said(text, width)]
    return [no_command(line) for line in lines]


def runs_of(test: TestHistory, last: int, width: int, *, ascii_only: bool = False) -> list[str]:
    """The runs of one test, newest last, and its gates over them. last: how many runs are listed, at most."""
    shown = test.runs[-last:]
    asked = sum(run.drawn in ("live", "mixed") for run, _ in test.runs)
    lines = _said(f"{test.id}: {counted(len(test.runs), 'run')}, {asked:,} with live replies", width)
    if len(shown) < len(test.runs):
        lines += _said(f"the last {len(shown):,} of them; --last {len(test.runs)} shows all", width)
    rows = table(_RUNS, [_run(run, own) for run, own in shown], width, {0, 1, 3, 4})
    lines += ["", *rows[: len(rows) - len(shown)]]
    for row, (run, own) in zip(rows[len(rows) - len(shown) :], shown, strict=True):
        lines += [row, *_said(_gates(run, own), width, indent=2)]
    lines += ["", *_said("tokens and cost are those of one trial; * the checkout had changes", width)]
    for gate in test.gates:
        lines += _gate(gate, last, width, partial(sparkline, ascii_only=ascii_only))
    if any(gate.drift is not None for gate in test.gates):
        lines += ["", *_said(_COUNTED, width)]
    for text in _undecided(test):
        lines += ["", *_said(text, width)]
    return [no_command(line) for line in lines]


def told(notes: Sequence[str], width: int) -> list[str]:
    """What a person should know beside the figures."""
    return [no_command(line) for note in notes for line in _said(f"note: {note}", width)]


def _said(text: str, width: int, indent: int = 0) -> list[str]:
    return [" " * indent + line for line in wrapped(harmless(text), max(width, 40) - indent - 1)]


# ---- the overview


def _overview(test: TestHistory, last: int, spark: Callable[..., str]) -> tuple[str, ...]:
    verdicts = "".join(_LETTERS.get(own.verdict, "E") for _, own in test.runs[-last:])
    rates = next((found for gate in test.gates if (found := rates_of(gate)) is not None), None)
    line = "" if rates is None else spark(rates[-last:])
    undecided = f"{test.inconclusive} of {test.recent}" if test.recent else "-"
    return test.id, f"{len(test.runs):,}", verdicts, line, undecided, _drift_word(test)


def _drift_word(test: TestHistory) -> str:
    found = [gate.drift for gate in test.gates if gate.drift is not None]
    since = [drift.since for drift in found if drift.since is not None]
    if since:
        return f"since {_day(min(since))}"
    return "none" if any(drift.counted > 1 for drift in found) else "-"


def _day(run: str) -> str:
    return f"{run[:4]}-{run[4:6]}-{run[6:8]}"


def _warnings(test: TestHistory) -> list[str]:
    drifting = [gate for gate in test.gates if gate.drift is not None and gate.drift.drifting]
    return [f"{_drifting(gate)} ({test.id}, {gate.name}); {_ADVICE}" for gate in drifting] + _undecided(test)


def _undecided(test: TestHistory) -> list[str]:
    if not test.often:
        return []
    what = f"{test.inconclusive} of its last {counted(test.recent, 'live run')}"
    return [f"often inconclusive: {test.id}: {what}; {test.hint}"]


def _drifting(gate: GateHistory) -> str:
    drift = gate.drift
    assert drift is not None
    return f"drift since run {drift.since}: the rate is no longer good, seen at run {drift.alarm}"


# ---- one test


def _run(run: RunFigures, own: TestFigures) -> tuple[str, ...]:
    commit = "-" if run.commit is None else run.commit[:7] + ("*" if run.dirty else "")
    tokens = "-" if own.tokens is None or not own.trials else f"{own.tokens / own.trials:,.1f}"
    drawn = f"{run.drawn}, cut" if run.interrupted else run.drawn
    began = run.started[:16].replace("T", " ")
    return began, commit, f"{run.attempt:,}", drawn, own.verdict, tokens, _cost(own)


def _cost(own: TestFigures) -> str:
    if own.cost_usd is None or not own.trials:
        return "-"
    each = float(Decimal(own.cost_usd) / own.trials)
    return "$0" if each == 0 else "<$0.000001" if each < 1e-6 else f"${figure(each)}"


def _gates(run: RunFigures, own: TestFigures) -> str:
    return f"{run.id}{' (files deleted)' if run.gone else ''}: {gates_of_run(own.gates, own.verdict)}"


def _gate(gate: GateHistory, last: int, width: int, spark: Callable[..., str]) -> list[str]:
    """What a gate asks, its figures as sparklines with their ends, and what the detector says."""
    most = min(last, max(width, 40) - 4)
    lines = ["", *_said(heading(gate.newest), width)]
    for series in drawn(gate):
        shown = series._replace(values=series.values[-most:])
        if shown.known:
            lines += [f"  {spark(shown.values, rate=shown.rate)}", *_said(shown.ends(), width, indent=2)]
    if gate.drift is not None:
        word = f"{_drifting(gate)}; {_ADVICE}" if gate.drift.drifting else "no drift seen"
        counted_runs = f"{gate.drift.counted:,} of {counted(len(gate.seen), 'run')} counted"
        lines += _said(f"{word} ({counted_runs})", width, indent=2)
    return lines
