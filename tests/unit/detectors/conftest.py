"""Builds measures as a run does: by name, through the registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.negated import negate
from pytest_llmgate.extensions.registry import create_registry

Build = Callable[..., Measure]
Judge = Callable[..., Measurement]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """build("contains", value=…): the measure; files are looked for in the test's tmp_path."""
    registry = create_registry(entry_points=False)

    def make(kind: str, **params: Any) -> Measure:
        name = kind.removeprefix("not-")
        where = Where("my.suite.yaml", 5)
        measure = registry.assertion(name).build(params, SuiteFiles(tmp_path, tmp_path), where)
        return measure if name == kind else negate(measure)

    return make


@pytest.fixture
def judge(build: Build) -> Judge:
    """judge("contains", reply, value=…): the measurement of one reply, given as text or Reply."""

    def one(kind: str, reply: Reply | str, case: Case = Case(id="c"), **params: Any) -> Measurement:  # noqa: B008
        given = Reply(reply) if isinstance(reply, str) else reply
        return build(kind, **params).measure(case, Observation(given))

    return one
