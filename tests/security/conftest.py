"""Runs of mini-projects, as in tests/plugin."""

from __future__ import annotations

from plugin.conftest import example, models

__all__ = ["example", "models"]
