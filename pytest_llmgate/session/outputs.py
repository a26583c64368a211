"""Reports of a finished run: which are wanted, each rendered from the one result, none able to harm anything else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_llmgate.core.ports import Renderer
from pytest_llmgate.core.rendered import Rendered, RunView
from pytest_llmgate.extensions.registry import Registry
from pytest_llmgate.reports.escape import clipped, harmless, visible
from pytest_llmgate.session.trial_evidence import evidence_of
from pytest_llmgate.store.designs import DesignCache
from pytest_llmgate.store.journal import Recorded
from pytest_llmgate.store.report_files import (
    ReportNote,
    read_note,
    remove_report_files,
    write_note,
    write_report_file,
)
from pytest_llmgate.store.rundir import STATE, RunDir
from pytest_llmgate.store.shot_book import SHOT_BOOK, ShotBook

_WHY = 400  # characters of a fault
Wanted = Callable[[str, Renderer], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What became of the reports. lines: to print. failed: by report, why there is none."""

    written: tuple[Path, ...] = ()
    lines: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def warnings(self) -> list[str]:
        """A sentence about each report that failed."""
        return [f"the report {name!r} could not be written: {why}" for name, why in sorted(self.failed.items())]


def check_named(registry: Registry, names: Iterable[str]) -> None:
    """Raise LlmgateError for a report that does not exist or cannot be loaded, before anything is spent."""
    for name in names:
        registry.report(name)


def named_or_active(names: Iterable[str], environ: Mapping[str, str]) -> Wanted:
    """The reports of a run: those that were named, and those that the environment switches on."""
    named = frozenset(names)
    return lambda name, renderer: name in named or renderer.active(environ)


def view_of(run: RunDir, root: Path, environ: Mapping[str, str]) -> RunView:
    """A run as renderers see it; its records are opened when the first of them asks, as indexing takes a while."""
    recorded: list[Recorded] = []

    def transcript(digest: str) -> Mapping[str, Any] | None:
        if not recorded:
            recorded.append(Recorded(run))
        return recorded[0].transcript(digest)

    def said(digest: str) -> str | None:
        row = transcript(digest)
        return None if row is None else str(row.get("text", ""))

    def trials() -> Iterator[Mapping[str, Any]]:
        with (run.path / "trials.jsonl").open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines)

    return RunView(
        folder=run.path, root=root, environ=environ, said=said, trials=trials, plans=run.read_plan,
        unsettled=lambda: _unsettled(root), transcript=transcript,
        evidence=lambda result: evidence_of(run, result, DesignCache(root)),
    )  # fmt: skip


def _unsettled(root: Path) -> Mapping[str, int]:
    """Open reservations of runs that are over, by what their budget is of."""
    path = root / STATE / SHOT_BOOK
    if not path.is_file():
        return {}
    return Counter(item.scope for item in ShotBook(path).unsettled() if not item.alive)


def write_outputs(
    result: Mapping[str, Any], view: RunView, registry: Registry, wanted: Wanted, *, aloud: bool = True
) -> Outputs:
    """Render and write the reports that are wanted.

    aloud: whether text is appended where other steps of a job append too, and lines are handed out to be printed.
    A report that fails, whatever it does, is noted in `reports.json` and in the answer; the others are written.
    """
    content = json.dumps(result)  # each gets a result of its own, so that none can change what others show
    note = read_note(view.folder)
    files = dict(note.files)
    failed: dict[str, str] = {}
    rendered_now: set[str] = set()
    written: list[Path] = []
    lines: list[str] = []
    for name in registry.reports():
        try:
            renderer = registry.report(name)
            if not wanted(name, renderer):
                continue
            rendered = renderer.render(json.loads(content), view)
            paths = [write_report_file(view.folder, file, text) for file, text in rendered.files.items()]
            lines += _told(rendered) if aloud else ()
        except (Exception, SystemExit) as fault:
            failed[name] = _why(fault)
            remove_report_files(view.folder, files.pop(name, ()))
        else:
            rendered_now.add(name)
            remove_report_files(view.folder, tuple(set(files.get(name, ())) - set(rendered.files)))
            files[name] = tuple(rendered.files)
            written += paths
    still = {name: why for name, why in note.failed.items() if name not in rendered_now}
    write_note(view.folder, ReportNote(files, {**still, **failed}))
    return Outputs(written=tuple(written), lines=tuple(lines), failed=failed)


def _told(rendered: Rendered) -> list[str]:
    """Append what is to be appended; the lines to print, none of which is more than one line."""
    for path, text in rendered.appended.items():
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    return [harmless(line) for line in rendered.lines]


def _why(fault: BaseException) -> str:
    said = visible(str(fault))
    return clipped(f"{type(fault).__name__}: {said}" if said else type(fault).__name__, _WHY)
