"""What the suites of a run changed since their branch left its target, for the reviewer: thresholds, prompts, files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from pytest_llmgate.core.plan import SUITE_SUFFIX
from pytest_llmgate.reports.escape import clipped
from pytest_llmgate.store.git import Base, file_at, files_at, files_changed, merge_base
from pytest_llmgate.suites.changed import changed
from pytest_llmgate.suites.config import PYPROJECT
from pytest_llmgate.suites.differences import counted_lines, unified
from pytest_llmgate.suites.loosened import loosened
from pytest_llmgate.suites.versions import version_of

_MOST_ROWS = 500
_MOST_FILES = 200
_LONGEST = 20_000
_BINARY = (".qpy",)

Row = Mapping[str, Any]


class Since(NamedTuple):
    """What changed. rows: None where no earlier state is known.

    against: the `commit` they are compared with, the `target` that the branch left there, and the `reason` why there
    is nothing to compare with; each None where there is none.
    """

    rows: list[dict[str, Any]] | None
    against: dict[str, str | None]


class _Versions:
    """The checkout, and the commit that it is compared with; each file is read once."""

    def __init__(self, root: Path, commit: str) -> None:
        self.root = root
        self._commit = commit
        self._texts: dict[str, tuple[str | None, str | None]] = {}

    def of(self, name: str) -> tuple[str | None, str | None]:
        """The texts of a file then and now, None where there is none."""
        if name not in self._texts:
            self._texts[name] = text_at(self.root, self._commit, name), text_now(self.root / name)
        return self._texts[name]


def changes_since(root: Path, plans: Iterable[Row], environ: Mapping[str, str], redact: Callable[[str], str]) -> Since:
    """Rows for the page: what is easier to keep now, what else suites say otherwise, and the files that tests rest on.

    plans: rows of `plan.json`. redact: applied to every text.
    """
    base = merge_base(root, environ)
    if base.commit is None:
        return Since(None, _against(base, base.reason))
    versions, rows = _Versions(root, base.commit), list(plans)
    known = files_changed(root, base.commit)
    if known is None:
        return Since(None, _against(base, "git did not say which files differ"))
    names = {*known, *_untracked(root, base.commit, rows)}
    cases = _case_files(root, sorted(names), _homes(rows))
    looser = _looser(versions, sorted(names), cases)
    found = [
        *(_row("threshold", "", "", text, loosened=True) for text in looser),
        *(_row(*change) for name in sorted(names) if _may_gate(name) for change in _suite(versions, name)),
        *_files(versions, names, cases, rows),
    ]
    reason = f"this commit belongs to {base.target} itself, and no branch has left it" if base.on_target else ""
    return Since([_shown(row, redact) for row in _bounded(found)], _against(base, "" if names else reason))


def loosened_since(root: Path, commit: str) -> list[str]:
    """What suite files, modules and pyproject.toml let pass that those of a commit did not, and cases that are gone."""
    names = files_changed(root, commit) or []
    return _looser(_Versions(root, commit), names, _case_files(root, names, ()))


def _looser(versions: _Versions, names: Sequence[str], cases: Sequence[str]) -> list[str]:
    """names: files that differ; cases: those of them that hold cases."""
    texts = [text for name in names if _may_gate(name) for text in _loosened(versions, name)]
    return [*texts, *(text for name in cases for text in _fewer(versions, name))]


def _against(base: Base, reason: str) -> dict[str, str | None]:
    return {"commit": base.commit, "target": base.target, "reason": reason or None}


def _untracked(root: Path, commit: str, rows: Sequence[Row]) -> set[str]:
    """Files of the tests that git neither knows nor ignores."""
    named = {name for row in rows for name in _rests_on(row)}
    then = files_at(root, commit, "")
    return named & set(files_at(root, None, "")) - set(then) if then else set()  # nothing: git did not say


def _rests_on(row: Row) -> set[str]:
    """The files of a test: its suite or module, its prompts, and all that its keys name."""
    return {str(row.get("file") or ""), *_prompts(row), *(row.get("content") or ())} - {""}


def _prompts(row: Row) -> set[str]:
    """The files that its prompts stand in."""
    prompts = [row.get("prompt"), *(row.get("prompts") or {}).values()]
    return {str(((prompt or {}).get("source") or {}).get("path") or "") for prompt in prompts} - {""}


def _may_gate(name: str) -> bool:
    return name == PYPROJECT or name.endswith((SUITE_SUFFIX, ".py"))


def _suite(versions: _Versions, name: str) -> Iterable[tuple[str, str, str, str]]:
    old, new = versions.of(name)
    return changed(name, old, new) if not name.endswith(".py") or "mark." in f"{old}{new}" else ()


def _loosened(versions: _Versions, name: str) -> list[str]:
    old, new = versions.of(name)
    if name.endswith(".py") and "mark." not in (old or ""):
        return []  # no test module of ours
    return loosened(name, old, new)


def _homes(rows: Iterable[Row]) -> set[str]:
    """The files that tests stand in."""
    return {str(row.get("file") or "") for row in rows} - {""}


def _case_files(root: Path, names: Sequence[str], homes: Collection[str]) -> list[str]:
    """Those of the files that a suite, a module of `homes`, or one among them names as its cases.

    homes: test modules whose cases are looked at, though they stay as they are.
    """
    listed = [name for name in names if not _may_gate(name)]
    if not listed:
        return []
    found: set[str] = set()
    for file in {*files_at(root, None, SUITE_SUFFIX), *homes, *(name for name in names if name.endswith(".py"))}:
        text = text_now(root / file) or ""
        if any(PurePosixPath(name).name in text for name in listed):  # most suites need no reading
            version = version_of(file, text)
            found |= set() if version is None else version.case_files(file)
    return [name for name in listed if name in found]


def _fewer(versions: _Versions, name: str) -> Iterator[str]:
    """Whether a file of cases has lost some; only those with a case a line can be counted."""
    was, now = (sum(1 for line in (text or "").splitlines() if line.strip()) for text in versions.of(name))
    if name.endswith((".jsonl", ".csv")) and now < was:
        yield f"{name}: {was} → {now} lines of cases"


def _files(
    versions: _Versions, names: Collection[str], cases: Sequence[str], rows: Sequence[Row]
) -> Iterator[dict[str, Any]]:
    """How the files differ that tests rest on, and that are no suites."""
    prompts = {name for row in rows for name in _prompts(row)}
    wanted = sorted({*cases} | ({name for row in rows for name in _rests_on(row)} & set(names)))
    own = [name for name in wanted if name != PYPROJECT and not name.endswith(SUITE_SUFFIX)]
    for name in own[:_MOST_FILES]:
        kind = "prompt" if name in prompts else "cases" if name in cases else _kind(name)
        text = _file(kind, name, *versions.of(name))
        if text:
            yield _row(kind, name, "", text)
    if len(own) > _MOST_FILES:
        yield _row("file", "", "", f"{len(own) - _MOST_FILES} more files differ")


def _kind(name: str) -> str:
    endings = {".qasm": "circuit", ".qpy": "circuit", ".py": "code", ".jsonl": "cases", ".csv": "cases"}
    return endings.get(PurePosixPath(name).suffix, "file")


def _file(kind: str, name: str, old: str | None, new: str | None) -> str:
    """How a file differs: line by line where people read it so, else by the number of lines."""
    if name.endswith(_BINARY) or "\0" in f"{old}{new}":
        return "changed"
    if kind not in ("cases", "code"):
        return unified(old, new)
    new_or_gone = "new: " if old is None else "gone: " if new is None else ""
    return new_or_gone + (counted_lines(old, new) or "lines in another order")


def _row(kind: str, test: str, gate: str, text: str, *, loosened: bool = False) -> dict[str, Any]:
    return {"kind": kind, "test": test, "gate": gate, "text": text, "loosened": loosened}


def _bounded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    more = len(rows) - _MOST_ROWS
    return rows if more <= 0 else [*rows[:_MOST_ROWS], _row("more", "", "", f"{more} more changes")]


def _shown(row: dict[str, Any], redact: Callable[[str], str]) -> dict[str, Any]:
    """A row as it may be kept: what is private is replaced before anything is cut."""
    return {**row, "text": clipped(redact(row["text"]), _LONGEST)}


def text_at(root: Path, commit: str, name: str) -> str | None:
    """A file at a commit, None where it has none."""
    data = file_at(root, commit, name)
    return None if data is None else data.decode("utf-8", "replace")


def text_now(path: Path) -> str | None:
    """A file of the checkout, None where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):  # ValueError: a NUL in a name
        return None
