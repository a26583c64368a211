from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.reply import Request
from pytest_llmgate.providers.loopback import MockModels


@pytest.fixture
def mocks() -> Iterator[MockModels]:
    """Scripted models and loopback servers, closed at the end of the test."""
    opened = MockModels()
    yield opened
    opened.close()


@pytest.fixture
def files(tmp_path: Path) -> SuiteFiles:
    """Suite files under a fresh folder."""
    return SuiteFiles(tmp_path, tmp_path)


@pytest.fixture
def ask() -> Callable[..., Request]:
    """Builds a request with one user message."""

    def build(text: str = "hello", **fields: Any) -> Request:
        return Request(
            **{"model": "m", "messages": ({"role": "user", "content": text},), **fields},
        )

    return build
