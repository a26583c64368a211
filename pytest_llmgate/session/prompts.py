"""Prompts by name, for tests that only render them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pytest_llmgate.core.plan import PromptPlan
from pytest_llmgate.suites.config import build_settings
from pytest_llmgate.suites.load import load_prompts


def named_prompts(root: Path, suite: str | None, folder: Path) -> Mapping[str, PromptPlan]:
    """The prompts of a suite file, or of `[tool.llmgate]` where `suite` is None.

    suite: path relative to `folder`, or else to the root.
    """
    return load_prompts(build_settings(root, {}, {}), suite, folder)
