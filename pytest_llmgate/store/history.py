"""`.llmgate/history.sqlite`: an index of the figures of runs, which may be deleted and is then made again.

It is read into memory as a whole and written as a whole, at once: nobody waits for a lock, and no half of it is ever
on disk.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.history import GateFigures, RunFigures, TestFigures
from pytest_llmgate.store.atomic import write_atomic
from pytest_llmgate.store.rundir import STATE, state_folder

_VERSION = 2
_RUN = ("id", "path", "started", "record", "drawn", '"commit"', "dirty", "attempt", "interrupted")
_TEST = ("id", "verdict", "seed", "trials", "tokens", "cost_usd")
_GATE = tuple(field.name for field in fields(GateFigures))
_SCHEMA = f"""
CREATE TABLE runs ({", ".join(_RUN)}, stamp, PRIMARY KEY (id));
CREATE TABLE tests (run, place, {", ".join(_TEST)}, PRIMARY KEY (run, place));
CREATE TABLE gates (run, test, place, {", ".join(_GATE)}, PRIMARY KEY (run, test, place));
PRAGMA user_version = {_VERSION};
"""
_FROM_1 = """
ALTER TABLE gates ADD COLUMN kind;
ALTER TABLE gates ADD COLUMN good;
ALTER TABLE gates ADD COLUMN good_of;
ALTER TABLE gates ADD COLUMN quantile;
ALTER TABLE gates ADD COLUMN quantile_ms;
UPDATE gates SET kind = CASE WHEN rated THEN 'rate' ELSE '' END, good_of = 0;
UPDATE gates SET good = 1.0 * successes / (n - holes), good_of = n - holes WHERE rated AND n > holes;
UPDATE runs SET stamp = '';
PRAGMA user_version = 2;
"""
"""Runs whose files are gone keep what was known of them; all others are read again."""
_MAGIC = b"SQLite format 3\0"
_FORGOTTEN = "runs whose files are gone are forgotten"


class HistoryIndex:
    """The index of a root, in memory. notes: what a person should know of it, such as that it was damaged."""

    def __init__(self, root: Path) -> None:
        self.path = root / STATE / "history.sqlite"
        self.notes: list[str] = []
        self._root = root
        self._changed = self._keep = self._left_alone = False
        self._runs: list[RunFigures] | None = None  # of the database as it is; None: not looked up since it changed
        self._db = self._loaded() or _empty()

    def _loaded(self) -> sqlite3.Connection | None:
        """What is on disk; None where that is nothing, or nothing that can be used."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as fault:
            self.notes.append(f"the index cannot be read ({fault.strerror}), so only runs on disk are shown")
            self._left_alone = True
            return None
        database = sqlite3.connect(":memory:")
        try:
            if not content.startswith(_MAGIC):
                raise sqlite3.DatabaseError("this is no database")
            database.deserialize(content)
            version = database.execute("PRAGMA user_version").fetchone()[0]
            sound = database.execute("PRAGMA quick_check").fetchone() == ("ok",)
            if version == 1 and sound:
                database.executescript(_FROM_1)
                self._changed, version = True, _VERSION
            if version == _VERSION and sound:
                self._runs = _rows(database)
                return database
        except (sqlite3.Error, OverflowError, TypeError, ValueError):
            version = 0
        self._unusable(version)
        return None

    def _unusable(self, version: int) -> None:
        if version > _VERSION:
            self._left_alone = True  # and so it is left alone
            self.notes.append(f"the index is of a newer version ({version}), so only runs on disk are shown")
        else:
            self._keep = True
            self.notes.append(f"the index was damaged and is made anew, the old one kept as *.damaged; {_FORGOTTEN}")

    def stamps(self) -> dict[str, str]:
        """By path of the run that was read there last, how its files were."""
        return dict(self._db.execute("SELECT path, stamp FROM runs ORDER BY id"))

    def put(self, run: RunFigures, stamp: str) -> None:
        """Keep a run, in place of what was known of it."""
        with self._db:
            for table, key in (("runs", "id"), ("tests", "run"), ("gates", "run")):
                self._db.execute(f"DELETE FROM {table} WHERE {key} = ?", (run.id,))  # noqa: S608 - constants
            head = (run.id, run.path, run.started, run.record, run.drawn, run.commit, run.dirty, run.attempt)
            self._db.execute(_insert("runs", len(_RUN) + 1), (*head, run.interrupted, stamp))
            for place, test in enumerate(run.tests):
                own = (test.id, test.verdict, test.seed, test.trials, test.tokens, test.cost_usd)
                self._db.execute(_insert("tests", len(_TEST) + 2), (run.id, place, *own))
                rows = [(run.id, place, at, *astuple(gate)) for at, gate in enumerate(test.gates)]
                self._db.executemany(_insert("gates", len(_GATE) + 3), rows)
        self._changed = True
        self._runs = None

    def runs(self) -> list[RunFigures]:
        """All runs that were ever kept, oldest first; `gone` is left to whoever looks at the disk."""
        if self._runs is None:
            self._runs = _rows(self._db)
        return self._runs

    def save(self) -> None:
        """Write the index where it changed; where that cannot be done it is noted, and nothing is lost."""
        if not self._changed or self._left_alone:
            return
        try:
            state_folder(self._root)
            if self._keep:
                with suppress(OSError):
                    os.replace(self.path, self.path.with_name(self.path.name + ".damaged"))
            write_atomic(self.path, self._db.serialize())
        except LlmgateError as fault:
            self.notes.append(f"the index could not be written, and the next look reads all runs again: {fault}")


def _empty() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    database.executescript(_SCHEMA)
    return database


def _insert(table: str, values: int) -> str:
    return f"INSERT INTO {table} VALUES ({', '.join('?' * values)})"  # noqa: S608 - names of ours


def _rows(database: sqlite3.Connection) -> list[RunFigures]:
    gates: dict[tuple[str, int], list[GateFigures]] = {}
    wanted = ", ".join(_GATE)
    for run, test, *own in database.execute(f"SELECT run, test, {wanted} FROM gates ORDER BY run, test, place"):  # noqa: S608
        row = dict(zip(_GATE, own, strict=True))
        flags = {"blocking": bool(row["blocking"]), "rated": bool(row["rated"])}
        gates.setdefault((run, test), []).append(GateFigures(**{**row, **flags}))
    tests: dict[str, list[TestFigures]] = {}
    wanted = ", ".join(_TEST)
    for run, place, *own in database.execute(f"SELECT run, place, {wanted} FROM tests ORDER BY run, place"):  # noqa: S608
        row = dict(zip(_TEST, own, strict=True))
        tests.setdefault(run, []).append(TestFigures(**row, gates=tuple(gates.get((run, place), ()))))
    wanted = ", ".join(_RUN)
    found = database.execute(f"SELECT {wanted} FROM runs ORDER BY id")  # noqa: S608
    return [_run(row, tests.get(row[0], ())) for row in found]


def _run(row: tuple[Any, ...], tests: Iterable[TestFigures]) -> RunFigures:
    known: Mapping[str, Any] = {name.strip('"'): value for name, value in zip(_RUN, row, strict=True)}
    dirty = None if known["dirty"] is None else bool(known["dirty"])
    return RunFigures(**{**known, "dirty": dirty, "interrupted": bool(known["interrupted"])}, tests=tuple(tests))
