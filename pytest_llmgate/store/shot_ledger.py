"""The hard budget of hardware jobs: one locked file that parallel runs share.

A budget caps what runs at one time take together. What was settled is forgotten when a run begins and no other is
under way; what was reserved and never settled (a kill, a lost reply) counts until it is released.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llmgate.core.circuit import HardwareBudget
from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.hardware import Reservation, ShotCost
from pytest_llmgate.store.atomic import storing
from pytest_llmgate.store.lines import read_at
from pytest_llmgate.store.locks import exclusive, try_exclusive

SCHEMA = "llmgate.shots/1"
_MOST_BYTES = 1 << 22
_NONE = Decimal(0)
_NOTHING = ShotCost(0)
_LEAST_SECONDS = Decimal(1)  # of a job whose seconds are not bounded
_UNITS = ("shots", "seconds", "usd")


class OpenReservation(NamedTuple):
    """A reservation that was not settled (yet). run: who made it. alive: whether that run is still under way."""

    scope: str
    tag: str
    run: str
    cost: ShotCost
    alive: bool


@dataclass(slots=True)
class _Scope:
    """spent: settled costs by run. held: reservations by tag, with the run that made them."""

    spent: dict[str, ShotCost] = field(default_factory=dict)
    held: dict[str, tuple[str, ShotCost]] = field(default_factory=dict)


@dataclass(slots=True)
class _Book:
    """What the file holds. halted: by run and device, why nothing more is submitted."""

    scopes: dict[str, _Scope] = field(default_factory=dict)
    halted: dict[str, dict[str, str]] = field(default_factory=dict)


class FileShotLedger:
    """Implements the port ShotLedger. Thread-safe.

    path: the file, the same for all runs that share budgets. run: id of this run, the same for its workers and for
    its resumption. The ledger marks the run as under way until `close`, or until the process dies.
    """

    def __init__(self, path: Path, run: str) -> None:
        self._path = path
        self._run = run
        self._marks = path.with_name(f"{path.name}.runs")
        with self._open() as book:  # under its lock nobody takes a new mark for a dead one
            self._marks.mkdir(exist_ok=True)
            under_way = self._under_way()
            if run not in under_way:
                book.halted.pop(run, None)  # a resumed run may try again
            if not under_way:
                _forget_others(book, run)
            name = f"{re.sub(r'[^A-Za-z0-9_-]', '_', run)}.{os.getpid()}.{os.urandom(4).hex()}"
            self._mark = self._marks / name
            self._mark.write_text(run, encoding="utf-8")
            self._descriptor = try_exclusive(self._mark)

    def reserve(self, scope: str, tag: str, cost: ShotCost, budget: HardwareBudget) -> Reservation:
        """Set `cost` aside where that keeps all limits; the answer says what to do where it does not."""
        limits = limits_of(budget)
        with self._open() as book:
            page = book.scopes.setdefault(scope, _Scope())
            if tag in page.held:
                return Reservation("known", page.held[tag][1])
            alive = self._alive()
            spent = _total(page.spent.values())
            taken = _total([spent, *(held for _, held in page.held.values())])
            lacking = _lacking(cost, taken, limits)
            if not lacking:
                wish = _wish(cost, limits, taken)
                page.held[tag] = (self._run, wish)
                return Reservation("granted", wish)
            stuck = _total([spent, *(held for run, held in page.held.values() if run not in alive)])
            hopeless = _lacking(cost, stuck, limits)
            dead = sum(run not in alive for run, _ in page.held.values())
            return Reservation("exhausted" if hopeless else "busy", cost, _with_dead(hopeless or lacking, dead))

    def settle(self, scope: str, tag: str, spent: ShotCost) -> None:
        """Turn a reservation into what was spent; a tag that nobody holds is counted all the same."""
        with self._open() as book:
            page = book.scopes.setdefault(scope, _Scope())
            page.held.pop(tag, None)
            page.spent[self._run] = _total([page.spent.get(self._run, _NOTHING), spent])

    def halt(self, device: str, why: str) -> None:
        """Submit nothing more to a device in this run, by any of its processes."""
        with self._open() as book:
            book.halted.setdefault(self._run, {}).setdefault(device, why)

    def halted(self, device: str) -> str:
        """Why nothing more is submitted to a device in this run; empty where something may be."""
        with self._open() as book:
            return book.halted.get(self._run, {}).get(device, "")

    def unsettled(self) -> tuple[OpenReservation, ...]:
        """All open reservations; those of runs that are over still count against their budgets."""
        alive = self._alive()
        with self._open() as book:
            return tuple(
                OpenReservation(scope, tag, run, cost, run in alive)
                for scope, page in sorted(book.scopes.items())
                for tag, (run, cost) in sorted(page.held.items())
            )

    def release(self) -> tuple[OpenReservation, ...]:
        """Drop the open reservations of runs that are over, and return them: their jobs are accounted for."""
        dropped = tuple(item for item in self.unsettled() if not item.alive)
        with self._open() as book:
            for item in dropped:
                book.scopes[item.scope].held.pop(item.tag, None)
        return dropped

    def close(self) -> None:
        """This process takes no further part in its run."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                self._mark.unlink()
            os.close(descriptor)

    def _alive(self) -> set[str]:
        """Runs under way, this one included."""
        return {self._run, *self._under_way()}

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
    def _open(self) -> Iterator[_Book]:
        """The locked book; changes are written when the block ends, by one call that a kill cannot split."""
        with storing(self._path), exclusive(self._path) as file:
            before = read_at(file, _MOST_BYTES, 0)
            book = self._parse(before)
            yield book
            after = json.dumps(_rows(book), indent=1, sort_keys=True).encode()
            if after != before.rstrip():
                os.lseek(file, 0, os.SEEK_SET)
                os.write(file, after.ljust(len(before)))

    def _parse(self, content: bytes) -> _Book:
        if not content.strip():
            return _Book()
        try:
            rows = json.loads(content)
            if rows["schema"] != SCHEMA:
                raise ValueError("another schema")
            return _Book(
                {str(scope): _page(page) for scope, page in rows["scopes"].items()},
                {str(run): {str(name): str(why) for name, why in one.items()} for run, one in rows["halted"].items()},
            )
        except (ValueError, TypeError, KeyError, AttributeError, InvalidOperation, RecursionError):
            hint = "see with the provider what was billed, then delete the file to begin a new one"
            raise problem(
                "shot-ledger-damaged", "the ledger of hardware jobs is damaged", Where(str(self._path)), hint
            ) from None


