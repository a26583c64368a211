"""What a baseline is looked up by."""

from __future__ import annotations

from typing import NamedTuple

ANCHOR = "anchor"
"""Arm of a reply baseline: what the last release had. There is one only where something else was accepted since."""


class BaselineKey(NamedTuple):
    """Test, gate and arm. arm: of a circuit one of a gate's streams, such as `noise×2`, empty for the only one; of
    replies ANCHOR, or empty for what was accepted last."""

    test: str
    gate: str
    arm: str = ""
