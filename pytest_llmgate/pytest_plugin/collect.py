"""YAML suites as pytest nodes: a file is a collector, a test is an item."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.pytest_plugin import reporting
from pytest_llmgate.pytest_plugin.items import GATE, PLAN
from pytest_llmgate.session import Planner


def add_suite_folders(config: pytest.Config, settings: Settings) -> None:
    """Where no paths are given, look under `suites/` too; xdist's workers are handed the same paths."""
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        return
    covered = [Path(config.invocation_params.dir, arg).resolve() for arg in config.args]
    for name in settings.suites:
        folder = (settings.root / name).resolve()
        if folder.is_dir() and not any(folder.is_relative_to(path) for path in covered):
            config.args.append(str(folder))


class SuiteFile(pytest.File):
    """One `*.suite.yaml`."""

    def __init__(self, *, planner: Planner, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._planner = planner

    def collect(self) -> list[SuiteItem]:
        """Its tests; all problems of the file are one collection error."""
        try:
            suite = self._planner.suite(self.path)
        except LlmgateError as fault:
            raise self.CollectError(str(fault)) from None
        return [SuiteItem.from_parent(self, name=plan.id.split("::", 1)[1], plan=plan) for plan in suite.tests]


class SuiteItem(pytest.Item):
    """One test of a suite."""

    def __init__(self, *, plan: TestPlan, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.stash[PLAN] = plan

    def runtest(self) -> None:
        """Wait for the verdict, which the session has been sampling for, and turn it into an outcome."""
        gate = self.config.stash[GATE]
        reporting.conclude(self, gate.verdict_of(self), gate)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the test stands in its file."""
        line = self.plan.where.line if self.plan.where else None
        return self.path, None if line is None else line - 1, self.name
