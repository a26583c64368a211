"""The books of hardware jobs: one locked file, and a mark for each process that writes in it.

What was reserved and never settled (a kill, a lost reply) stays open until somebody has seen to it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.hardware import ShotCost
from pytest_llmgate.store.atomic import storing
from pytest_llmgate.store.lines import read_at
from pytest_llmgate.store.locks import exclusive, try_exclusive

SHOT_BOOK = "shots.json"
"""The name of the file."""
SCHEMA = "llmgate.shots/1"
_MOST_BYTES = 1 << 22


class OpenReservation(NamedTuple):
    """A reservation that was not settled (yet). run: who made it. alive: whether that run is still under way."""

    scope: str
    tag: str
    run: str
    cost: ShotCost
    alive: bool


@dataclass(slots=True)
class Scope:
    """spent: settled costs by run. held: reservations by tag, with the run that made them."""

    spent: dict[str, ShotCost] = field(default_factory=dict)
    held: dict[str, tuple[str, ShotCost]] = field(default_factory=dict)


@dataclass(slots=True)
class Entries:
    """What the file holds. halted: by run and device, why nothing more is submitted."""

    scopes: dict[str, Scope] = field(default_factory=dict)
    halted: dict[str, dict[str, str]] = field(default_factory=dict)


class ShotBook:
    """The books as anybody may look at them. Thread-safe. path: the file, the same for all runs that share budgets."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._marks = path.with_name(f"{path.name}.runs")

    def unsettled(self) -> tuple[OpenReservation, ...]:
        """All open reservations; those of runs that are over still count against their budgets."""
        with self._open() as book:
            return self._held(book)

    def release(self, tags: Collection[str] = ()) -> tuple[OpenReservation, ...]:
        """Drop the open reservations of runs that are over, and return them: their jobs are accounted for.

        tags: only these; all of them where none is given.
        """
        with self._open() as book:
            dropped = tuple(item for item in self._held(book) if not item.alive and (not tags or item.tag in tags))
            for item in dropped:
                book.scopes[item.scope].held.pop(item.tag, None)
        return dropped

    def _held(self, book: Entries) -> tuple[OpenReservation, ...]:
        """Open reservations; the book is locked, so that no run begins meanwhile."""
        alive = self._under_way()
        return tuple(
            OpenReservation(scope, tag, run, cost, run in alive)
            for scope, page in sorted(book.scopes.items())
            for tag, (run, cost) in sorted(page.held.items())
        )

    def _under_way(self) -> set[str]:
        """Runs of which a process is alive; marks of processes that are gone are cleared away."""
        runs = set()
        for mark in self._marks.glob("*.*.*"):
            with suppress(OSError):  # another process may clear the same mark
                descriptor = try_exclusive(mark)
                if descriptor is None:
                    runs.add(mark.read_text(encoding="utf-8"))
                    continue
                mark.unlink()
                os.close(descriptor)
        return runs

    @contextmanager
    def _open(self) -> Iterator[Entries]:
        """The locked book; changes are written when the block ends, by one call that a kill cannot split."""
        with storing(self._path), exclusive(self._path) as file:
            before = read_at(file, _MOST_BYTES, 0)
            book = self._parse(before)
            yield book
            after = json.dumps(_rows(book), indent=1, sort_keys=True).encode()
            if after != before.rstrip():
                os.lseek(file, 0, os.SEEK_SET)
                os.write(file, after.ljust(len(before)))

    def _parse(self, content: bytes) -> Entries:
        if not content.strip():
            return Entries()
        try:
            rows = json.loads(content)
            if rows["schema"] != SCHEMA:
                raise ValueError("another schema")
            return Entries(
                {str(scope): _page(page) for scope, page in rows["scopes"].items()},
                {str(run): {str(name): str(why) for name, why in one.items()} for run, one in rows["halted"].items()},
            )
        except (ValueError, TypeError, KeyError, AttributeError, InvalidOperation, RecursionError):
            hint = "see with the provider what was billed, then delete the file to begin a new one"
            raise problem(
                "shot-ledger-damaged", "the ledger of hardware jobs is damaged", Where(str(self._path)), hint
            ) from None


def _rows(book: Entries) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "halted": book.halted,
        "scopes": {
            scope: {
                "open": {tag: {"run": run, **_row(cost)} for tag, (run, cost) in page.held.items()},
                "spent": {run: _row(cost) for run, cost in page.spent.items()},
            }
            for scope, page in book.scopes.items()
        },
    }


def _row(cost: ShotCost) -> dict[str, Any]:
    return {"shots": cost.shots, "seconds": f"{cost.seconds or 0:f}", "usd": f"{cost.usd:f}"}


def _page(page: Mapping[str, Any]) -> Scope:
    return Scope(
        {str(run): _cost(row) for run, row in page["spent"].items()},
        {str(tag): (str(row["run"]), _cost(row)) for tag, row in page["open"].items()},
    )


def _cost(row: Mapping[str, Any]) -> ShotCost:
    shots = row["shots"]
    if type(shots) is not int or shots < 0:
        raise ValueError("shots out of range")
    return ShotCost(shots, finite(row["seconds"]), finite(row["usd"]))


def finite(value: object) -> Decimal:
    """A limit or a cost as a decimal. Raises ValueError for one that is not a finite number of at least 0."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if isinstance(value, bool) or not number.is_finite() or number < 0:
        raise ValueError(f"{value!r} is not a finite number of at least 0")
    return number
