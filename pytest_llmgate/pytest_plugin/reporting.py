"""From verdicts to pytest's outcomes, and what a person sees of them."""

from __future__ import annotations

import time
import warnings
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from _pytest._code.code import ReprEntryNative, ReprExceptionInfo, ReprFileLocation, ReprTraceback
from _pytest._io import TerminalWriter
from _pytest.outcomes import Failed

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.errors import LlmgateError, problem
from pytest_llmgate.core.files import shown_under
from pytest_llmgate.core.verdict import TestVerdict
from pytest_llmgate.pytest_plugin.items import PLAN
from pytest_llmgate.session import broken, figures, progress_line, test_lines
from pytest_llmgate.session import lines as summary_lines

if TYPE_CHECKING:
    from pytest_llmgate.pytest_plugin.gate import GatePlugin

_PROGRESS = pytest.StashKey["_Progress"]()
_KEPT = "kept: this is the recorded verdict; gated tests are never drawn again"
_JUDGED = "llmgate_judged"  # of a report: it says a verdict
_LIVE_EVERY_S = 0.2
_LOG_EVERY_S = 30.0


class GateFailure(Failed):
    """A verdict that does not let the build pass."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message, pytrace=False)
        self.outcome = outcome


class InconclusiveWarning(UserWarning):
    """An inconclusive verdict that `--llm-inconclusive=warn` lets pass."""


def conclude(item: pytest.Item, verdict: TestVerdict, gate: GatePlugin) -> None:
    """Turn a verdict into the item's outcome; a second call keeps the recorded verdict and says so."""
    clear_progress(gate)
    row = _with_texts(verdict, gate)
    text = "\n".join(test_lines(row))
    if verdict.id in gate.concluded:
        text += f"\n{_KEPT}"
        item.add_report_section("call", "llmgate", _KEPT)
    gate.concluded.add(verdict.id)
    item.user_properties.extend(_properties(row))
    if verdict.verdict is Outcome.PASS:
        return
    message = f"{verdict.verdict.value}: {text}"
    if verdict.verdict is Outcome.INCONCLUSIVE and gate.settings.inconclusive == "warn":
        warnings.warn(InconclusiveWarning(message), stacklevel=2)
        return
    raise GateFailure(verdict.verdict, message)


