"""Loads a YAML suite into a plan, telling everything that is wrong with it at once."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import PromptPlan, SuitePlan, TestPlan
from pytest_llmgate.core.ports import AssertionTypes, Comparer, Designs
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.suites.compile import Compiler
from pytest_llmgate.suites.config import PYPROJECT
from pytest_llmgate.suites.drafts import Workshop
from pytest_llmgate.suites.keys import LATER_SUITE, PROVIDERS, SUITE_KEYS, read_keys
from pytest_llmgate.suites.layers import Layer, layer, nearby, pyproject_layer, shown_path
from pytest_llmgate.suites.node import Node
from pytest_llmgate.suites.problems import Problems
from pytest_llmgate.suites.prompts import Prompts
from pytest_llmgate.suites.yaml_lines import load_yaml
from pytest_llmgate.suites.yaml_tests import read_tests


def load_suite(
    path: Path,
    settings: Settings,
    assertions: AssertionTypes,
    designs: Designs | None = None,
    *,
    providers: Collection[str] = PROVIDERS,
    env: Mapping[str, str] = os.environ,
    against: Comparer | None = None,
) -> SuitePlan:
    """The plan of a YAML suite.

    path: the suite file, under `settings.root`. assertions: the registry. designs: a cache of decision designs.
    providers: names that models may use. env: for `${VAR}`. against: looks up baselines. Raises
    LlmgateError with all problems of the file.
    """
    file = shown_path(path, settings.root)
    problems = Problems(file)
    files = SuiteFiles(settings.root, path.parent)
    root = read_root(path.name, file, files, problems)
    keys = read_keys(root, SUITE_KEYS, LATER_SUITE, problems)
    layers = layer(keys, files, problems).over(pyproject_layer(settings, problems))
    shop = Workshop.open(file, files, layers, settings, assertions, problems, providers=providers, env=env)
    drafts = read_tests(root, keys, shop)
    tests = Compiler(designs, problems, against).compile(drafts, controlled=layers.text("error_control") != "none")
    problems.raise_any()
    return SuitePlan(
        name=shop.name,
        file=file,
        tests=tests,
        budget=layers.text("budget") or None,
        description=layers.text("description"),
        aliases=frozenset((*layers.models, *(alias for test in tests for alias in _asked(test)))),
    )


def _asked(test: TestPlan) -> list[str]:
    """Aliases of the models that a test asks."""
    return [*([test.model.alias] if test.model else []), *test.judges]


def read_root(name: str, file: str, files: SuiteFiles, problems: Problems) -> Node:
    """The top of a suite file; raises at once where there is nothing to go on with."""
    root = load_yaml(files.read_text(name, Where(file)), file, problems)
    if root is not None and not isinstance(root.value, dict):
        hint = "begin it with 'suite: NAME' and 'tests:'"
        raise problem("suite-shape", "a suite is a mapping of keys", root.where, hint)
    if root is None:
        problems.raise_any()
        raise problem("yaml-empty", "the file is empty", Where(file))
    return root


def load_prompts(settings: Settings, suite: str | None, folder: Path) -> dict[str, PromptPlan]:
    """The named prompts of a suite file (or of pyproject.toml alone), for tests that only render them.

    suite: its path, relative to `folder` or to the root. Raises LlmgateError where a prompt is broken.
    """
    files = SuiteFiles(settings.root, folder)
    problems = Problems(suite or PYPROJECT)
    name = None if suite is None else nearby(suite, files, None)
    layers = suite_layer(name, settings, problems, files)
    problems.raise_any()
    return Prompts(layers.prompts, files).all()


def suite_layer(name: str | None, settings: Settings, problems: Problems, files: SuiteFiles) -> Layer:
    """What a module takes from a suite file over pyproject.toml: models, prompts, defaults and suite-wide keys."""
    lowest = pyproject_layer(settings, problems)
    if name is None:
        return lowest
    path = files.base / name
    own = SuiteFiles(settings.root, path.parent)
    keys = read_keys(
        read_root(path.name, shown_path(path, settings.root), own, problems), SUITE_KEYS, LATER_SUITE, problems
    )
    found = layer(keys, own, problems)
    # the module is a suite of its own, with its own name
    suite = {key: node for key, node in found.suite.items() if key not in ("suite", "description")}
    return Layer(found.models, found.prompts, found.defaults, suite).over(lowest)
