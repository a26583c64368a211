"""Trials, their seeds and their order.

A seed depends on (root seed, test, case, repeat) alone: not on worker, order or concurrency, and adding a case
changes no other case's seeds. Cases are visited in rounds, each round in a new order drawn from the same keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

SEED_BITS = 53  # exact in JSON and JavaScript, and still practically free of collisions
_SEED_MASK = (1 << SEED_BITS) - 1


def call_seed(seed: int, ordinal: int) -> int:
    """The seed of a trial's call number `ordinal`; call 0 has the trial's own. Below 2**53."""
    return (seed + ordinal * 0x9E3779B97F4A7) & _SEED_MASK


def derived_seed(root_seed: int, *parts: object) -> int:
    """A seed of what is no trial, from the root seed and the parts that name it. Below 2**48."""
    named = "\0".join(map(str, (root_seed, *parts)))
    return int.from_bytes(blake2b(named.encode(), digest_size=6).digest(), "big")


class Trial(NamedTuple):
    """One seeded execution of a test on one case.

    index: place in the test's order. case: position in the test's case list. repeat: ordinal within its case.
    """

    index: int  # type: ignore[assignment]  # shadows tuple.index, which nobody calls here
    case: int
    repeat: int
    seed: int


class TrialKeys:
    """Derives seeds and the visiting order of one test."""

    __slots__ = ("_cases", "_stem")

    def __init__(self, root_seed: int, test_id: str, case_ids: tuple[str, ...]) -> None:
        self._stem = blake2b(f"{root_seed}\0{test_id}\0".encode(), digest_size=16)
        self._cases = tuple(f"{case}\0".encode() for case in case_ids)

    def _key(self, case: bytes, repeat: bytes) -> int:
        keyed = self._stem.copy()
        keyed.update(case + repeat)
        return int.from_bytes(keyed.digest(), "big")

    def seed(self, case: int, repeat: int) -> int:
        """The seed of a trial, below 2**53."""
        return self._key(self._cases[case], repeat.to_bytes(8, "big")) & _SEED_MASK

    def trials(self, start: int = 0) -> Iterator[Trial]:
        """All trials from index `start` on, round after round, without end."""
        size = len(self._cases)
        if size == 1:
            repeat = start
            while True:
                yield Trial(repeat, 0, repeat, self.seed(0, repeat))
                repeat += 1
        repeat, skip = divmod(start, size)
        while True:
            # The key's high bits order the round, its low bits are the seed: one hash serves both.
            named = repeat.to_bytes(8, "big")
            keys = sorted([(self._key(name, named), case) for case, name in enumerate(self._cases)])
            for place in range(skip, size):
                key, case = keys[place]
                yield Trial(repeat * size + place, case, repeat, key & _SEED_MASK)
            repeat, skip = repeat + 1, 0
