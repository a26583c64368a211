"""The hard budget of hardware jobs: one locked file that parallel runs share.

A budget caps what runs at one time take together. What was settled is forgotten when a run begins and no other is
under way; what was reserved and never settled (a kill, a lost reply) counts until it is released.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from pytest_llmgate.core.circuit import HardwareBudget
from pytest_llmgate.core.hardware import Reservation, ShotCost
from pytest_llmgate.store.locks import try_exclusive
from pytest_llmgate.store.shot_book import Entries, Scope, ShotBook, finite

_NONE = Decimal(0)
_NOTHING = ShotCost(0)
_LEAST_SECONDS = Decimal(1)  # of a job whose seconds are not bounded
_UNITS = ("shots", "seconds", "usd")


class FileShotLedger(ShotBook):
    """Implements the port ShotLedger. Thread-safe.

    path: the file, the same for all runs that share budgets. run: id of this run, the same for its workers and for
    its resumption. The ledger marks the run as under way until `close`, or until the process dies.
    """

    def __init__(self, path: Path, run: str) -> None:
        super().__init__(path)
        self._run = run
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
            page = book.scopes.setdefault(scope, Scope())
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
            page = book.scopes.setdefault(scope, Scope())
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


def _forget_others(book: Entries, run: str) -> None:
    """Begin anew: of what was settled only this run's own counts on, as when it is resumed."""
    for page in book.scopes.values():
        page.spent = {owner: spent for owner, spent in page.spent.items() if owner == run}


def limits_of(budget: HardwareBudget) -> dict[str, Decimal]:
    """The limits that are set, by unit. Raises ValueError for one that is not a finite number of at least 0."""
    limits = {}
    for unit in _UNITS:
        limit = getattr(budget, unit)
        if limit is not None:
            limits[unit] = finite(limit)
    return limits


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
    return f"{lacking} ({dead} of the reservations are of runs that never settled: llmgate jobs)" if dead else lacking


def _total(costs: Iterable[ShotCost]) -> ShotCost:
    total = _NOTHING
    for cost in costs:
        total = ShotCost(
            total.shots + cost.shots, (total.seconds or _NONE) + (cost.seconds or _NONE), total.usd + cost.usd
        )
    return total
