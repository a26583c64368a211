"""Baseline files beside their suites: read strictly, written whole, changed only by an accept or a prune."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_llmgate.core.baseline import CircuitBaseline
from pytest_llmgate.core.baseline_key import ANCHOR, BaselineKey
from pytest_llmgate.core.compared import ReplyBaseline
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.files import MAX_BYTES, shown_under
from pytest_llmgate.store.atomic import storing, write_atomic
from pytest_llmgate.store.baseline_lines import Entries, broken, decode, encode
from pytest_llmgate.store.locks import directory_lock


@dataclass(frozen=True, slots=True)
class Baselines:
    """The approved baselines of one suite file or module."""

    entries: Entries

    def get(self, test: str, gate: str, arm: str = "") -> CircuitBaseline | None:
        """The baseline of one arm of a gate on a circuit, None where nobody approved one."""
        found = self.entries.get(BaselineKey(test, gate, arm))
        return found if isinstance(found, CircuitBaseline) else None

    def of_replies(self, test: str, gate: str) -> ReplyBaseline | None:
        """What a gate on replies is tested against: the anchor, else what was accepted last; None without either."""
        found = self.entries.get(BaselineKey(test, gate, ANCHOR)) or self.entries.get(BaselineKey(test, gate))
        return found if isinstance(found, ReplyBaseline) else None


def read_baselines(path: Path, root: Path) -> Baselines:
    """The baselines in a file under the root; a missing file has none.

    Raises `baseline-damaged`, `baseline-conflict`, `baseline-newer`, `baseline-duplicate` or `baseline-elsewhere`.
    """
    name = shown_under(path, root)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise broken("baseline-damaged", f"the file is larger than {MAX_BYTES >> 20} MiB", name)
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return Baselines({})
    except OSError as fault:
        raise broken("baseline-damaged", f"it cannot be read: {fault.strerror}", name) from None
    return Baselines(decode(data, name, name))


def update_baselines(path: Path, root: Path, change: Callable[[Entries], Entries]) -> tuple[Entries, Entries]:
    """Change a baseline file under its folder's lock; returns the entries before and after.

    Nothing is written where they are equal; a file that would be empty is removed. Raises the problems of reading,
    `disk-full` or `cannot-write`; the file is then as it was.
    """
    with directory_lock(path.parent):
        old = read_baselines(path, root).entries
        new = change(old)
        if new != old:
            _write(path, new)
    return old, new


def _write(path: Path, entries: Entries) -> None:
    try:
        if entries:
            write_atomic(path, encode(entries.values()))
        else:
            with storing(path):
                path.unlink(missing_ok=True)
    except LlmgateError as fault:
        hint = "the file is as it was: make room for it, or make it writable, then do it again"
        raise LlmgateError(*(replace(found, hint=hint) for found in fault.problems)) from fault
