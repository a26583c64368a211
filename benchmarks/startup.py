"""What the plugin adds to a `pytest` run that does not use it: CPU, by interleaved rounds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks import projects
from benchmarks.child import pytest_command, run
from benchmarks.figures import Figure, Row
from benchmarks.options import Options

MOST_MS = 15.0


def measure(folder: Path, given: Options) -> list[Row]:
    """The plugin installed and unused, against itself switched off and against pytest alone."""
    test = projects.plain_test(projects.create(folder))
    used = str(given.clean / "bin/python") if given.clean else sys.executable
    commands = {"installed": _plain(used, test), "off": _plain(used, "-pno:llmgate", test)}
    made = given.bare or _make_bare(folder / "bare")
    if made is not None:
        commands["bare"] = [str(made / "bin/python"), "-m", "pytest", "-q", "-pno:cacheprovider", test]
    spent = _rounds(folder, commands, 7 if given.quick else 21)
    note = "a clean environment" if given.clean else "this environment, other plugins off"
    return [
        _added(spent, "off", "CPU added to `pytest`, against `-p no:llmgate` in the same environment", note),
        _added(spent, "bare", "CPU added to `pytest`, against an environment with pytest alone", note),
        *_quietest(spent),
        Figure(part="startup", name="CPU of `pytest` with the plugin", values=spent["installed"], unit="ms", digits=0),
    ]


def _plain(python: str, *arguments: str) -> list[str]:
    if python == sys.executable:
        return pytest_command(*arguments)
    return [python, "-m", "pytest", "-q", "-pno:cacheprovider", *arguments]


def _rounds(folder: Path, commands: Mapping[str, list[str]], rounds: int) -> dict[str, list[float]]:
    """CPU in ms of each command in each round; the round before the first fills the caches."""
    spent: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name in list(commands) if number % 2 else reversed(list(commands)):
            cpu = run(commands[name], folder).cpu_s * 1000.0
            if number:
                spent[name].append(cpu)
    return spent


def _added(spent: Mapping[str, list[float]], base: str, name: str, note: str) -> Figure:
    if base not in spent:
        return Figure(part="startup", name=name, values=(), most=MOST_MS, unit="ms", digits=1, note="see --bare")
    added = [ours - theirs for ours, theirs in zip(spent["installed"], spent[base], strict=True)]
    return Figure(part="startup", name=name, values=added, most=MOST_MS, unit="ms", digits=1, note=note)


def _quietest(spent: Mapping[str, list[float]]) -> list[Row]:
    """Smallest against smallest: what other work on the machine disturbs least."""
    if "bare" not in spent:
        return []
    added = min(spent["installed"]) - min(spent["bare"])
    return [Figure(part="startup", name="the same, smallest of each", values=(added,), unit="ms", digits=1)]


def _make_bare(folder: Path) -> Path | None:
    """A new environment with pytest alone; None where it cannot be made, such as without a network."""
    try:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "pytest"]
        subprocess.run(pip, check=True, capture_output=True, timeout=120)
    except (OSError, subprocess.SubprocessError):
        return None
    return folder
