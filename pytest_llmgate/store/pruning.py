"""Old runs: which there are, and deleting them. Nothing beside `.llmgate/runs` is ever touched."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.store.atomic import storing
from pytest_llmgate.store.rundir import STATE, RunDir

_RUN = re.compile(r"(\d{8}T\d{6})(?:\d{3})?-[0-9a-f]{6}")


class OldRun(NamedTuple):
    """A run that began before some time. size: bytes of its files."""

    run: RunDir
    began: datetime
    size: int


def old_runs(root: Path, before: datetime) -> list[OldRun]:
    """The runs in `.llmgate/runs` that began before a time (in UTC), oldest first; none that is at work.

    Only folders with names of runs, and no links. Runs that `--llm-results` put elsewhere are not looked for.
    """
    folder = root / STATE / "runs"
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        began = _began(path.name)
        if began is None or began >= before or path.is_symlink() or not path.is_dir():
            continue
        run = RunDir(path, path.name)
        if not run.is_alive():
            found.append(OldRun(run, began, _size(path)))
    return found


def remove_run(root: Path, old: OldRun) -> bool:
    """Delete a run, and the note that it is the newest where it was; False where it has come alive meanwhile."""
    try:
        with old.run.lock(), storing(old.run.path):
            shutil.rmtree(old.run.path)
    except LlmgateError as fault:
        if any(problem.code == "run-in-use" for problem in fault.problems):
            return False
        raise
    _forget_latest(root)
    return True


def _forget_latest(root: Path) -> None:
    """Remove `.llmgate/latest` where it names a folder that is gone."""
    note = root / STATE / "latest"
    with suppress(OSError, UnicodeDecodeError):
        if not (root / note.read_text(encoding="utf-8").strip()).exists():
            note.unlink()


def _began(name: str) -> datetime | None:
    """When the run of this name began; None for what is no name of a run."""
    match = _RUN.fullmatch(name)
    if match is None:
        return None
    try:
        return datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
