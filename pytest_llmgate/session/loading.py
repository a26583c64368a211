"""Settings and registry for whoever works without pytest: the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_llmgate.extensions.registry import create_registry
from pytest_llmgate.session.planner import Planner
from pytest_llmgate.suites.config import build_settings

_MARKS_OF_A_ROOT = ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", ".llmgate", ".git")


def find_root(start: Path) -> Path:
    """The nearest folder at or above `start` that looks like a project's root, else `start`."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if any((folder / name).exists() for name in _MARKS_OF_A_ROOT):
            return folder
    return start


def planner(root: Path, options: Mapping[str, Any] | None = None) -> Planner:
    """A planner for the project at `root`; options as on pytest's command line, without `--llm-`."""
    return Planner(build_settings(root, dict(options or {}), os.environ), create_registry())
