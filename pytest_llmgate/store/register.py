"""The register of runs that ended: one line each in `.llmgate/register.jsonl`, whatever becomes of their files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pytest_llmgate.core.files import shown_under
from pytest_llmgate.store.atomic import storing
from pytest_llmgate.store.lines import encode
from pytest_llmgate.store.rundir import STATE, RunDir, state_folder

_NAME = "register.jsonl"


class Ended(NamedTuple):
    """A run that ended. path: its directory, relative to the root where it lies inside. question: the digest of its
    plan without the seeds. live: whether any reply was drawn anew."""

    id: str
    path: str
    question: str
    commit: str | None
    live: bool


def note_ended(root: Path, run: RunDir, question: str, commit: str | None, *, live: bool) -> None:
    """Add a run to the register; one that went on after an interruption may stand there twice."""
    path = state_folder(root) / _NAME
    row = Ended(run.id, shown_under(run.path.resolve(), root.resolve()), question, commit, live)
    with storing(path), path.open("ab", buffering=0) as file:
        file.write(encode(row._asdict()))


def ended_runs(root: Path) -> Iterator[Ended]:
    """The runs of the register, oldest first; lines that a kill tore, or that nobody understands, are left out."""
    for line in _lines(root):
        found = _parsed(line)
        if found is not None:
            yield found


def attempt_number(root: Path, question: str, commit: str | None) -> int:
    """1 + earlier runs of the same plan, whatever their seeds, at the same commit that drew replies anew.

    Runs that were deleted, or whose folder another run took over, count all the same.
    """
    rows = (_parsed(line) for line in _lines(root) if question.encode() in line)
    same = {row.id for row in rows if row is not None and row.live and (row.question, row.commit) == (question, commit)}
    return len(same) + 1


def _lines(root: Path) -> Iterator[bytes]:
    path = root / STATE / _NAME
    if not path.is_file():
        return
    with storing(path), path.open("rb") as file:
        yield from file


def _parsed(line: bytes) -> Ended | None:
    try:
        row = json.loads(line)
        found = Ended(**{name: row[name] for name in Ended._fields})
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    texts = isinstance(found.id, str) and isinstance(found.path, str) and isinstance(found.question, str)
    texts = texts and "\0" not in found.path
    return found if texts and isinstance(found.live, bool) and isinstance(found.commit, str | None) else None
