"""What a gate without a baseline may have been called: a baseline that nothing asks for, and that asked the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llmgate.core.baseline import baseline_file
from pytest_llmgate.core.compared import Figures, ReplyBaseline
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.store.baseline_files import baseline_files
from pytest_llmgate.store.baseline_lines import Entries
from pytest_llmgate.store.baselines import read_baselines


class Asked(NamedTuple):
    """What a gate of today asks. gates: names that the test has now, as baselines know them."""

    test: str
    gate: str
    gates: frozenset[str]
    kind: Figures
    cases: frozenset[str]
    parameters: Mapping[str, Any]
    digests: Mapping[str, str | None]

    def alike(self, entry: ReplyBaseline) -> bool:
        """Whether an entry has the same kind of figures of the same cases."""
        known = (entry.kind, frozenset(entry.cases), dict(entry.parameters))
        return known == (self.kind, self.cases if entry.cases else frozenset(), dict(self.parameters))

    def same(self, entry: ReplyBaseline) -> bool:
        """Whether they are of the same subject, too."""
        subject = ("prompt", "model", "code")
        return self.alike(entry) and all(entry.digests.get(key) == self.digests.get(key) for key in subject)


def renamed(asked: Asked, entries: Entries, root: Path) -> tuple[str, ...]:
    """The gate of the same test, or the test of the same file, that this one may have been called."""
    file, text = file_of(asked.test), _text(root / file_of(asked.test))
    place = f"if it was renamed, rename its key in {baseline_file(file)}"
    for entry in entries.values():
        if not isinstance(entry, ReplyBaseline) or not asked.same(entry):
            continue
        if entry.test == asked.test and entry.gate not in asked.gates:
            return (f"the gate {entry.gate!r} asked for the same figures of the same cases: {place}",)
        name = entry.test.rpartition("::")[2].partition("[")[0]
        if entry.gate == asked.gate and file_of(entry.test) == file and not _stands(name, text):
            return (f"{name!r} asked the same of the same cases: {place}",)
    return ()


def moved(asked: Asked, entries: list[ReplyBaseline], root: Path) -> tuple[str, ...]:
    """The suite file or module that this one may have been called. entries: of those that are gone."""
    name, file = asked.test.partition("::")[2], file_of(asked.test)
    for entry in entries:
        if entry.gate == asked.gate and entry.test.partition("::")[2] == name and asked.alike(entry):
            was = file_of(entry.test)
            files = f"rename {baseline_file(was)} to {baseline_file(file)}, and {was} to {file} in its keys"
            return (f"{was!r} is gone, and its test {name!r} asked the same cases: if it was renamed, {files}",)
    return ()


def orphans(root: Path) -> list[ReplyBaseline]:
    """Entries of all baseline files under the root whose suite file or module is gone; files that are broken are left
    to who runs their suites."""
    found: list[ReplyBaseline] = []
    for name in baseline_files(root):
        try:
            entries = read_baselines(root / name, root).entries
        except LlmgateError:
            continue
        found += [entry for entry in entries.values() if isinstance(entry, ReplyBaseline) and _gone(entry, root)]
    return found


def _gone(entry: ReplyBaseline, root: Path) -> bool:
    return not (root / file_of(entry.test)).is_file()


def file_of(test: str) -> str:
    """The suite file or module of a test id."""
    return test.partition("::")[0]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _stands(name: str, text: str) -> bool:
    """Whether a suite file or module still has a test of this name."""
    return re.search(rf"""(\bid:\s*["']?|\bdef ){re.escape(name)}(?![\w.-])""", text) is not None
