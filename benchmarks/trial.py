"""What a trial costs where the model takes no time: the slope of a whole process's CPU over the trials."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks import projects
from benchmarks.figures import Figure, Row
from benchmarks.gate_run import gate_run

FEW, MANY, MEMORY = 1_000, 10_000, 100_000
MOST_US, MOST_MB = 40.0, 10.0
SUBJECTS: dict[str, Callable[[Path, int], str]] = {
    "a `function:` subject": projects.function,
    "a prompt with `provider: python`": projects.prompt,
    "a marked test body": projects.body,
}


def measure(folder: Path, *, quick: bool, bare: Path | None, clean: Path | None, mock: Path | None) -> list[Row]:
    """CPU a trial, and the memory that ten times as many trials take."""
    del bare, clean, mock
    projects.create(folder)
    rounds = 2 if quick else 5
    slopes: dict[str, list[float]] = {name: [] for name in SUBJECTS}
    memory: dict[str, float] = {}
    for _ in range(rounds):
        for name, write in SUBJECTS.items():
            few = gate_run(folder, write(folder, FEW), trials=FEW).used
            many = gate_run(folder, write(folder, MANY), trials=MANY).used
            slopes[name].append((many.cpu_s - few.cpu_s) / (MANY - FEW) * 1e6)
            memory[name] = many.rss_mb
    rows: list[Row] = [
        Figure(part="trial", name=f"CPU per trial: {name}", values=values, most=MOST_US, unit="µs", digits=1)
        for name, values in slopes.items()
    ]
    return rows if quick else rows + [_memory(folder, name, memory[name]) for name in SUBJECTS]


def _memory(folder: Path, name: str, before: float) -> Figure:
    peak = gate_run(folder, SUBJECTS[name](folder, MEMORY), trials=MEMORY).used.rss_mb
    text = f"peak memory at {MEMORY:,} trials over {MANY:,}: {name}"
    return Figure(part="trial", name=text, values=(peak - before,), most=MOST_MB, unit="MB", digits=1)
