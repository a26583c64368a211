"""Marked tests of a Python module, compiled to the same plan as a YAML suite."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath

from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.markers import CIRCUIT_MARKER
from pytest_llmgate.core.plan import SuitePlan
from pytest_llmgate.core.ports import AssertionTypes, Comparer, Designs
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.suites.compile import Compiler
from pytest_llmgate.suites.drafts import Workshop
from pytest_llmgate.suites.keys import (
    PROVIDERS,
)
from pytest_llmgate.suites.load import suite_layer
from pytest_llmgate.suites.marked_bodies import MarkedBody, MarkedTest, Shop, offered, suite_path
from pytest_llmgate.suites.marked_circuits import MarkedCircuit
from pytest_llmgate.suites.problems import Problems


def compile_module(
    marked: Sequence[MarkedTest],
    settings: Settings,
    assertions: AssertionTypes,
    designs: Designs | None = None,
    *,
    providers: Collection[str] = PROVIDERS,
    env: Mapping[str, str] = os.environ,
    against: Comparer | None = None,
) -> SuitePlan:
    """The plan of all gated tests of one module, before any selection: their gates share alpha.

    Test bodies are trials. `stochastic` gives a gate named `stochastic` on whether the body passed, which the engine
    measures. Without it a body that fails its own assert is a bad trial of every gate, so that a test with
    `schema_agreement` or `latency` alone cannot lose a failing body.
    Raises LlmgateError with all problems of the module.
    """
    file = marked[0].file
    problems = Problems(file)
    files = SuiteFiles(settings.root, (settings.root / file).parent)
    shops: dict[str | None, Shop] = {}
    drafts = []
    for test in marked:
        where = Where(file, test.line)
        with problems.catch():
            suite = suite_path(test, files, where)
            if suite not in shops:
                layers = suite_layer(suite, settings, problems, files)
                shop = Workshop.open(file, files, layers, settings, assertions, problems, providers=providers, env=env)
                shops[suite] = Shop(shop, *offered(shop))
            kind = MarkedCircuit if test.closest(CIRCUIT_MARKER) is not None else MarkedBody
            draft = kind(shops[suite], test, where).read()
            drafts += [draft] if draft else []
    layered = [shop.open.layers for shop in shops.values()]
    controlled = all(layers.text("error_control") != "none" for layers in layered)
    tests = Compiler(designs, problems, against).compile(drafts, controlled=controlled)
    problems.raise_any()
    budgets = [layers.text("budget") for layers in layered if layers.text("budget")]
    return SuitePlan(
        name=PurePosixPath(file).stem,
        file=file,
        tests=tests,
        budget=min(budgets, key=float, default=None),
        aliases=frozenset(alias for layers in layered for alias in layers.models),
    )
