"""Money and rates of a run, shared by its workers through one locked file."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from threading import Lock
from typing import Any

from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.store.atomic import storing
from pytest_llmgate.store.lines import read_at
from pytest_llmgate.store.locks import exclusive, try_exclusive

_MOST_BYTES = 1 << 20
_NONE = Decimal(0)


class FileLedger:
    """Counts reserved and spent money of all workers of a run; implements the port Ledger.

    path: the ledger's file, the same for all workers. budget: hard cap in USD for a new ledger, None is no cap;
    an existing file keeps what was spent and takes the budget that is given now. What a dead worker
    reserved stays reserved until `resume`.
    """

    def __init__(self, path: Path, budget: Decimal | None = None) -> None:
        if budget is not None and (not budget.is_finite() or budget < 0):
            raise ValueError(f"a budget is a finite sum of at least 0, not {budget}")
        self._path = path
        with self._open() as book:
            book["budget"] = None if budget is None else budget

    def reserve(self, amount: Decimal) -> bool:
        """Set `amount` USD aside; False, and nothing happens, where that would pass the budget."""
        if not amount.is_finite() or amount < 0:
            return False
        with self._open() as book:
            budget = book["budget"]
            if budget is not None and book["spent"] + book["reserved"] + amount > budget:
                return False
            book["reserved"] += amount
        return True

    def settle(self, reserved: Decimal, spent: Decimal) -> None:
        """Turn a reservation into what was really spent (0 where the call was not billed)."""
        with self._open() as book:
            book["reserved"] = max(_NONE, book["reserved"] - reserved)
            book["spent"] += spent

    def turn(self, provider: str, per_minute: float) -> float:
        """Seconds to wait for the next allowed request of a provider, which is thereby taken."""
        if not per_minute > 0:
            raise ValueError(f"a rate is above 0 requests a minute, not {per_minute}")
        now = time.monotonic()  # one clock for all processes of a machine
        with self._open() as book:
            slot = max(now, float(book["turns"].get(provider, now)))
            book["turns"][provider] = slot + 60.0 / per_minute
        return slot - now

    def resume(self) -> None:
        """Forget reservations and turns of workers that are gone; what was spent stays spent."""
        with self._open() as book:
            book["reserved"] = _NONE
            book["turns"] = {}

    @property
    def spent(self) -> Decimal:
        """USD spent so far by all workers."""
        with self._open() as book:
            return Decimal(book["spent"])

    @property
    def exhausted(self) -> bool:
        """Whether what was spent has reached the budget; a budget of 0 is, once something was spent."""
        with self._open() as book:
            return book["budget"] is not None and bool(book["spent"]) and book["spent"] >= book["budget"]

    @property
    def reserved(self) -> Decimal:
        """USD set aside at this moment by all workers."""
        with self._open() as book:
            return Decimal(book["reserved"])

    @contextmanager
    def _open(self) -> Iterator[dict[str, Any]]:
        """The locked book; changes are written when the block ends, by one call that a kill cannot split."""
        with storing(self._path), exclusive(self._path) as file:
            before = read_at(file, _MOST_BYTES, 0)
            book = self._parse(before)
            yield book
            after = json.dumps(book, default=_money).encode()
            if after != before.rstrip():
                os.lseek(file, 0, os.SEEK_SET)
                os.write(file, after.ljust(len(before)))

    def _parse(self, content: bytes) -> dict[str, Any]:
        if not content.strip():
            return {"budget": None, "reserved": _NONE, "spent": _NONE, "turns": {}}
        try:
            book = json.loads(content)
            turns = {str(name): float(slot) for name, slot in book["turns"].items()}
            budget = None if book["budget"] is None else Decimal(book["budget"])
            reserved, spent = Decimal(book["reserved"]), Decimal(book["spent"])
            sums = (_NONE if budget is None else budget, reserved, spent)
            if not all(money.is_finite() and money >= 0 for money in sums):
                raise ValueError("money out of range")
        except (ValueError, TypeError, KeyError, AttributeError, InvalidOperation, RecursionError):
            hint = "what was spent is not known any more: start a new run instead of resuming this one"
            raise problem("ledger-damaged", "the run's ledger is damaged", Where(str(self._path)), hint) from None
        return {"budget": budget, "reserved": reserved, "spent": spent, "turns": turns}


def _money(value: object) -> str:
    return format(value, "f")


class Slots:
    """A pool of `n` tokens (at least 1) shared by processes; a dead process gives its tokens back.

    folder: where the token files lie, the same for all workers.
    """

    def __init__(self, folder: Path, n: int) -> None:
        if n < 1:
            raise ValueError(f"a pool has at least 1 slot, not {n}")
        folder.mkdir(parents=True, exist_ok=True)
        self._paths = [folder / f"slot.{number}" for number in range(n)]
        self._held: dict[int, int] = {}
        self._lock = Lock()

    def acquire_nowait(self) -> bool:
        """Take one token; False where all are taken."""
        with self._lock:
            for number, path in enumerate(self._paths):
                if number in self._held:
                    continue
                descriptor = try_exclusive(path)
                if descriptor is not None:
                    self._held[number] = descriptor
                    return True
        return False

    def release(self) -> None:
        """Give one token back; raises RuntimeError where this pool holds none."""
        with self._lock:
            if not self._held:
                raise RuntimeError("no slot is held")
            _, descriptor = self._held.popitem()
            os.close(descriptor)
