"""Groups of repeats: trials of one case that are judged together.

The group number g of a case is its repeats gk … gk + k − 1, for k repeats a group. Cases are visited in rounds, so the
groups of all cases are complete in one round after k − 1 others.
"""

from __future__ import annotations


def groups_in(trials: int, cases: int, repeats: int) -> int:
    """How many groups are complete after the first `trials` trials; of one repeat, every trial is a group."""
    blocks, rest = divmod(trials, cases * repeats)
    return blocks * cases + max(0, rest - (repeats - 1) * cases)


def trials_for(groups: int, cases: int, repeats: int) -> int:
    """The fewest trials after which that many groups are complete: the inverse of `groups_in`."""
    if groups < 1:
        return 0
    blocks, rest = divmod(groups - 1, cases)
    return blocks * cases * repeats + (repeats - 1) * cases + rest + 1
