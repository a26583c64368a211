"""Diagonal observables: a weighted sum of products of Z over the classical bits, a number for every outcome.

Shots are counted by value, not by outcome: the values that an observable can take are known before the first shot, so
that no outcome is ever unknown, however many qubits there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pytest_llmgate.stats.shots.bitstrings import Layout, Mass, fold_by, parity
from pytest_llmgate.stats.shots.rule import Floats

MOST_LEVELS = 1 << 16
_EXACT_BITS = 16  # bits up to which every combination is tried


@dataclass(frozen=True, slots=True)
class Observable:
    """Sum of weight * product of Z. terms: (mask of the bits under Z, weight), sorted. layout: of the registers.

    levels: the labels of all values that it can take, increasing; `value` gives the number behind one.
    """

    terms: tuple[tuple[int, float], ...]
    layout: Layout
    levels: tuple[str, ...]

    @classmethod
    def parse(cls, spec: object, widths: tuple[int, ...]) -> Observable:
        """From "ZZI", or {"ZZI": 0.5, "IIZ": 1.0}.

        Args: spec, a Pauli string of I and Z in the order in which bits are printed, or weights by such strings;
        widths of the classical registers in printing order. Raises ValueError with a sentence for the user.
        """
        layout = Layout(widths)
        terms = spec if isinstance(spec, Mapping) else {spec: 1.0}
        masks = {pauli: layout.mask(pauli) for pauli in terms}
        if not any(masks.values()):
            raise ValueError(f"the observable {spec!r} is the same for every outcome: it needs a Z")
        for pauli, weight in terms.items():
            number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
            if not number or not math.isfinite(weight) or weight == 0:
                raise ValueError(f"the weight of {pauli} must be a number other than 0, not {weight!r}")
        ordered = tuple(sorted((masks[pauli], float(weight)) for pauli, weight in terms.items()))
        return cls(ordered, layout, tuple(_text(value) for value in _levels(ordered)))

    @property
    def values(self) -> tuple[float, ...]:
        """The numbers behind `levels`."""
        return tuple(float(level) for level in self.levels)

    def value(self, outcome: str) -> float:
        """The observable at an outcome, as Qiskit writes it. Raises ValueError for what is no outcome."""
        bits = int(self.layout.joined(outcome), 2)
        total = math.fsum(weight * parity(bits, mask) for mask, weight in self.terms)
        return _settled(total, self.terms)

    def group(self, outcome: str) -> str:
        """The label of its value: one of `levels`."""
        return _text(self.value(outcome))

    def fold(self, distribution: Mapping[str, Mass]) -> dict[str, Mass]:
        """Probabilities or counts by label of the value."""
        return fold_by(self.group, distribution)


def _levels(terms: tuple[tuple[int, float], ...]) -> list[float]:
    """Values that can occur: all of them for up to 16 bits under a Z, beyond that all sums of signs, which may be more.

    Raises ValueError for more than 65,536.
    """
    used = [bit for bit in range(max(terms)[0].bit_length()) if any(mask >> bit & 1 for mask, _ in terms)]
    if len(used) <= _EXACT_BITS:
        return sorted({_settled(float(total), terms) for total in _totals(terms, used)})
    sums = {0.0}
    for mask, weight in terms:
        sums = {_settled(total + sign * weight, terms) for total in sums for sign in ((1, -1) if mask else (1,))}
        if len(sums) > MOST_LEVELS:
            raise ValueError(f"the observable can take more than {MOST_LEVELS:,} values: round its weights")
    return sorted(sums)


def _totals(terms: tuple[tuple[int, float], ...], used: list[int]) -> Floats:
    """The observable at every combination of the used bits."""
    states = np.arange(1 << len(used))
    totals = np.zeros(len(states))
    for mask, weight in terms:
        odd = np.zeros(len(states), np.int64)
        for place, bit in enumerate(used):
            if mask >> bit & 1:
                odd ^= states >> place & 1
        totals += weight * (1 - 2 * odd)
    return totals


def _settled(total: float, terms: tuple[tuple[int, float], ...]) -> float:
    """Rounded so far that the order of summing cannot show: 12 digits of the largest possible value."""
    scale = math.fsum(abs(weight) for _, weight in terms)
    return round(total, 11 - math.floor(math.log10(scale))) + 0.0


def _text(value: float) -> str:
    return f"{value:.12g}"
