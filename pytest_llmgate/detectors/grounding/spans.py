"""Which words of a sentence its evidence does not hold, joined to passages that a reader would mark."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pytest_llmgate.detectors.grounding.alignment import Alignment
from pytest_llmgate.detectors.grounding.quantities import supported

_GAP = 1  # words between two marked ones that are marked with them


def unsupported(aligned: Alignment) -> tuple[tuple[int, int], ...]:
    """Start and end of each passage in the reply that the evidence does not hold, in order.

    Small words before a marked one belong to it ("in the 1990s"), and so does one word between two marked ones.
    """
    tokens = aligned.claim.tokens
    marked = _left_over(aligned)
    places = [place for place, mark in enumerate(marked) if mark]
    for earlier, later in pairwise(places):
        if later - earlier - 1 <= _GAP:
            marked[earlier:later] = [True] * (later - earlier)
    for place in range(len(tokens) - 2, -1, -1):
        if marked[place + 1] and not tokens[place].content and not tokens[place].word[:1].isdigit():
            marked[place] = True
    offset = aligned.claim.start
    return tuple((offset + tokens[first].start, offset + tokens[last].end) for first, last in _runs(marked))


def _left_over(aligned: Alignment) -> list[bool]:
    """For each word, whether it, or the quantity that it is a part of, is not in the evidence."""
    claim = aligned.claim
    near = {token.start: value for token, value in zip(claim.words, aligned.in_near, strict=True)}
    missing = [
        (quantity.start, quantity.end)
        for quantity in claim.quantities
        if not supported(quantity, aligned.near_quantities)
    ]
    return [
        near.get(token.start, 1.0) == 0.0 or any(start < token.end and token.start < end for start, end in missing)
        for token in claim.tokens
    ]


def _runs(marked: Sequence[bool]) -> list[tuple[int, int]]:
    """First and last place of each run of marks."""
    runs: list[tuple[int, int]] = []
    for place, mark in enumerate(marked):
        if mark and runs and runs[-1][1] == place - 1:
            runs[-1] = (runs[-1][0], place)
        elif mark:
            runs.append((place, place))
    return runs
