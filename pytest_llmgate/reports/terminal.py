"""The run as plain lines for a terminal or a CI log."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.reports import circuits
from pytest_llmgate.reports.circuit_words import fallback, says_it_all
from pytest_llmgate.reports.escape import clipped, harmless, no_command, wrapped
from pytest_llmgate.reports.words import (
    asked_before,
    counted,
    expected,
    failing_fields,
    figures,
    headline,
    money,
    proposed_baselines,
    provenance,
    replaced,
    sentence,
    shared_risk,
    spent_by,
    spent_in_all,
    standing,
)

SHOWN_PER_GATE = 3
SHOWN_PER_RUN = 30
SHOWN_FIELDS = 3
SHOWN_PASSES = 50  # tests that pass; all that do not are shown
_SHOWN_TEXT = 400  # characters of a failing reply
_SHOWN_LINES = 6
_OF_TRIAL = re.compile(r"^case .{1,200}?, repeat \d+(?: \(and [^()]*\))?: ")
_INDENT = 16  # the column of sentences, behind the longest verdict word
_SAID_ALL = frozenset({"first-fail", "first-error", "error", "new", "stale"})  # stops whose sentence says all
_COLOURS = {"pass": "32", "fail": "31", "error": "31", "inconclusive": "33"}


def lines(
    result: Mapping[str, Any], width: int = 80, color: bool = False, *, replies: bool = True, run: str = "latest"
) -> list[str]:
    """The report of a run, the worst first.

    result: as in `result.json`; rows under `failing` may carry the reply's `text`. width: columns, at least 40.
    color: whether ANSI colours may be used. No other control character is ever in a line. replies: whether failing
    replies are shown, which pytest shows with each failure. run: what commands call it.
    """
    page = _Page(max(width, 40), color)
    failing = _Failing(SHOWN_PER_RUN if replies else 0)
    tests = sorted(result["tests"], key=lambda test: -Outcome(test["verdict"]).rank)
    shown = tests[: sum(test["verdict"] != "pass" for test in tests) + SHOWN_PASSES]
    for test in shown:
        _test(page, test, failing)
        page.gap()
    if len(tests) > len(shown):
        page.text(f"{counted(len(tests) - len(shown), 'more test')} passed; all stand in report.html")
        page.gap()
    _end(page, result, failing if replies else None)
    _next(page, tests, run)
    return page.lines


def test_lines(test: Mapping[str, Any], width: int = 80, color: bool = False) -> list[str]:  # noqa: PT028 - no test
    """The report of one test: first, unbroken, what its worst gate says; then as in `lines`."""
    page = _Page(max(width, 40), color)
    _test(page, test, _Failing(SHOWN_PER_RUN))
    return [no_command(harmless(clipped(sentence(test), _SHOWN_TEXT))), *page.lines]


test_lines.__test__ = False  # type: ignore[attr-defined]  # not a test, whatever its name begins with


def broken(line: str, width: int = 80) -> list[str]:
    """A harmless line as several that fit the width; none of them is a command."""
    return [no_command(part) for part in wrapped(line, width - 1)]


def progress_line(trials: int, decided: int, gates: int, spent: Decimal | None, width: int = 80) -> str:
    """One line for a live display. trials: done so far. decided, gates: of all. spent: USD, None if unknown."""
    price = "" if spent is None else f", {money(spent)} spent"
    return f"llmgate: {counted(trials, 'trial')}, {decided} of {counted(gates, 'gate')} decided{price}"[:width]


class _Page:
    """Collects lines that fit the width; everything passes here, so everything is made harmless here."""

    def __init__(self, width: int, color: bool) -> None:
        self.lines: list[str] = []
        self._width = width
        self._color = color

    def entry(self, verdict: str, text: str, *, inner: bool = False) -> None:
        """A verdict, large for a test and the run, small for a gate within; and a text in its own column."""
        word = f"  {verdict}" if inner else verdict.upper()
        first, *rest = self._broken(text, _INDENT)
        shown = f"\x1b[{_COLOURS[verdict]}m{word}\x1b[0m" if self._color else word
        self.lines.append(shown + " " * (_INDENT - len(word)) + first)
        self._add(rest, _INDENT)

    def text(self, text: str, deeper: int = 0, mark: str = "") -> None:
        """A text in the column of texts, `deeper` columns to the right, each line behind a mark."""
        indent = _INDENT + deeper
        self._add([mark + line for line in self._broken(text, indent + len(mark))], indent)

    @property
    def room(self) -> int:
        """Columns of a text that is not broken, two to the right."""
        return self._width - _INDENT - 3

    def gap(self) -> None:
        self.lines.append("")

    def _broken(self, text: str, indent: int) -> list[str]:
        return [no_command(line) for line in wrapped(harmless(text), self._width - indent - 1)]

    def _add(self, texts: list[str], indent: int) -> None:
        self.lines.extend(" " * indent + line for line in texts)


class _Failing:
    """Doles out failing replies: a few of each gate, not too many of a run."""

    def __init__(self, left: int) -> None:
        self._left = left
        self.dropped = 0

    def of(self, test: Mapping[str, Any], gate: str) -> Iterator[Mapping[str, Any]]:
        rows = [row for row in test.get("failing", ()) if row["gate"] == gate]
        shown = rows[: min(SHOWN_PER_GATE, self._left)]
        self._left -= len(shown)
        self.dropped += len(rows) - len(shown)
        return iter(shown)


def _test(page: _Page, test: Mapping[str, Any], failing: _Failing) -> None:
    page.entry(test["verdict"], test["id"])
    page.text(spent_by(test))
    if expected(test):
        page.text(expected(test))
    if fallback(test):
        page.text(fallback(test))
    for gate in test["gates"]:
        page.entry(gate["verdict"], f"{gate['name']}: {gate['reason']}", inner=True)
        if gate["verdict"] != "pass" and gate["stop_reason"] not in _SAID_ALL and not says_it_all(gate):
            page.text(figures(gate))
        elif gate.get("bad_assumed"):
            page.text("this bad rate is assumed; write bad_rate to choose it")
        wrong = failing_fields(gate, SHOWN_FIELDS)
        if wrong:
            page.text(f"fields that disagree most: {'; '.join(wrong)}")
        if standing(gate):
            page.text(standing(gate))
        for line in circuits.lines(gate, page.room):
            page.text(line, 2)
        for row in failing.of(test, gate["name"]):
            _reply(page, row)
    for problem in _news(test)[:5]:
        page.text(f"problem: {clipped(problem, _SHOWN_TEXT)}")
    for warning in test.get("warnings", ())[:5]:
        page.text(f"warning: {clipped(warning, _SHOWN_TEXT)}")


def _news(test: Mapping[str, Any]) -> list[str]:
    """Problems that no gate's sentence names already; the same one of several trials once."""
    causes = {_OF_TRIAL.sub("", problem): problem for problem in reversed(test.get("problems", ()))}
    said = [gate["reason"] for gate in test["gates"]]
    return [problem for cause, problem in reversed(causes.items()) if not any(cause in reason for reason in said)]


