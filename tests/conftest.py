"""What all tests share: pytester, for those that run pytest itself, and an environment that says nothing."""

from __future__ import annotations

import os
import shutil

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`CI` and keys of whoever runs these tests must not change what they see; a test about them sets its own."""
    for name in ("CI", "OPENAI_API_KEY", "OPENAI_BASE_URL", "PYTEST_ADDOPTS", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus's own tool, of Debian's package `prometheus`: needed in CI, elsewhere its tests are skipped."""
    found = shutil.which("promtool")
    if found is None:
        assert os.environ.get("CI") != "true", "promtool is missing in CI: apt-get install prometheus"
        pytest.skip("promtool is not installed: apt-get install prometheus")
    return found
