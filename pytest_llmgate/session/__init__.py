"""The only place where the parts are joined: plans, subjects, measures, rules, store, engine.

Outer rooms (the pytest plugin, the command, the test helpers) import what they need from here and no part
directly. Names resolve when first used, so that a mock or a single assertion does not load the whole gate.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_llmgate.extensions.registry import create_registry
    from pytest_llmgate.providers.loopback import MockModels
    from pytest_llmgate.reports.terminal import broken, lines, progress_line, test_lines
    from pytest_llmgate.reports.words import figures
    from pytest_llmgate.session.circuits.one_look import judge_counts
    from pytest_llmgate.session.gate_session import GateSession
    from pytest_llmgate.session.planner import Planner
    from pytest_llmgate.store.rundir import RunDir
    from pytest_llmgate.subjects.templates import PromptTemplate
    from pytest_llmgate.suites.config import build_settings
    from pytest_llmgate.suites.marked_bodies import MarkedTest

__all__ = [
    "GateSession", "MarkedTest", "MockModels", "Planner", "PromptTemplate", "RunDir", "broken", "build_settings",
    "create_registry", "figures", "judge_counts", "lines", "progress_line", "test_lines",
]  # fmt: skip

_HOMES = {
    "GateSession": "session.gate_session",
    "MarkedTest": "suites.marked_bodies",
    "MockModels": "providers.loopback",
    "Planner": "session.planner",
    "PromptTemplate": "subjects.templates",
    "RunDir": "store.rundir",
    "broken": "reports.terminal",
    "build_settings": "suites.config",
    "create_registry": "extensions.registry",
    "figures": "reports.words",
    "judge_counts": "session.circuits.one_look",
    "lines": "reports.terminal",
    "progress_line": "reports.terminal",
    "test_lines": "reports.terminal",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"pytest_llmgate.{home}"), name)
