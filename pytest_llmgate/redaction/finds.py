"""A passage that a finder points at, how overlapping passages become one, and how found ones are covered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pytest_llmgate.core.private_kinds import SECRET

COVER = "\0"
"""Stands in for passages that are known already, so that no finder looks into them and places stay the same."""
_COVERED = re.compile(COVER + "+")


class Find(NamedTuple):
    """A passage of a text: `kind`, and whether it is a stand-in of ours already."""

    start: int
    end: int
    kind: str
    done: bool = False


def disjoint(finds: Sequence[Find]) -> Sequence[Find]:
    """The finds in order, overlapping ones joined, so that no half of a secret stays behind.

    A joined passage has the kind of a find that covers it, else it is a secret.
    """
    if len(finds) < 2:
        return finds
    joined: list[Find] = []
    for find in sorted(finds, key=lambda find: (find.start, -find.end)):
        last = joined[-1] if joined else None
        if last is None or find.start >= last.end:
            joined.append(find)
        elif find.end > last.end:
            joined[-1] = Find(last.start, find.end, SECRET)
    return joined


def words_before(text: str, place: int, size: int) -> str:
    """The last `size` characters before a place; what is covered counts as one blank, however long it is."""
    return _COVERED.sub(" ", text[max(0, place - 8 * size) : place])[-size:]


def covered(text: str, finds: Iterable[Find]) -> str:
    """The text with the found passages covered; finds are in order and do not overlap."""
    parts, at = [], 0
    for start, end, _, _ in finds:
        parts += [text[at:start], COVER * (end - start)]
        at = end
    return "".join([*parts, text[at:]])
