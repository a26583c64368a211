"""Which commit a run judged."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_TIMEOUT_S = 5.0
# The repository's own configuration must not start programs: no file-system monitor, no hooks.
_COMMAND = (
    "git", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}",
    "status", "--porcelain=v2", "--branch", "--untracked-files=no",
)  # fmt: skip


def revision(root: Path) -> tuple[str | None, bool | None]:
    """Commit of the checkout at `root`, and whether tracked files differ from it; None outside git."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        told = subprocess.run(  # noqa: S603 - a constant command
            _COMMAND, cwd=root, env=env, capture_output=True, timeout=_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return None, None
    if told.returncode:
        return None, None
    lines = told.stdout.decode("utf-8", "replace").splitlines()
    commits = [line.split()[2] for line in lines if line.startswith("# branch.oid ")]
    commit = commits[0] if commits and commits[0] != "(initial)" else None
    return commit, any(not line.startswith("#") for line in lines)
