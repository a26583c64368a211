"""The directory of a run: what is in it, which one is the newest, which one can go on."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_llmgate.core.codec import plain
from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.core.files import shown_under
from pytest_llmgate.store.atomic import storing, write_atomic
from pytest_llmgate.store.locks import try_exclusive
from pytest_llmgate.store.manifest import (
    RunManifest,
    damaged,
    is_ours,
    read_json,
    read_manifest,
    write_json,
    write_manifest,
)
from pytest_llmgate.store.report_files import RECORDS, read_note, remove_report_files

STATE = ".llmgate"
_NEWEST = 200
_START_HINT = "start one with: pytest --llm-suite"


def new_id() -> str:
    """A name that sorts by the time at which it was made, to the millisecond."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}-{secrets.token_hex(3)}"


@dataclass(frozen=True, slots=True)
class RunDir:
    """One run's directory. id: also its name, unless `--llm-results` chose another place."""

    path: Path
    id: str

    @staticmethod
    def create(root: Path, results: Path | None = None) -> RunDir:
        """Make the directory of a new run.

        root: the directory of `.llmgate/`. results: where else the run shall lie; files of an earlier run in it are
        replaced, and `.llmgate/` need not be writable. Raises `run-in-use`, `results-not-ours`, `cannot-write` or
        `disk-full`.
        """
        run_id = new_id()
        path = state_folder(root) / "runs" / run_id if results is None else results
        with storing(path):
            path.mkdir(parents=True, exist_ok=True)
            _make_room(path)
            (path / "run.lock").touch()
        return RunDir(path, run_id)

    @staticmethod
    def open(path: Path) -> RunDir:
        """The run in a directory; raises `no-run` where there is none."""
        if not (path / "run.json").is_file():
            raise problem("no-run", "this is not the directory of a run", Where(str(path)), _START_HINT)
        return RunDir(path, read_manifest(path / "run.json").id)

    @staticmethod
    def latest(root: Path) -> RunDir:
        """The newest run, wherever it lies; raises `no-run`."""
        note = root / STATE / "latest"
        try:
            name = note.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise problem("no-run", "there is no run yet", Where(str(note)), _START_HINT) from None
        return RunDir.open(root / name)

    @staticmethod
    def find(root: Path, name: str | None) -> RunDir:
        """The run that a person names: by directory, by id, or the newest one for None."""
        if name is None:
            return RunDir.latest(root)
        for path in (Path(name), root / name, root / STATE / "runs" / name):
            if (path / "run.json").is_file():
                return RunDir.open(path)
        raise problem("no-run", f"there is no run {name!r}", None, f"name a run's directory or id, or {_START_HINT}")

    def note_latest(self, root: Path) -> str:
        """Write the run into `.llmgate/latest`, relative to the root where it lies inside; why not, where it cannot be.

        Raises LlmgateError for a run in `.llmgate` itself, which could not be kept either.
        """
        name = shown_under(self.path.resolve(), root.resolve())
        return self.try_noting(root, lambda: write_atomic(state_folder(root) / "latest", os.fsencode(name)))

    def try_noting(self, root: Path, write: Callable[[], None]) -> str:
        """Write something about this run into `.llmgate`; why that cannot be, where the run itself lies elsewhere.

        Raises LlmgateError for any other run, which could not be kept either.
        """
        try:
            write()
        except LlmgateError as fault:
            if not self.is_elsewhere(root):
                raise
            return f"{fault.problems[0].where}: {fault.problems[0].message}"
        return ""

    def is_elsewhere(self, root: Path) -> bool:
        """Whether it does not lie in `.llmgate`, so that the root may be one that nobody can write to."""
        return not self.path.resolve().is_relative_to((root / STATE).resolve())

    def write_manifest(self, manifest: RunManifest) -> None:
        """Write `run.json`."""
        write_manifest(self.path / "run.json", manifest)

    def read_manifest(self) -> RunManifest:
        """Read `run.json`; raises `run-damaged`."""
        return read_manifest(self.path / "run.json")

    def write_plan(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write `plan.json` (tests in JSON form), once: a resumed run keeps the first."""
        path = self.path / "plan.json"
        if not path.exists():
            write_json(path, [plain(row) for row in rows])

    def read_plan(self) -> list[dict[str, Any]]:
        """The tests of `plan.json`; raises `run-damaged`."""
        rows = read_json(self.path / "plan.json")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise damaged(self.path / "plan.json", "not a list of tests")
        return rows

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write `result.json` with its keys in the order given; raises ValueError for a NaN."""
        write_json(self.path / "result.json", result)

    def read_result(self) -> dict[str, Any] | None:
        """The content of `result.json`, None where the run has none; raises `run-damaged`."""
        path = self.path / "result.json"
        if not path.exists():
            return None
        result = read_json(path)
        if not isinstance(result, dict):
            raise damaged(path, "not an object")
        return result

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Mark the run as alive while the block runs; raises `run-in-use` where it is already."""
        with storing(self.path):
            descriptor = _patiently(self.path / "run.lock")
        if descriptor is None:
            raise _in_use(self.path)
        try:
            yield
        finally:
            os.close(descriptor)

    def is_alive(self) -> bool:
        """Whether a process holds `lock()` now."""
        return _locked(self.path)

    def is_interrupted(self) -> bool:
        """Whether the run is over without having ended by itself, so that it can be resumed."""
        try:
            result = self.read_result()
        except LlmgateError:
            result = None
        if result is not None:
            told = result.get("run")
            if not (isinstance(told, dict) and told.get("interrupted") is True):
                return False
        return not self.is_alive()


def state_folder(root: Path) -> Path:
    """`.llmgate/` of a root, made if need be; it hides itself from git."""
    folder = root / STATE
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            write_atomic(ignore, b"*\n")
    return folder


def known_runs(root: Path, results: Path | None = None) -> list[RunDir]:
    """Runs that can be found from `root`, newest first: in `.llmgate/runs`, the latest, and the one in `results`."""
    folder = root / STATE / "runs"
    names = sorted(os.listdir(folder), reverse=True)[:_NEWEST] if folder.is_dir() else []
    runs = [RunDir(folder / name, name) for name in names if (folder / name / "run.json").is_file()]
    with suppress(LlmgateError):  # there is none, or it was damaged
        runs.append(RunDir.latest(root))
    if results is not None:
        with suppress(LlmgateError):
            runs.append(RunDir.open(results))
    unique = {run.path.resolve(): run for run in runs}
    return sorted(unique.values(), key=lambda run: run.id, reverse=True)


def find_interrupted(root: Path, results: Path | None = None) -> RunDir | None:
    """The interrupted run to go on with: the one in `results` if there is one, else the newest."""
    runs = known_runs(root, results)
    if results is not None:
        runs.sort(key=lambda run: run.path.resolve() != results.resolve())
    return next((run for run in runs if is_ours(run.path / "run.json") and run.is_interrupted()), None)


def _make_room(path: Path) -> None:
    """Remove the files of an earlier run; refuse where files of these names are somebody else's."""
    found = [file for file in path.iterdir() if RECORDS.fullmatch(file.name)]
    if not found:
        return
    if _locked(path):
        raise _in_use(path)
    if not ((path / "run.lock").exists() or is_ours(path / "run.json") or is_ours(path / "result.json")):
        names = ", ".join(sorted(file.name for file in found))
        hint = "choose an empty or new folder with --llm-results"
        raise problem("results-not-ours", f"the folder holds files that no run wrote: {names}", Where(str(path)), hint)
    for reports in read_note(path).files.values():
        remove_report_files(path, reports)
    for file in found:
        file.unlink(missing_ok=True)


def _locked(folder: Path) -> bool:
    path = folder / "run.lock"
    if not path.exists():
        return False
    try:
        descriptor = try_exclusive(path)
    except OSError:
        return True  # not ours to look at, so not ours to touch
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def _patiently(path: Path) -> int | None:
    """Take a lock; somebody who only looks whether it is held has it for a moment."""
    for _ in range(20):
        descriptor = try_exclusive(path)
        if descriptor is not None:
            return descriptor
        time.sleep(0.02)
    return None


def _in_use(path: Path) -> LlmgateError:
    hint = "wait for it to end, or choose another folder with --llm-results"
    return problem("run-in-use", "another run is at work here", Where(str(path)), hint)
