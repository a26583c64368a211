"""What makes a pytest item a gated test, and what the gate leaves on pytest's objects. Light: loaded at start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_llmgate.core.markers import is_gate_marker

if TYPE_CHECKING:
    from pytest_llmgate.core.plan import TestPlan
    from pytest_llmgate.pytest_plugin.gate import GatePlugin

PLAN: pytest.StashKey[TestPlan] = pytest.StashKey()
"""On an item: what it samples."""
GATE: pytest.StashKey[GatePlugin] = pytest.StashKey()
"""On the config: the gate of this process."""


def has_gate_marker(item: pytest.Item) -> bool:
    """Whether one of an item's marks makes it a gated test."""
    return any(is_gate_marker(mark.name, mark.args, mark.kwargs) for mark in item.iter_markers())
