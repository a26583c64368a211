"""Where baseline files lie in a checkout."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_llmgate.core.baseline import BASELINE_SUFFIX

_INSTALLED = frozenset({"node_modules", "venv", "site-packages", "__pycache__"})


def baseline_files(root: Path) -> list[str]:
    """Baseline files of the checkout, relative to its root; not those in hidden folders or of what is installed."""
    found = []
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if not name.startswith(".") and name not in _INSTALLED]
        here = Path(folder).relative_to(root)
        found += [(here / name).as_posix() for name in names if name.endswith(BASELINE_SUFFIX)]
    return sorted(found)
