"""Monte Carlo p-values whose level holds exactly, drawn only as far as the answer is open."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from pytest_llmgate.stats.shots.rule import Floats, Ints

FIRST_STAGE = 256
_GROWTH = 4
_CELLS = 1 << 20  # of one block of draws: 8 MB
_SIGMAS, _SPARE = 4.0, 8.0  # how clearly above the level a p-value must be to stop


class Calibrated(NamedTuple):
    """A p-value and the number of draws it rests on."""

    p_value: float
    draws: int


def enough_draws(level: float, draws: int | None = None) -> int:
    """The number of draws B of a test at this level: as asked, or 20 / level.

    A Monte Carlo p-value is never below 1 / (B + 1). Raises ValueError where that floor is not below the level, so
    that nothing could ever be rejected, and for a level outside (0, 1).
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"a level is between 0 and 1, not {level:g}")
    if draws is None:
        return math.ceil(20.0 / level)
    if draws < 1 or 1.0 / (draws + 1) >= level:
        raise ValueError(
            f"{draws} draws cannot reject at level {level:.3g}: the p-value never gets below 1/{draws + 1}; "
            f"use at least {math.ceil(20.0 / level)}"
        )
    return draws


def calibrated_p(observed: Floats, draw: Callable[[int], Floats], *, level: float, draws: int) -> Calibrated:
    """The min-p of S statistics against draws of the null; with S = 1 the plain Monte Carlo p-value.

    Args: observed: S statistics, larger is more extreme. draw: the next so many rows of S statistics under the
    null. level: at which the caller will reject. draws: B, as from `enough_draws`.

    Every one of the B + 1 rows (the observed one included) gets for each statistic its rank from above, and the
    smallest of its ranks; the p-value is the part of rows whose smallest rank is no larger than the observed one's.
    Under the null the rows are exchangeable and ranking treats them alike, so that P(p <= level) <= level whatever
    the statistics, their dependence, or the ties among them (Davison & Hinkley 1997, section 4.2).

    Drawing stops early only where the p-value is clearly above the level. What is rejected was therefore rejected
    with all B draws: the event is a part of {p_B <= level}, and stopping can cost power but never the level.
    """
    table = observed.reshape(1, -1)
    for total in _stages(draws):
        table = np.concatenate([table, draw(total + 1 - len(table))])
        smaller = _rows_as_extreme(table) - 1
        if smaller > total * level + _SIGMAS * math.sqrt(total * level) + _SPARE:
            break
    return Calibrated((smaller + 1) / len(table), len(table) - 1)


def in_blocks(size: int, width: int, block: Callable[[int], Floats]) -> Floats:
    """`size` rows from a function that makes a block of them at a time; width: cells that each row is made from."""
    step = max(1, _CELLS // max(1, width))
    return np.concatenate([block(min(step, size - start)) for start in range(0, size, step)])


def generator(seed: int, purpose: int, counts: Ints | None = None) -> np.random.Generator:
    """Random numbers of a test, never those that a sampler would draw shots with from the same seed.

    counts: what is tested. With the same draws in every run, a test would for ever have the error rate that those
    draws happen to give (with 20 of them beyond the level, easily 1.5 times the nominal one). Draws that are new for
    other counts, and the same for the same, have the nominal rate in the long run and can be repeated.
    """
    data = () if counts is None else tuple(np.frombuffer(blake2b(counts.tobytes(), digest_size=16).digest(), np.uint32))
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0x7E57, purpose, *map(int, data))))


def _stages(draws: int) -> Iterator[int]:
    total = FIRST_STAGE
    while total < draws:
        yield total
        total *= _GROWTH
    yield draws


def _rows_as_extreme(table: Floats) -> int:
    """How many rows, the first included, have a smallest rank no larger than the first row's."""
    rows = len(table)
    smallest = np.full(rows, rows)
    for column in table.T:
        at_least = rows - np.searchsorted(np.sort(column), column, side="left")
        np.minimum(smallest, at_least, out=smallest)
    return int((smallest <= smallest[0]).sum())
