"""What a trial costs where the model takes no time: the slope of a whole process's CPU over the trials."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks import projects
from benchmarks.child import Used, own_peak_mb
from benchmarks.figures import Figure, Row
from benchmarks.gate_run import gate_run
from benchmarks.options import Options

FEW, MANY, MEMORY = 1_000, 10_000, 100_000
MOST_US, MOST_MB = 40.0, 10.0
SUBJECTS: dict[str, Callable[[Path, int], str]] = {
    "a `function:` subject": projects.function,
    "a prompt with `provider: python`": projects.prompt,
    "a marked test body": projects.body,
}


def measure(folder: Path, given: Options) -> list[Row]:
    """CPU a trial, and the memory that ten times as many trials take."""
    projects.create(folder)
    slopes: dict[str, list[float]] = {name: [] for name in SUBJECTS}
    for write in SUBJECTS.values():
        _run(folder, write, FEW)  # compiles what is imported
    for _ in range(2 if given.quick else 5):
        for name, write in SUBJECTS.items():
            few, many = _run(folder, write, FEW), _run(folder, write, MANY)
            slopes[name].append((many.cpu_s - few.cpu_s) / (MANY - FEW) * 1e6)
    rows: list[Row] = [
        Figure(part="trial", name=f"CPU per trial: {name}", values=values, most=MOST_US, unit="µs", digits=1)
        for name, values in slopes.items()
    ]
    return rows if given.quick else rows + [_memory(folder, name) for name in SUBJECTS]


def _memory(folder: Path, name: str) -> Figure:
    """The worst of a few differences of peaks: a peak is no average, and a single one may miss it."""
    text = f"peak memory at {MEMORY:,} trials over {MANY:,}: {name}"
    before, after = ([_run(folder, SUBJECTS[name], trials).rss_mb for _ in range(2)] for trials in (MANY, MEMORY))
    if min(before) <= own_peak_mb():
        return Figure(part="trial", name=text, values=(), most=MOST_MB, note="this process is larger than its child")
    grown = max(after) - min(before)
    return Figure(part="trial", name=text, values=(grown,), most=MOST_MB, unit="MB", digits=1, note="worst of 2")


def _run(folder: Path, write: Callable[[Path, int], str], trials: int) -> Used:
    return gate_run(folder, write(folder, trials), trials=trials).used
