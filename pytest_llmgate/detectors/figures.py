"""Figures of a score against labels: ranking, calibration, error rates. Pure, standard library only."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

BINS = 10


class Bin(NamedTuple):
    """One row of a reliability table: mean risk said, share that was bad, number."""

    low: float
    high: float
    said: float
    seen: float
    size: int


def auroc(labels: Sequence[int], scores: Sequence[float]) -> float:
    """P(a bad answer scores higher than a good one), ties counted half; nan without both kinds."""
    bad = sum(labels)
    good = len(labels) - bad
    if not bad or not good:
        return math.nan
    ranked = sorted(zip(scores, labels, strict=True))
    total = place = 0.0
    at = 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        rank = (at + end + 1) / 2.0
        place += rank * sum(label for _, label in ranked[at:end])
        at = end
    total = place - bad * (bad + 1) / 2.0
    return total / (bad * good)


def reliability(labels: Sequence[int], risks: Sequence[float]) -> list[Bin]:
    """Bins of equal width that hold an answer."""
    held: list[list[tuple[float, int]]] = [[] for _ in range(BINS)]
    for risk, label in zip(risks, labels, strict=True):
        held[min(int(risk * BINS), BINS - 1)].append((risk, label))
    return [
        Bin(at / BINS, (at + 1) / BINS, _mean(risk for risk, _ in rows), _mean(label for _, label in rows), len(rows))
        for at, rows in enumerate(held)
        if rows
    ]


def ece(labels: Sequence[int], risks: Sequence[float]) -> float:
    """Expected calibration error: mean gap between said and seen over the bins (Naeini and others, 2015)."""
    return sum(row.size * abs(row.said - row.seen) for row in reliability(labels, risks)) / max(len(labels), 1)


def balanced_accuracy(labels: Sequence[int], scores: Sequence[float], threshold: float) -> float:
    """Mean of the shares of bad and of good answers that a threshold gets right."""
    flags = [score >= threshold for score in scores]
    hit = _mean(flag for flag, label in zip(flags, labels, strict=True) if label)
    quiet = _mean(not flag for flag, label in zip(flags, labels, strict=True) if not label)
    return (hit + quiet) / 2.0


def threshold_at(labels: Sequence[int], scores: Sequence[float], most_false: float) -> float:
    """The lowest threshold that flags at most a share of the good answers; above all scores where none does."""
    good = sorted((score for score, label in zip(scores, labels, strict=True) if not label), reverse=True)
    allowed = int(most_false * len(good) + 1e-9)
    return math.nextafter(good[allowed], math.inf) if allowed < len(good) else min(scores, default=0.0)


def recall_at(labels: Sequence[int], scores: Sequence[float], most_false: float) -> float:
    """Share of the bad answers that are flagged where at most a share of the good ones is."""
    threshold = threshold_at(labels, scores, most_false)
    return _mean(score >= threshold for score, label in zip(scores, labels, strict=True) if label)


def bootstrap(
    groups: Sequence[str], statistic: Callable[[Sequence[int]], float], *, rounds: int = 200, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of a statistic of row numbers, by drawing whole documents again and again."""
    places: dict[str, list[int]] = {}
    for at, group in enumerate(groups):
        places.setdefault(group, []).append(at)
    documents = list(places.values())
    rng = random.Random(seed)  # noqa: S311 - a simulation, no secret
    found = sorted(
        value
        for _ in range(rounds)
        if not math.isnan(value := statistic([at for rows in rng.choices(documents, k=len(documents)) for at in rows]))
    )
    if not found:
        return math.nan, math.nan
    return found[int(0.025 * len(found))], found[min(int(0.975 * len(found)), len(found) - 1)]


def _mean(values: Iterator[float]) -> float:
    total = count = 0.0
    for value in values:
        total, count = total + value, count + 1
    return total / count if count else math.nan
