"""Reports in a run's directory, and `reports.json`, which says which there are and which failed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pytest_llmgate.core.errors import LlmgateError, problem
from pytest_llmgate.store.atomic import storing, write_atomic
from pytest_llmgate.store.manifest import read_json, write_json

NOTE = "reports.json"
RECORDS = re.compile(
    r"(run|plan|result|ledger|reports|baseline\.proposed)\.json|baseline\.proposed\.md|run\.lock|stop|report\.html"
    r"|(trials|transcripts|tests|execution|proposals)(\.[A-Za-z0-9_-]+(\.\d+)?)?\.jsonl"
)
"""What a run writes in its directory; a report that is not listed in the note is an old one."""
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_NAME = re.compile(rf"({_PART}/)?{_PART}")
_OLD = ("report.html",)


@dataclass(frozen=True, slots=True)
class ReportNote:
    """files: by report, the names of its files. failed: by report, why there is none."""

    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """All reports that were asked for, sorted."""
        return tuple(sorted({*self.files, *self.failed}))


def read_note(folder: Path) -> ReportNote:
    """What `reports.json` says; nothing where there is none or it cannot be read."""
    try:
        found = read_json(folder / NOTE)
        files = {
            str(name): tuple(str(file) for file in listed if _NAME.fullmatch(str(file)))
            for name, listed in found["files"].items()
        }
        return ReportNote(files, {str(name): str(why) for name, why in found["failed"].items()})
    except (LlmgateError, OSError, KeyError, TypeError, AttributeError):
        return ReportNote()


def write_note(folder: Path, note: ReportNote) -> None:
    """Write `reports.json`."""
    files = {name: list(note.files[name]) for name in sorted(note.files)}
    write_json(folder / NOTE, {"files": files, "failed": dict(sorted(note.failed.items()))})


def write_report_file(folder: Path, name: str, text: str) -> Path:
    """Write one file of a report; raises `report-file` for a name that leaves the folder or is one of the run's."""
    own = RECORDS.fullmatch(name) and name not in _OLD
    if own or not _NAME.fullmatch(name) or name.endswith((".lock", ".tmp")):
        hint = "a.json or folder/a.json, of letters, digits, dots, hyphens, and not a file of the run itself"
        raise problem("report-file", f"a report cannot be written to {name!r}", None, hint)
    path = folder / name
    with storing(path):
        path.parent.mkdir(exist_ok=True)
    write_atomic(path, text.encode("utf-8", "backslashreplace"))
    return path


def remove_report_files(folder: Path, names: tuple[str, ...]) -> None:
    """Remove files of a report; one that is gone already is no matter."""
    for path in (folder / name for name in names if not RECORDS.fullmatch(name) or name in _OLD):
        with suppress(OSError):
            path.unlink()
        if path.parent != folder:
            with suppress(OSError):  # other files are in it
                path.parent.rmdir()
