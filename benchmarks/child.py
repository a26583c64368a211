"""Child processes with what they used: CPU of a process and of what it started, and its peak memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from tempfile import TemporaryFile

_OURS = "llmgate"
_UNITS_PER_MB = 1 << 20 if sys.platform == "darwin" else 1 << 10  # macOS counts bytes, Linux kilobytes
_HIDDEN = (
    "CI", "OPENAI_BASE_URL", "PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_PLUGINS",
    "PYTHONDONTWRITEBYTECODE",  # users have compiled modules from the second run on
)  # fmt: skip


class ChildFailed(Exception):  # noqa: N818 - reads as what happened
    """A measured command did not end as it must, so its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Used:
    """cpu_s: user and system. rss_mb: peak resident set. output: of both streams."""

    cpu_s: float
    rss_mb: float
    output: str


def run(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None, ends: int = 0) -> Used:
    """Run a command to its end; raises ChildFailed where its exit code is not `ends`."""
    with TemporaryFile() as out:
        process = subprocess.Popen(command, cwd=folder, env=_environment(env), stdout=out, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        output = out.read().decode("utf-8", "replace")
    if process.returncode != ends:
        raise ChildFailed(f"{' '.join(command)} ended with {process.returncode}:\n{output[-2000:]}")
    return Used(used.ru_utime + used.ru_stime, used.ru_maxrss / _UNITS_PER_MB, output)


def own_peak_mb() -> float:
    """Peak memory of this process. A child starts as its copy, so no child's peak reads lower than this."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _UNITS_PER_MB


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
    return {**kept, **(more or {})}


def pytest_command(*arguments: str, python: str = sys.executable, keep: Sequence[str] = ()) -> list[str]:
    """pytest with our plugin alone: others of this environment are not what is measured, `keep` names exceptions."""
    off = [f"-pno:{name}" for name in _foreign_plugins() if name not in keep]
    return [python, "-m", "pytest", "-q", "-pno:cacheprovider", *off, *arguments]


@cache
def _foreign_plugins() -> tuple[str, ...]:
    return tuple(sorted({point.name for point in entry_points(group="pytest11")} - {_OURS}))
