"""Baseline files beside their suites: read strictly, written whole, changed only by an accept or a prune."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from pytest_llmgate.core.baseline import PARTS, BaselineKey, CircuitBaseline
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.files import MAX_BYTES, shown_under
from pytest_llmgate.store.atomic import storing, write_atomic
from pytest_llmgate.store.baseline_lines import Entries, broken, decode, encode
from pytest_llmgate.store.locks import directory_lock

_EQUAL_WITHIN = PARTS // 10**9
"""Exact probabilities that differ by no more than 1e-9 are the same ones, computed on another machine."""


@dataclass(frozen=True, slots=True)
class Baselines:
    """The approved baselines of one suite file or module."""

    entries: Entries

    def get(self, test: str, gate: str, arm: str = "") -> CircuitBaseline | None:
        """The baseline of one arm of a gate, None where nobody approved one."""
        return self.entries.get(BaselineKey(test, gate, arm))


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


def accepted(
    old: Entries, proposed: Iterable[CircuitBaseline], confirmed: Callable[[CircuitBaseline], bool]
) -> Entries:
    """The entries after proposals were approved; those that say nothing new leave the old ones, with their reasons.

    confirmed: whether the run's gate found a proposal to be the same as its old baseline.
    """
    fresh = {
        entry.key: entry
        for entry in proposed
        if (known := old.get(entry.key)) is None or not says_the_same(known, entry, confirmed(entry))
    }
    return {**old, **fresh} if fresh else old


def says_the_same(old: CircuitBaseline, new: CircuitBaseline, confirmed: bool) -> bool:
    """Whether a new distribution gives no reason to rewrite the old one, so that noise makes no diff.

    The circuit, widths, noise, transpilation, backend and kind must be those of old. Then exact probabilities are the
    same where none differs by more than 1e-9, and counts where the gate has confirmed the old ones: a second sample
    of the same distribution is no news.
    """
    if (old.identity, old.kind, old.backend) != (new.identity, new.kind, new.backend):
        return False
    if old.kind == "counts":
        return confirmed
    outcomes = {*old.outcomes, *new.outcomes}
    return all(abs(old.outcomes.get(name, 0) - new.outcomes.get(name, 0)) <= _EQUAL_WITHIN for name in outcomes)


class Change(NamedTuple):
    """One entry before and after; None where there was, or is, none."""

    key: BaselineKey
    old: CircuitBaseline | None
    new: CircuitBaseline | None


def changes(old: Entries, new: Entries) -> list[Change]:
    """The entries that differ: deleted ones first, as nothing is compared with them any more, new ones last."""
    found = [Change(key, old.get(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key)]
    return sorted(found, key=lambda change: (change.new is not None, change.old is None, change.key))
