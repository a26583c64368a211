"""What `--llm-suite` switches on: collection of suites, sampling ahead, verdicts as outcomes, results at the end."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.plan import SUITE_SUFFIX
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.core.verdict import TestVerdict
from pytest_llmgate.pytest_plugin import bodies, collect, reporting, xdist
from pytest_llmgate.pytest_plugin.items import GATE, PLAN
from pytest_llmgate.session import GateSession, Planner, RunDir, build_settings, create_registry
from pytest_llmgate.session.finish import finish_run
from pytest_llmgate.session.outputs import Outputs, check_named, named_or_active, view_of, write_outputs
from pytest_llmgate.session.records import ask_to_stop, asked_to_stop, note_refusal, open_run, was_refused

_OPTIONS = (
    "results",
    "seed",
    "trials",
    "concurrency",
    "record",
    "budget",
    "profile",
    "baseline",
    "inconclusive",
    "prices",
)


def register(config: pytest.Config) -> None:
    """Read the options and register the gate with pytest."""
    try:
        gate = GatePlugin(config)
    except LlmgateError as fault:
        raise pytest.UsageError(str(fault)) from None
    config.stash[GATE] = gate
    config.pluginmanager.register(gate, "llmgate-gate")
    config.pluginmanager.register(reporting.Reporting(gate), "llmgate-reporting")
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(xdist.Nodes(gate), "llmgate-xdist")


class GatePlugin:
    """The run as pytest sees it. planner: compiles. session: samples; None in an xdist controller.

    result: what the run came to, once it is over, in the process that merges. outputs: of its reports. fault: why there
    is no result.
    refused: why no test can be sampled. broken: by test, why it could not be set up.
    concluded: tests that were reported on. copies: tests that `--count` repeats.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.settings = _settings(config)
        self.registry = create_registry(_local_plugins(config))
        check_named(self.registry, self.settings.report)
        self.planner = Planner(self.settings, self.registry)
        self.session: GateSession | None = None
        self.result: dict[str, Any] | None = None
        self.outputs = Outputs()
        self.fault: LlmgateError | None = None
        self.refused: LlmgateError | None = None
        self.broken: dict[str, LlmgateError] = {}
        self.concluded: set[str] = set()
        self.copies: set[str] = set()
        self._run: RunDir | None = None
        self._alive = ExitStack()
        self._parent = os.getppid()
        collect.add_suite_folders(config, self.settings)

    # ---- the run's directory

    @property
    def is_worker(self) -> bool:
        return xdist.is_worker(self.config)

    @property
    def run(self) -> RunDir:
        """The run's directory: opened by the process that merges, named to the workers."""
        if self._run is None:
            if self.is_worker:
                self._run = xdist.run_of_worker(self.config)
            else:
                self._run = self._open_run()
        return self._run

    def _open_run(self) -> RunDir:
        try:
            run = open_run(self.settings)
            self._alive.enter_context(run.lock())
        except LlmgateError as fault:
            raise pytest.UsageError(str(fault)) from None
        return run

    # ---- collection

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        if file_path.name.endswith(SUITE_SUFFIX):
            return collect.SuiteFile.from_parent(parent, path=file_path, planner=self.planner)
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Compile marked modules before `-k` and its like choose, and drop what is no gate."""
        for broken in bodies.compile_modules(items, self.planner):
            config.hook.pytest_collectreport(report=broken)
        gates = [item for item in items if PLAN in item.stash]
        others = [item for item in items if PLAN not in item.stash]
        if others:
            config.hook.pytest_deselected(items=others)
            items[:] = gates

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """All plans are known: open the run and make the tests ready, unless only a listing was asked for."""
        broken = session.testsfailed and not session.config.option.continue_on_collection_errors
        if session.config.option.collectonly or xdist.is_controller(self.config) or broken:
            return
        listed = [plan for item in session.items if (plan := item.stash.get(PLAN, None))]
        plans = {plan.id: plan for plan in listed}
        times = Counter(plan.id for plan in listed)
        self.copies = {test_id for test_id in plans if times[test_id] > 1}
        try:
            self.planner.check_aliases()
            self.session = GateSession(self.planner, self.run, list(plans.values()))
            if plans:  # a mistyped path is no run to speak of
                self.run.note_latest(self.settings.root)
        except LlmgateError as fault:
            if self.is_worker:
                self.refused = fault  # a worker cannot end the run, so each of its tests says why
                note_refusal(self.run)
            else:
                raise pytest.UsageError(str(fault)) from None

    # ---- running

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Refuse what could not be sampled, before any fixture of the test costs anything."""
        bodies.check_fixtures(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
        """Before a test is reported on, sampling of those after it begins."""
        if self.session is not None:
            self._sample_ahead(item, nextitem)
        return (yield)

    def _sample_ahead(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        assert self.session is not None
        if self.config.getoption("maxfail", 0):
            ahead = [item]  # with -x, nothing beyond the test that may end the run
        elif self.is_worker:
            ahead = [item, *([nextitem] if nextitem else [])]  # other workers may get the rest
        else:
            ahead = item.session.items[item.session.items.index(item) :] if item is item.session.items[0] else []
        ready = [one for one in ahead or [item] if isinstance(one, collect.SuiteItem) and not _may_skip(one)]
        self.session.submit_all([one.plan.id for one in ready])

    def verdict_of(self, item: collect.SuiteItem) -> TestVerdict:
        """Wait for the verdict of a suite's test."""
        session = self.ready()
        session.submit(item.plan.id)
        return session.wait(item.plan.id, self.watch)

    @contextmanager
    def turn(self, test_id: str) -> Iterator[None]:
        """Copies of a test that went to several workers: later ones find what the first has drawn."""
        if not self.is_worker or test_id not in self.copies:
            yield
            return
        with self.ready().records.turn(test_id) as sampled:
            if sampled:
                self.concluded.add(test_id)
            yield

    def watch(self) -> None:
        """Called now and then while a test is sampled."""
        if self.session is not None and self.is_worker and (asked_to_stop(self.run) or os.getppid() != self._parent):
            self.session.stop("interrupted")  # nobody waits for what an orphan goes on paying for
        reporting.show_progress(self)

    def ready(self) -> GateSession:
        """The session; raises what kept it from starting."""
        if self.refused is not None:
            raise self.refused
        if self.session is None:
            raise pytest.UsageError("the gate did not start; see the errors above")
        return self.session

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> object | None:
        """Run the body of a marked test as trials inside its one item."""
        if PLAN not in pyfuncitem.stash:
            return None
        bodies.run_body(pyfuncitem, self)
        return True

    # ---- the end

    def pytest_keyboard_interrupt(self) -> None:
        """Ctrl-C, `pytest.exit`, and in an xdist controller `-x`: nothing more is sampled, workers are told to end."""
        if self.session is not None:
            self.session.stop("interrupted")  # at once: what is under way may keep all cores busy for long
        if self._run is not None and xdist.is_controller(self.config):
            ask_to_stop(self._run)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Close this process's part; the process that merges writes the results.

        After everybody else, as xdist ends its workers here; before the summary, which a wrapper further out writes.
        """
        yield
        reporting.clear_progress(self)
        try:
            self._finish()
        except LlmgateError as fault:
            self.fault = fault
            session.exitstatus = session.exitstatus or pytest.ExitCode.INTERNAL_ERROR
        finally:
            self._alive.close()

    def _finish(self) -> None:
        if self.session is not None:
            for test_id, said in self.broken.items():
                if self.session.verdict(test_id) is None:
                    self.session.refuse(test_id, said)
            self.session.close()
        if self.is_worker or self._run is None or not (self._run.path / "plan.json").is_file():
            return
        # A run that refused to be resumed stays as it was, so that it can still be resumed.
        if self.session is not None or (xdist.is_controller(self.config) and not was_refused(self._run)):
            self.result, self.outputs = finish_run(self.settings, self._run, self._report)

    def _report(self, result: Mapping[str, Any]) -> Outputs:
        """Write the reports of the run."""
        wanted = named_or_active(self.settings.report, os.environ)
        return write_outputs(result, view_of(self.run, self.settings.root, os.environ), self.registry, wanted)


def _may_skip(item: pytest.Item) -> bool:
    """Whether pytest may decide not to run an item: then it is sampled only once it runs."""
    return any(mark.name in ("skip", "skipif", "xfail") for mark in item.iter_markers())


def _settings(config: pytest.Config) -> Settings:
    options = {name: config.getoption(f"llm_{name}") for name in _OPTIONS}
    options["report"] = config.getoption("llm_report") or None
    options["models"] = config.getoption("llm_model") or None
    options["resume"] = config.getoption("llm_resume") or None
    workers, worker = xdist.crew(config)
    return build_settings(config.rootpath, options, os.environ, workers=workers, worker=worker)


def _local_plugins(config: pytest.Config) -> list[object]:
    """conftest modules and other pytest plugins that implement the gate's own hooks."""
    return [plugin for plugin in config.pluginmanager.get_plugins() if _has_hooks(plugin)]


def _has_hooks(plugin: object) -> bool:
    return any(name.startswith("llmgate_register_") for name in dir(plugin))
