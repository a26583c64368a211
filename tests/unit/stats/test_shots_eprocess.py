"""The evidence is a nonnegative martingale with mean at most 1: all that its level rests on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.stats.shots.eprocess import DECLARED_SHARE, EProcess, evidence, log_gamma
from pytest_llmgate.stats.shots.rule import Floats, Ints

CASES = {
    "fair coin": ([0.5, 0.5, 0.0], [[0.6, 0.4, 0.0]]),
    "nothing declared": ([0.5, 0.3, 0.2, 0.0], []),
    "an alternative without one outcome": ([0.5, 0.3, 0.2, 0.0], [[0.7, 0.3, 0.0, 0.0], [0.2, 0.3, 0.5, 0.0]]),
    "an outcome that only the alternative has": ([0.8, 0.2, 0.0, 0.0], [[0.5, 0.2, 0.3, 0.0]]),
    "mass outside": ([0.8, 0.1, 0.1], [[0.8, 0.2, 0.0]]),
}
by_case = pytest.mark.parametrize(("p", "alternatives"), CASES.values(), ids=CASES.keys())


def process_of(p: list[float], alternatives: list[list[float]]) -> EProcess:
    return evidence(np.array(p), [np.array(q) for q in alternatives])


def log_e(process: EProcess, counts: Ints) -> float:
    return process.log_e(counts, process.log_ratios(counts))


def all_counts(shots: int, cells: int) -> Iterator[Ints]:
    """Every way that so many shots can fall."""
    for bars in itertools.combinations(range(shots + cells - 1), cells - 1):
        edges = [-1, *bars, shots + cells - 1]
        yield np.diff(edges) - 1


def probability(counts: Ints, p: Floats) -> float:
    ways = math.lgamma(counts.sum() + 1) - sum(math.lgamma(c + 1) for c in counts)
    return math.exp(ways) * math.prod(float(x) ** int(c) for x, c in zip(p, counts, strict=True))


@by_case
@pytest.mark.parametrize("shots", [1, 2, 5, 8])
def test_its_mean_under_the_reference_is_at_most_one(
    p: list[float], alternatives: list[list[float]], shots: int
) -> None:
    """Exact: a sum over everything that can be seen."""
    process, law = process_of(p, alternatives), np.array(p)
    possible = [c for c in all_counts(shots, len(p)) if not c[law <= 0.0].any()]
    mean = sum(probability(c, law) * math.exp(log_e(process, c)) for c in possible)
    assert sum(probability(c, law) for c in possible) == pytest.approx(1.0)
    assert mean <= 1.0 + 1e-9
    if all(q <= 0.0 or x > 0.0 for other in alternatives for q, x in zip(other, p, strict=True)):
        assert mean == pytest.approx(1.0)  # nothing is given away where the reference excludes nothing


@by_case
def test_the_next_shot_does_not_change_it_on_average(p: list[float], alternatives: list[list[float]]) -> None:
    """A supermartingale from any point on, which is what makes every stopping time valid."""
    process, law = process_of(p, alternatives), np.array(p)
    for counts in all_counts(4, len(p)):
        if counts[law <= 0.0].any():
            continue
        steps = np.eye(len(p), dtype=np.int64)
        after = sum(x * math.exp(log_e(process, counts + step)) for x, step in zip(p, steps, strict=True) if x > 0)
        assert after <= math.exp(log_e(process, counts)) * (1.0 + 1e-9)


@by_case
def test_weights_sum_to_one_and_half_is_on_what_is_declared(p: list[float], alternatives: list[list[float]]) -> None:
    weights = np.exp(process_of(p, alternatives).log_weights)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[: len(alternatives)].sum() == pytest.approx(DECLARED_SHARE if alternatives else 0.0)


def test_before_the_first_shot_there_is_no_evidence() -> None:
    process = process_of([0.5, 0.5, 0.0], [[0.6, 0.4, 0.0]])
    assert log_e(process, np.zeros(3, np.int64)) == pytest.approx(0.0)


@given(st.data())
def test_outcomes_have_no_order(data: st.DataObject) -> None:
    cells = data.draw(st.integers(2, 12))
    draws = st.lists(st.floats(0.01, 1.0), min_size=cells, max_size=cells)
    p, q = (np.array(xs) / sum(xs) for xs in (data.draw(draws), data.draw(draws)))
    counts = np.array(data.draw(st.lists(st.integers(0, 500), min_size=cells, max_size=cells)))
    order = data.draw(st.permutations(range(cells)))
    if np.allclose(p, q):
        return
    here = log_e(evidence(p, [q]), counts)
    assert log_e(evidence(p[order], [q[order]]), counts[order]) == pytest.approx(here, rel=1e-9, abs=1e-7)


def test_what_is_declared_is_found_sooner() -> None:
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.6, 0.4, 0.0])
    counts = np.array([300, 200, 0])
    assert log_e(evidence(p, [q]), counts) > log_e(evidence(p, []), counts)


@given(st.floats(1e-9, 1e9))
def test_log_gamma_is_the_one_of_the_standard_library(x: float) -> None:
    assert float(log_gamma(np.array([x]))[0]) == pytest.approx(math.lgamma(x), rel=1e-12, abs=1e-11)