def _properties(row: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """The main figures of a test, for JUnit files: its verdict, trials and cost, and what each gate measured."""
    yield "llmgate", str(row["verdict"])
    yield "llmgate.trials", row["trials"]
    if row["usage"]["cost_usd"] is not None:
        yield "llmgate.cost_usd", row["usage"]["cost_usd"]
    for gate in row["gates"]:
        yield f"llmgate.{gate['name']}", f"{gate['verdict']}: {figures(gate)}"


def _with_texts(verdict: TestVerdict, gate: GatePlugin) -> dict[str, Any]:
    """A verdict's row whose failing trials carry what was said."""
    row = verdict.to_row()
    said = gate.session.said(verdict.id) if gate.session is not None else {}
    row["failing"] = [{**shown, "text": said.get(str(shown["reply"]))} for shown in row["failing"]]
    return row


def _sentences(item: pytest.Item, text: str) -> ReprExceptionInfo:
    """A failure without a traceback; its first line is what pytest's short summary and JUnit's message say."""
    path, line, _ = item.reportinfo()
    place = ReprFileLocation(str(path), (line or 0) + 1, text.partition("\n")[0])
    return ReprExceptionInfo(ReprTraceback([ReprEntryNative([f"{text}\n"])], None, "native"), place)


class _Broken(ReprExceptionInfo):
    """A verdict whose first line, the whole sentence, a terminal shows in lines that fit; JUnit gets it unbroken."""

    def toterminal(self, tw: TerminalWriter) -> None:
        first, _, rest = str(self).partition("\n")
        for line in broken(first):
            tw.line(line)
        tw.line(rest)

    def __str__(self) -> str:
        return str(self.reprtraceback)


class _Progress:
    """A line that is written over and over on a terminal, or now and then in a log."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self.terminal = terminal
        self.live = bool(terminal.isatty)
        self.last = time.monotonic()
        self.shown = False

    def due(self) -> bool:
        """Whether it is time to write again; asked after every trial, so it must cost nothing."""
        return time.monotonic() - self.last >= (_LIVE_EVERY_S if self.live else _LOG_EVERY_S)

    def show(self, text: str) -> None:
        self.last = time.monotonic()
        if not self.shown or not self.live:
            self.terminal.ensure_newline()
        self.terminal.write(f"\r\x1b[2K{text}" if self.live else f"{text}\n", flush=True)
        self.shown = True

    def clear(self) -> None:
        if self.shown and self.live:
            self.terminal.write("\r\x1b[2K", flush=True)
        self.shown = False


def show_progress(gate: GatePlugin) -> None:
    """Trials done, gates decided and money spent, while somebody waits."""
    progress = gate.config.stash.get(_PROGRESS, None)
    if progress is None:
        terminal = gate.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is None or gate.is_worker:
            return
        progress = gate.config.stash[_PROGRESS] = _Progress(terminal)
    if gate.session is not None and progress.due():
        trials, decided, gates, spent = gate.session.progress()
        progress.show(progress_line(trials, decided, gates, spent))


def clear_progress(gate: GatePlugin) -> None:
    """Take the line away, so that pytest's own output stands alone."""
    progress = gate.config.stash.get(_PROGRESS, None)
    if progress is not None:
        progress.clear()


class Reporting:
    """Report hooks of a gated run."""

    def __init__(self, gate: GatePlugin) -> None:
        self._gate = gate

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """`xfail` expects a `fail`; what could not be judged stays a failure. Sentences, not tracebacks."""
        report = yield
        fault = call.excinfo.value if call.excinfo is not None else None
        if isinstance(fault, GateFailure) and hasattr(report, "wasxfail"):
            self._expected(item, report, fault)
        if isinstance(fault, (GateFailure, LlmgateError)) and report.failed:
            report.longrepr = _sentences(item, str(fault))
            setattr(report, _JUDGED, isinstance(fault, GateFailure))
        if call.when == "setup" and not report.passed:
            self._not_set_up(item, report, fault)
        return report

    def _expected(self, item: pytest.Item, report: pytest.TestReport, fault: GateFailure) -> None:
        """An expected `fail` is noted; of all else pytest is told that it failed."""
        if fault.outcome is not Outcome.FAIL:
            del report.wasxfail
            report.outcome = "failed"
        elif report.skipped:  # pytest's word for "failed as expected"
            self._gate.ready().expect(item.stash[PLAN].id)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Here and not where the report is made: of a worker's report pytest's own classes arrive, and attributes."""
        said = report.longrepr
        if getattr(report, _JUDGED, False) and isinstance(said, ReprExceptionInfo):
            report.longrepr = _Broken(said.reprtraceback, said.reprcrash)

    def _not_set_up(self, item: pytest.Item, report: pytest.TestReport, fault: BaseException | None) -> None:
        """A skipped test is left out of the result; one whose fixtures failed could not be judged."""
        gate, plan = self._gate, item.stash.get(PLAN, None)
        if plan is None or gate.session is None or gate.session.verdict(plan.id) is not None:
            return
        if report.skipped:
            gate.session.skip(plan.id)
        elif isinstance(fault, LlmgateError):
            gate.broken[plan.id] = fault
        else:
            said = f"{plan.id}: its fixtures could not be set up: {type(fault).__name__}"
            gate.broken[plan.id] = problem("setup-failed", said, plan.where, "see pytest's own report")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The table of verdicts, and where the results lie."""
        gate = self._gate
        if gate.fault is not None:
            terminalreporter.section("llmgate", red=True)
            terminalreporter.write_line(f"this run did not come to its end: {gate.fault}", red=True)
        if gate.result is None:
            return
        writer = terminalreporter._tw
        terminalreporter.section("llmgate")
        for line in summary_lines(gate.result, writer.fullwidth, bool(writer.hasmarkup), replies=False):
            terminalreporter.write_line(line)
        terminalreporter.write_line(f"results: {shown_under(gate.run.path.resolve(), gate.settings.root.resolve())}")
        for line in gate.outputs.lines:
            terminalreporter.write_line(line)
