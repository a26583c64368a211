"""pytest-xdist: who is who, and where the workers find the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmgate.session import RunDir

if TYPE_CHECKING:
    from pytest_llmgate.pytest_plugin.gate import GatePlugin


def is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def is_controller(config: pytest.Config) -> bool:
    """Whether this process hands out tests and runs none."""
    return not is_worker(config) and bool(getattr(config.option, "tx", None)) and config.getoption("dist", "no") != "no"


def crew(config: pytest.Config) -> tuple[int, str]:
    """How many workers share the run, and this process's name."""
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    if given is not None:
        return int(given["workercount"]), str(given["workerid"])
    return (len(config.option.tx), "main") if is_controller(config) else (1, "main")


def run_of_worker(config: pytest.Config) -> RunDir:
    """The run that the controller opened."""
    given: dict[str, Any] = config.workerinput  # type: ignore[attr-defined]
    return RunDir(Path(given["llmgate_run"]), given["llmgate_run_id"])


class Nodes:
    """Hooks that exist only where xdist does."""

    def __init__(self, gate: GatePlugin) -> None:
        self._gate = gate

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell each worker where the run lies, before it starts."""
        node.workerinput["llmgate_run"] = str(self._gate.run.path)
        node.workerinput["llmgate_run_id"] = self._gate.run.id
