"""Outcome probabilities, and how they come from a simulator's numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]

DUST: Final = 1e-14
"""Less than this is what rounding leaves of 0; it is dropped. Not met within 10^12 shots of a 12-qubit circuit."""


class Distribution(NamedTuple):
    """Exact probabilities. outcomes: bitstrings as Qiskit writes them, sorted. p: their probabilities, summing to 1."""

    outcomes: tuple[str, ...]
    p: Floats

    def as_dict(self) -> dict[str, float]:
        """Probabilities by outcome."""
        return dict(zip(self.outcomes, self.p.tolist(), strict=True))


def with_readout(p: Floats, flips: Sequence[tuple[float, float]]) -> Floats:
    """Probabilities of what is read.

    p: of what is there, bit k of the index being bit k. flips: P(1 is read | 0) and P(0 is read | 1) of each bit.
    """
    tensor = p.reshape((2,) * len(flips))
    for bit, (p01, p10) in enumerate(flips):
        if p01 or p10:
            axis = len(flips) - 1 - bit
            confusion = np.array([[1.0 - p01, p10], [p01, 1.0 - p10]])
            tensor = np.moveaxis(np.tensordot(confusion, tensor, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(tensor).reshape(-1)


def distribution(indices: np.ndarray[Any, Any], p: Floats, places: Sequence[int | None]) -> Distribution:
    """Outcomes of indices and their probabilities, without dust, scaled to sum to 1.

    places: for each character of an outcome the bit of the index that it shows, -1 for a bit that is never written and
    None for the space between registers.
    """
    kept = p > DUST
    indices, p = indices[kept], p[kept]
    letters = np.full((len(indices), max(1, len(places))), ord("0"), dtype=np.uint32)
    for column, place in enumerate(places):
        if place is None:
            letters[:, column] = ord(" ")
        elif place >= 0:
            letters[:, column] += (indices >> place & 1).astype(np.uint32)
    texts = letters.view(f"U{letters.shape[1]}").reshape(-1)
    order = np.argsort(texts, kind="stable")
    p = p[order]
    return Distribution(tuple(texts[order].tolist()), p / p.sum())


def printed_places(circuit: Any) -> list[int | None]:
    """The classical bit that each character of an outcome shows, None for a space, as Qiskit prints them."""
    at = {bit: index for index, bit in enumerate(circuit.clbits)}
    registers = [[at[bit] for bit in register] for register in circuit.cregs] or [list(range(circuit.num_clbits))]
    places: list[int | None] = []
    for number, register in enumerate(reversed(registers)):
        places += ([None] if number else []) + list(reversed(register))
    return places


def distance(first: Distribution, second: Distribution) -> float:
    """Total variation distance: half the summed differences."""
    a, b = first.as_dict(), second.as_dict()
    return 0.5 * math.fsum(abs(a.get(outcome, 0.0) - b.get(outcome, 0.0)) for outcome in {*a, *b})
