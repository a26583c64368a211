"""The schedule of looks: one for every simulated stream, so that a recorded chunk can be drawn again."""

from __future__ import annotations

FIRST = 64
_FINEST = 16  # beyond the first looks a step is at most this part of what was drawn


def look_totals(ceiling: int, *extra: int) -> tuple[int, ...]:
    """Totals of shots at which a stream is looked at: 64, 128, 192, … and from 1,024 on in steps of a 16th to an 8th.

    ceiling: the last look. extra: totals that a rule needs besides, such as the N of an omnibus test.
    """
    totals = {ceiling, *(total for total in extra if total <= ceiling)}
    total = FIRST
    while total < ceiling:
        totals.add(total)
        total += max(FIRST, 1 << max(0, (total // _FINEST).bit_length() - 1))
    return tuple(sorted(totals))
