"""Suites and marked modules compiled to plans; needs no run and spends nothing."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from decimal import Decimal
from pathlib import Path

from pytest_llmgate.core.errors import Where, nearest, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import SuitePlan
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.extensions.registry import Registry
from pytest_llmgate.redaction.plans import redact_suite
from pytest_llmgate.redaction.redactor import Redactor
from pytest_llmgate.redaction.rules import read_rules
from pytest_llmgate.session.against import Against
from pytest_llmgate.store.designs import DesignCache
from pytest_llmgate.suites.config import PYPROJECT
from pytest_llmgate.suites.load import load_suite
from pytest_llmgate.suites.marked_bodies import MarkedTest
from pytest_llmgate.suites.markers import compile_module


def redactor_of(settings: Settings) -> Redactor:
    """The redactor of a run. Raises LlmgateError for rules that make no sense."""
    return Redactor(rules=read_rules(settings.redaction, os.environ, lambda key: Where(PYPROJECT)))


class Planner:
    """Compiles suites and marked modules to plans; needs no run and spends nothing."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self.settings = settings
        self.registry = registry
        self.designs = DesignCache(settings.root)
        self.redactor = redactor_of(settings)
        self.suites: dict[str, SuitePlan] = {}
        self.against = Against(settings, lambda text: self.redactor.redact(text)[0])

    def suite(self, path: Path) -> SuitePlan:
        """The plan of a YAML suite; raises LlmgateError with all of its problems."""
        plan = load_suite(
            path,
            self.settings,
            self.registry,
            self.designs,
            providers=self.registry.providers(),
            against=self.against,
        )
        circuits = [test for test in plan.tests if test.kind == "circuit"]
        if circuits:
            from pytest_llmgate.session.circuits.check import check_circuits  # imports qiskit

            check_circuits(circuits, lambda test: SuiteFiles(self.settings.root, self.settings.root / test.base))
        return self._kept(plan)

    def module(self, marked: Sequence[MarkedTest]) -> SuitePlan:
        """The plan of a test module's marked functions."""
        plan = compile_module(
            marked,
            self.settings,
            self.registry,
            self.designs,
            providers=self.registry.providers(),
            against=self.against,
        )
        return self._kept(plan)

    def _kept(self, plan: SuitePlan) -> SuitePlan:
        """The plan with stand-ins for what is private in the names of its cases and gates, which reports show."""
        self.suites[plan.file] = kept = redact_suite(self.redactor, plan)
        return kept

    def budget(self) -> Decimal | None:
        """The hard cap of the run: the options', else what its suites ask for together."""
        if self.settings.budget is not None:
            return self.settings.budget
        asked = [Decimal(suite.budget) for suite in self.suites.values() if suite.budget is not None]
        return sum(asked, Decimal(0)) if asked else None

    def whole(self, selected: Collection[str]) -> list[str]:
        """Files of the suites all of whose tests are selected (by id)."""
        return [suite.file for suite in self.suites.values() if all(test.id in selected for test in suite.tests)]

    def check_aliases(self) -> None:
        """Refuse a `--llm-model` whose alias no suite has."""
        known = {alias for suite in self.suites.values() for alias in suite.aliases}
        for alias in self.settings.models:
            if alias not in known:
                hint = nearest(alias, known) if known else "no suite names a model"
                raise problem("unknown-alias", f"--llm-model: no suite has a model {alias!r}", None, hint)
