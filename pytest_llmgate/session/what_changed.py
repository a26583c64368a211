"""What the suites of a run changed since their branch left its target, for the reviewer: thresholds and prompts."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_llmgate.core.plan import SUITE_SUFFIX
from pytest_llmgate.store.git import file_at, merge_base
from pytest_llmgate.suites.loosened import loosened

_MOST_LINES = 200
_MOST_FILES = 50

Row = Mapping[str, Any]


def changes_since(
    root: Path, plans: Iterable[Row], environ: Mapping[str, str], redact: Callable[[str], str]
) -> list[dict[str, Any]] | None:
    """Rows for the page: what is easier to keep now, and how prompts differ; None where git knows no earlier state.

    plans: rows of `plan.json`. redact: applied to lines of prompts.
    """
    base = merge_base(root, environ)
    if base is None:
        return None
    rows = list(plans)
    suites = sorted({row["file"] for row in rows if row["file"].endswith(SUITE_SUFFIX)})
    found = [
        {"kind": "threshold", "test": "", "gate": "", "text": text, "loosened": True}
        for name in suites[:_MOST_FILES]
        for text in loosened(name, text_at(root, base, name), text_now(root / name))
    ]
    return [*found, *_prompts(root, base, rows, redact)]


def _prompts(root: Path, base: str, rows: Iterable[Row], redact: Callable[[str], str]) -> Iterator[dict[str, Any]]:
    """Unified diffs of the files that prompts stand in."""
    sources = {_source(row) for row in rows}
    for name in sorted(source for source in sources if source and not source.endswith(SUITE_SUFFIX))[:_MOST_FILES]:
        old, new = text_at(root, base, name), text_now(root / name)
        if old is None or new is None or old == new:
            continue
        lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), "before", "now", lineterm="", n=2))
        more = [f"… {len(lines) - _MOST_LINES} more lines"] if len(lines) > _MOST_LINES else []
        text = redact("\n".join([*lines[:_MOST_LINES], *more]))
        yield {"kind": "prompt", "test": name, "gate": "", "text": text, "loosened": False}


def _source(row: Row) -> str:
    where = (row.get("prompt") or {}).get("source") or {}
    return str(where.get("path") or "")


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
