"""The layers that name models, prompts and defaults: a suite file over pyproject.toml, each with its own folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.files import SuiteFiles, shown_under
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.suites.config import PYPROJECT
from pytest_llmgate.suites.keys import DEFAULT_KEYS, LATER_TEST, read_keys, read_mapping
from pytest_llmgate.suites.node import Node, from_plain
from pytest_llmgate.suites.problems import Problems


@dataclass(frozen=True, slots=True)
class Entry:
    """A definition or a default, and the files that its paths start from."""

    node: Node
    files: SuiteFiles


@dataclass(frozen=True, slots=True)
class Layer:
    """Definitions by name, defaults of tests by key, and suite-wide keys."""

    models: Mapping[str, Entry] = field(default_factory=dict)
    prompts: Mapping[str, Entry] = field(default_factory=dict)
    defaults: Mapping[str, Entry] = field(default_factory=dict)
    suite: Mapping[str, Node] = field(default_factory=dict)

    def over(self, lower: Layer) -> Layer:
        """This layer with what it leaves out taken from a lower one."""
        return Layer(
            {**lower.models, **self.models},
            {**lower.prompts, **self.prompts},
            {**lower.defaults, **self.defaults},
            {**lower.suite, **self.suite},
        )

    def text(self, key: str, default: str = "") -> str:
        """A suite-wide text, such as a name, or what stands for it where it is left out."""
        return str(self.suite[key].value) if key in self.suite else default


def layer(keys: Mapping[str, Node], files: SuiteFiles, problems: Problems) -> Layer:
    """The layer of the top-level keys of a file. Notes unknown and ill-typed defaults."""
    defaults = {}
    if "defaults" in keys and isinstance(keys["defaults"].value, dict):
        defaults = read_keys(keys["defaults"], DEFAULT_KEYS, LATER_TEST, problems)
    models = read_mapping("models", keys.get("models"), problems)
    prompts = read_mapping("prompts", keys.get("prompts"), problems)
    return Layer(
        models={name: Entry(node, files) for name, node in models.items()},
        prompts={name: Entry(node, files) for name, node in prompts.items()},
        defaults={name: Entry(node, files) for name, node in defaults.items()},
        suite={name: node for name, node in keys.items() if name not in ("models", "prompts", "defaults", "tests")},
    )


def pyproject_layer(settings: Settings, problems: Problems) -> Layer:
    """The lowest layer: `[tool.llmgate]`, whose paths start from the root."""
    where = Where(PYPROJECT)
    keys = {name: from_plain(value, where) for name, value in settings.defaults.items()}
    return layer(keys, SuiteFiles(settings.root, settings.root), problems)


def shown_path(path: Path, root: Path) -> str:
    """A file's path for ids and messages: as it was named, relative to the root."""
    absolute, top = Path(os.path.abspath(path)), Path(os.path.abspath(root))
    if absolute.is_relative_to(top):
        return shown_under(absolute, top)
    return shown_under(absolute.resolve(), root.resolve())


def rebased(name: str, source: SuiteFiles, target: SuiteFiles) -> str:
    """A relative path (with or without `:name`) written for one folder, as seen from another."""
    if source.base == target.base:
        return name
    file, separator, attribute = name.rpartition(":") if ".py:" in name else (name, "", "")
    moved = os.path.relpath(source.base.resolve() / file, target.base.resolve())
    return Path(moved).as_posix() + separator + attribute


def nearby(name: str, files: SuiteFiles, where: Where | None) -> str:
    """A path that stands beside the file that names it, or else starts from the root; as seen from the former."""
    name = beside_or_root(name, files)
    files.resolve(name.rpartition(":")[0] if ".py:" in name else name, where)
    return name


def beside_or_root(name: str, files: SuiteFiles) -> str:
    """The same, for a name that may also be that of a folder, or of nothing."""
    file = name.rpartition(":")[0] if ".py:" in name else name
    try:
        of_root = not (files.base / file).exists() and (files.root / file).exists()
    except (OSError, ValueError):  # a NUL, a name too long: no path at all
        return name
    return rebased(name, SuiteFiles(files.root, files.root), files) if of_root else name
