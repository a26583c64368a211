"""What a stream of shots is held against: a reference distribution, and the alternatives that must be told from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pytest_llmgate.stats.shots.rule import Floats

DUST = 1e-12
"""Probabilities below this are rounding errors of a simulator and count as 0."""

_SAME_DECIMALS = 9
_MOST_NAMED = 3  # of faults that look the same
_UNIT_ERROR = 1e-6  # how far a sum may be from 1 and still mean 1


class Reference(NamedTuple):
    """The distribution of a good circuit.

    outcomes: the K known ones, sorted. p: K + 1 probabilities that sum to 1; the last one is the mass outside the
    known outcomes, usually 0.
    """

    outcomes: tuple[str, ...]
    p: Floats


class Alternative(NamedTuple):
    """The distribution of a circuit with one known fault.

    name: what a reader is told, such as "cx q1,q2 missing". p: K + 1 probabilities in the reference's order.
    kind: the family of faults that it belongs to. faults: names of all that look the same, where they are several.
    """

    name: str
    p: Floats
    kind: str
    faults: tuple[str, ...] = ()


def align(
    reference: Mapping[str, float], alternatives: Sequence[tuple[str, str, Mapping[str, float]]] = ()
) -> tuple[Reference, tuple[Alternative, ...]]:
    """A reference and alternatives over one list of outcomes: the sorted union of their supports.

    Args: probabilities by outcome; alternatives as (name, kind, probabilities). What a mapping lacks to 1 is mass
    outside the known outcomes. Probabilities below 1e-12 count as 0 on every side, before anything is compared:
    otherwise a simulator's 1e-17 would turn an impossible outcome, which fails at once, into a likelihood ratio
    of 10^15 that depends on rounding. With 1e-12 a good circuit is blocked wrongly in at most 2 of 10^8 runs of
    20,000 shots for each outcome that was cut. Raises ValueError for what is no distribution.
    """
    given = [_without_dust("the reference", reference)]
    given += [_without_dust(f"the alternative {name!r}", distribution) for name, _, distribution in alternatives]
    outcomes = tuple(sorted({outcome for distribution in given for outcome in distribution}))
    arrays = [_array(distribution, outcomes) for distribution in given]
    named = zip(alternatives, arrays[1:], strict=True)
    return Reference(outcomes, arrays[0]), tuple(Alternative(name, p, kind) for (name, kind, _), p in named)


def told_apart(reference: Reference, alternatives: Sequence[Alternative]) -> tuple[Alternative, ...]:
    """The alternatives without those that no shot can tell from another one: that one bears the names of all.

    Equal means each probability the same to 9 decimals; the kind is that of the first. Those with the reference's own
    distribution stay as they are, as each of them is listed.
    """
    own = _rounded(reference.p)
    found: dict[bytes, list[Alternative]] = {}
    for number, alternative in enumerate(alternatives):
        key = _rounded(alternative.p)
        found.setdefault(b"%d" % number if key == own else key, []).append(alternative)
    return tuple(same[0] if len(same) == 1 else _together(same) for same in found.values())


def _together(same: Sequence[Alternative]) -> Alternative:
    names = tuple(other.name for other in same)
    return same[0]._replace(name=_one_of(names), faults=names)


def _rounded(p: Floats) -> bytes:
    return (np.round(p, _SAME_DECIMALS) + 0.0).tobytes()


def _one_of(names: Sequence[str]) -> str:
    rest = [f"{len(names) - _MOST_NAMED} more"] if len(names) > _MOST_NAMED else []
    return " or ".join([*names[:_MOST_NAMED], *rest])


def tvd(p: Floats, q: Floats) -> float:
    """Total variation distance, 0 to 1, of two distributions in the same order: half the sum of |p - q|."""
    return float(np.abs(p - q).sum()) / 2.0


def _without_dust(what: str, distribution: Mapping[str, float]) -> dict[str, float]:
    """The outcomes that can happen; probabilities sum to 1, or to less where mass is outside."""
    if not all(math.isfinite(value) and value > -_UNIT_ERROR for value in distribution.values()):
        raise ValueError(f"{what} has a probability that is negative or not a number")
    kept = {outcome: float(value) for outcome, value in distribution.items() if value >= DUST}
    total = math.fsum(kept.values())
    if total > 1.0 + _UNIT_ERROR:
        raise ValueError(f"the probabilities of {what} sum to {total:.6g}, which is more than 1")
    scale = total if total >= 1.0 - _UNIT_ERROR else 1.0
    return {outcome: value / scale for outcome, value in kept.items()}


def _array(distribution: Mapping[str, float], outcomes: Sequence[str]) -> Floats:
    known = [distribution.get(outcome, 0.0) for outcome in outcomes]
    outside = 1.0 - math.fsum(known)
    p = np.array([*known, outside if outside > _UNIT_ERROR else 0.0])
    p.setflags(write=False)
    return p
