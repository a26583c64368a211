"""What a reply of today is held against to tell whether it ran away, from the sums of its case in the baseline.

The baseline's own replies were held against the others of their case, one fewer than there are. A mean of all is a
steadier yardstick: fewer of today's replies exceed it than of the baseline's, and a build with more runaways passes
(measured: 13 of 100, with two replies a case). So today's are held against the mean of all but one as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle

from pytest_llmgate.stats.ratio import Sums

MOST_PAIRED = 2
"""Replies of a case that are known one by one from their sum and the sum of their squares."""


def yardsticks(earlier: Sums, larger_first: bool) -> Iterator[float]:
    """Without end: the mean of all but one reply of the case, a larger and a smaller one left out in turn.

    The one that is left out lies one standard deviation from the mean: of two replies that is each of them, exactly,
    of more it is right to the second moment. A single reply is the yardstick itself.
    """
    n, total, squares = earlier
    if n == 1:
        return cycle((float(total),))
    spread = math.sqrt(n * squares - total * total) / n
    found = [total / n + sign * spread / (n - 1) for sign in ((1, -1) if larger_first else (-1, 1))]
    return cycle(map(float, map(round, found)) if n == MOST_PAIRED else found)


def in_pairs(cases: Mapping[str, Mapping[str, int]]) -> bool:
    """Whether runaways are counted in pairs: where cases have a single reply, and those of few replies are the most."""
    sizes = [case["n"] for case in cases.values()]
    few = sum(n for n in sizes if n <= MOST_PAIRED)
    return 1 in sizes and 2 * few >= sum(sizes)


def comparable(sizes: Sequence[int], trials: int, paired: bool) -> int:
    """Of so many trials in rounds over the cases, those that surely have a yardstick.

    Args: sizes, the replies of each case in the baseline; paired: every reply of the baseline is used once.
    """
    uses = [(n if n <= MOST_PAIRED else 0) if paired else (trials if n > 1 else 0) for n in sizes]
    rounds, rest = divmod(trials, len(sizes))
    spent = sum(use <= rounds for use in uses)
    return sum(min(use, rounds) for use in uses) + max(0, rest - spent)
