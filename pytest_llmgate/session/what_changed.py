"""What the suites of a run changed since their branch left its target, for the reviewer: thresholds, prompts, files."""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_llmgate.core.plan import SUITE_SUFFIX
from pytest_llmgate.store.git import file_at, files_changed, merge_base
from pytest_llmgate.suites.config import PYPROJECT
from pytest_llmgate.suites.loosened import case_files, loosened

_MOST_LINES = 200
_MOST_FILES = 50
_LONGEST_NAME = 300

Row = Mapping[str, Any]


def changes_since(
    root: Path, plans: Iterable[Row], environ: Mapping[str, str], redact: Callable[[str], str]
) -> list[dict[str, Any]] | None:
    """Rows for the page: what is easier to keep now, and how the files differ that tests rest on; None outside git.

    plans: rows of `plan.json`. redact: applied to lines of files.
    """
    base = merge_base(root, environ)
    if base is None:
        return None
    changed = files_changed(root, base)
    found = [
        {"kind": "threshold", "test": "", "gate": "", "text": text, "loosened": True}
        for text in loosened_since(root, base, changed)
    ]
    return [*found, *_files(root, base, set(changed), list(plans), redact)]


def loosened_since(root: Path, commit: str, changed: Iterable[str] | None = None) -> list[str]:
    """What suite files, test modules and pyproject.toml let pass that those of a commit did not.

    changed: files that differ, where they are known.
    """
    names = files_changed(root, commit) if changed is None else changed
    return [text for name in names if _may_gate(name) for text in _loosened(root, commit, name)]


def _may_gate(name: str) -> bool:
    return name == PYPROJECT or name.endswith((SUITE_SUFFIX, ".py"))


def _loosened(root: Path, commit: str, name: str) -> list[str]:
    old, new = text_at(root, commit, name), text_now(root / name)
    if name.endswith(".py") and "mark." not in (old or ""):
        return []  # no test module of ours
    if name == PYPROJECT:
        return loosened(name, old, new)
    fewer = (text for cases in case_files(name, old, new) for text in _fewer(root, commit, cases))
    return [*loosened(name, old, new), *fewer]


def _fewer(root: Path, commit: str, name: str) -> Iterator[str]:
    """Whether a file of cases has lost some; only those with a case a line can be counted."""
    old, new = text_at(root, commit, name), text_now(root / name)
    was, now = (sum(1 for line in (text or "").splitlines() if line.strip()) for text in (old, new))
    if name.endswith((".jsonl", ".csv")) and now < was:
        yield f"{name}: {was} → {now} lines of cases"


def _files(
    root: Path, base: str, changed: Collection[str], rows: Sequence[Row], redact: Callable[[str], str]
) -> Iterator[dict[str, Any]]:
    """Unified diffs of the files that prompts stand in, and of the schemas and policies that gates name."""
    prompts = {_source(row) for row in rows}
    others = {name for row in rows for name in _named(row)}
    for name in sorted((prompts | others) & set(changed))[:_MOST_FILES]:
        text = _difference(text_at(root, base, name), text_now(root / name))
        if text and not name.endswith((SUITE_SUFFIX, ".py")):
            kind = "prompt" if name in prompts else "file"
            yield {"kind": kind, "test": name, "gate": "", "text": redact(text), "loosened": False}


def _difference(old: str | None, new: str | None) -> str:
    """A unified diff, cut at some length; empty where there is nothing to compare."""
    if old is None or new is None:
        return ""
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), "before", "now", lineterm="", n=2))
    more = [f"… {len(lines) - _MOST_LINES} more lines"] if len(lines) > _MOST_LINES else []
    return "\n".join([*lines[:_MOST_LINES], *more])


def _source(row: Row) -> str:
    where = (row.get("prompt") or {}).get("source") or {}
    return str(where.get("path") or "")


def _named(row: Row) -> Iterator[str]:
    """What may be files among the parameters of gates, relative to the root."""
    base = str(row.get("base") or "")
    for gate in row.get("gates") or ():
        for value in (gate.get("params") or {}).values():
            if isinstance(value, str) and len(value) < _LONGEST_NAME and "\n" not in value:
                yield posixpath.normpath(posixpath.join(base, value))


def text_at(root: Path, commit: str, name: str) -> str | None:
    """A file at a commit, None where it has none."""
    data = file_at(root, commit, name)
    return None if data is None else data.decode("utf-8", "replace")


def text_now(path: Path) -> str | None:
    """A file of the checkout, None where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
