"""How far hardware scatters around what the simulator expects: 1 is the scatter of shots alone.

The index of dispersion is Pearson's X² over its degrees of freedom, the estimate of the factor by which counts vary
more than multinomial ones (McCullagh and Nelder, Generalized Linear Models, 2nd edition 1989, sections 4.5 and 5.5).
It describes; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pytest_llmgate.stats.shots.distances import rounded
from pytest_llmgate.stats.shots.rule import Floats

OTHER = "other"
_LEAST_EXPECTED = 5.0  # counts below which X² is no longer chi-square; such outcomes are taken together


class Dispersion(NamedTuple):
    """An index with its interval. freedom: degrees of freedom. index: None where there is nothing to vary."""

    index: float | None  # type: ignore[assignment]  # shadows tuple.index, which nobody calls here
    interval: tuple[float, float] | None
    freedom: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareVariance:
    """Scatter of the chunks of one circuit.

    overall: around the simulator's expectation; above 1 the device differs from the simulator, or drifts. between:
    around the chunks' own mean; above 1 it drifts (None for one chunk). outcomes: around the expectation, one by one,
    rare ones together as `other`. unexpected: shots on outcomes that the simulator never gives; they are in no index.
    """

    chunks: int
    shots: int
    overall: Dispersion
    between: Dispersion | None
    outcomes: Mapping[str, Dispersion]
    unexpected: int
    confidence: float
    method: str = "chi-square"


def hardware_variance(
    expected: Mapping[str, float], counts: Mapping[str, int] | Sequence[Mapping[str, int]], *, confidence: float = 0.95
) -> HardwareVariance:
    """Dispersion of hardware counts around the simulator's probabilities.

    expected: probability by outcome, at least 0, some above 0. counts: those of each chunk, or of a single one.
    confidence: of each interval, in (0, 1): X²/φ is taken as chi-square, where φ is the true factor.
    Raises ValueError for counts below 0, for no shots at all, and for an expectation without mass.
    """
    chunks = [counts] if isinstance(counts, Mapping) else list(counts)
    shots = sum(sum(chunk.values()) for chunk in chunks)
    if not shots or any(count < 0 for chunk in chunks for count in chunk.values()):
        raise ValueError("counts are whole numbers of at least 0, and there is at least one shot")
    names, p = _cells(expected, shots)
    table = np.array([[_count(chunk, expected, names, name) for name in names] for chunk in chunks], dtype=np.float64)
    drawn = table.sum(axis=1, keepdims=True)
    table, drawn = table[drawn[:, 0] > 0], drawn[drawn[:, 0] > 0]
    rows = len(table)
    mean = drawn * p
    between = None
    if rows > 1:
        own = drawn * (table.sum(axis=0) / table.sum())
        between = _dispersion(_x2(table, own), (rows - 1) * (int((own[0] > 0).sum()) - 1), confidence)
    each = {
        name: _dispersion(_x2(table[:, [i]], mean[:, [i]]) / (1.0 - p[i]), rows, confidence)
        for i, name in enumerate(names)
        if p[i] < 1.0
    }
    return HardwareVariance(
        chunks=len(chunks),
        shots=shots,
        overall=_dispersion(_x2(table, mean), rows * (len(names) - 1), confidence),
        between=between,
        outcomes=each,
        unexpected=shots - int(table.sum()),
        confidence=confidence,
    )


def _cells(expected: Mapping[str, float], shots: int) -> tuple[list[str], Floats]:
    """Names and probabilities of what is counted apart: outcomes that are frequent enough, and all others together."""
    total = float(sum(expected.values()))
    if not np.isfinite(total) or total <= 0.0 or min(expected.values()) < 0.0:
        raise ValueError("the expectation holds probabilities of at least 0, and not only zeros")
    frequent = {name: p / total for name, p in sorted(expected.items()) if p / total * shots >= _LEAST_EXPECTED}
    rest = 1.0 - sum(frequent.values())
    rare = any(p > 0.0 and name not in frequent for name, p in expected.items())
    cells = {**frequent, OTHER: rest} if rare and rest > 0.0 else frequent
    return list(cells), np.array(list(cells.values())) / sum(cells.values())


def _count(chunk: Mapping[str, int], expected: Mapping[str, float], names: Sequence[str], name: str) -> int:
    if name != OTHER:
        return chunk.get(name, 0)
    return sum(count for outcome, count in chunk.items() if outcome not in names and expected.get(outcome, 0.0) > 0.0)


def _x2(table: Floats, mean: Floats) -> float:
    possible = mean > 0.0
    return float(((table - mean)[possible] ** 2 / mean[possible]).sum())


def _dispersion(x2: float, freedom: int, confidence: float) -> Dispersion:
    if freedom < 1:
        return Dispersion(None, None, 0)
    from scipy.special import chdtri  # inverse of the upper tail; scipy takes long to load

    tail = (1.0 - confidence) / 2.0
    interval = (rounded(x2 / chdtri(freedom, tail)), rounded(x2 / chdtri(freedom, 1.0 - tail)))
    return Dispersion(rounded(x2 / freedom), interval, freedom)