def _forget_others(book: _Book, run: str) -> None:
    """Begin anew: of what was settled only this run's own counts on, as when it is resumed."""
    for page in book.scopes.values():
        page.spent = {owner: spent for owner, spent in page.spent.items() if owner == run}


def limits_of(budget: HardwareBudget) -> dict[str, Decimal]:
    """The limits that are set, by unit. Raises ValueError for one that is not a finite number of at least 0."""
    limits = {}
    for unit in _UNITS:
        limit = getattr(budget, unit)
        if limit is not None:
            limits[unit] = _number(limit)
    return limits


def _number(value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if isinstance(value, bool) or not number.is_finite() or number < 0:
        raise ValueError(f"{value!r} is not a finite number of at least 0")
    return number


def _wish(cost: ShotCost, limits: Mapping[str, Decimal], taken: ShotCost) -> ShotCost:
    """The cost with its seconds: where the job has no bound of its own, all that are left."""
    if cost.seconds is not None:
        return cost
    left = limits.get("seconds", _NONE) - (taken.seconds or _NONE)
    return cost._replace(seconds=max(_NONE, left))


def _lacking(cost: ShotCost, taken: ShotCost, limits: Mapping[str, Decimal]) -> str:
    """Which limit does not allow a cost beside what is taken, in words; empty where all do."""
    wish = _wish(cost, limits, taken)
    for unit, limit in limits.items():
        wanted, used = (Decimal(getattr(one, unit)) for one in (wish, taken))
        if unit == "seconds" and cost.seconds is None:
            wanted = max(wanted, _LEAST_SECONDS)
        if used + wanted > limit:
            return f"{unit}: {wanted:f} wanted, {max(_NONE, limit - used):f} of {limit:f} left"
    return ""


def _with_dead(lacking: str, dead: int) -> str:
    return f"{lacking} ({dead} of the reservations are of runs that never settled)" if dead else lacking


def _total(costs: Iterable[ShotCost]) -> ShotCost:
    total = _NOTHING
    for cost in costs:
        total = ShotCost(
            total.shots + cost.shots, (total.seconds or _NONE) + (cost.seconds or _NONE), total.usd + cost.usd
        )
    return total


def _rows(book: _Book) -> dict[str, Any]:
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


def _page(page: Mapping[str, Any]) -> _Scope:
    return _Scope(
        {str(run): _cost(row) for run, row in page["spent"].items()},
        {str(tag): (str(row["run"]), _cost(row)) for tag, row in page["open"].items()},
    )


def _cost(row: Mapping[str, Any]) -> ShotCost:
    shots = row["shots"]
    if type(shots) is not int or shots < 0:
        raise ValueError("shots out of range")
    return ShotCost(shots, _number(row["seconds"]), _number(row["usd"]))