def _reply(page: _Page, row: Mapping[str, Any]) -> None:
    page.text(f"case {row['case']}, repeat {row['repeat']}, trial {row['index']}", 2)
    if row.get("reason"):
        page.text(clipped(row["reason"], _SHOWN_TEXT), 4)
    text = row.get("text")
    if text is None:
        return
    said = clipped(harmless(text, keep="\n"), _SHOWN_TEXT).split("\n") if text else ["(empty)"]
    for line in said[:_SHOWN_LINES]:
        page.text(line, 4, "| ")
    if len(said) > _SHOWN_LINES:
        page.text(f"({counted(len(said) - _SHOWN_LINES, 'line')} more)", 4)


def _next(page: _Page, tests: Sequence[Mapping[str, Any]], run: str) -> None:
    """The command that looks at a failing trial of the worst test once more."""
    for test in tests:
        if test["verdict"] != "pass" and test.get("failing"):
            test_id, index = shlex.quote(test["id"]), test["failing"][0]["index"]
            again = f"llmgate replay-trial {shlex.quote(run)} {test_id} {index}"
            page.text("look at a failing trial again:")
            page.text(f"pytest --llm-suite {test_id}" if test["kind"] == "body" else again, 2)
            return


def _end(page: _Page, result: Mapping[str, Any], failing: _Failing | None) -> None:
    if failing is not None and failing.dropped:
        page.text(f"{failing.dropped:,} more failing replies stand in report.html")
    page.entry(result["verdict"], headline(result))
    page.text(spent_in_all(result))
    if shared_risk(result):
        page.text(shared_risk(result))
    if asked_before(result):
        page.text(asked_before(result))
    unpriced = (result.get("execution") or {}).get("unpriced_models")
    if unpriced:
        page.text(f"not covered by the budget, as their price is unknown: {', '.join(unpriced)}")
    for warning in (result.get("execution") or {}).get("warnings") or ():
        page.text(f"warning: {clipped(warning, _SHOWN_TEXT)}")
    if proposed_baselines(result):
        page.text(proposed_baselines(result))
    if provenance(result):
        page.text(provenance(result))
    if replaced(result["totals"].get("redactions")):
        page.text(f"replaced in the replies, before they were judged: {replaced(result['totals']['redactions'])}")
