"""What replies to the same case are worth, at its edges and against known answers."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.stats.clusters import POPULATION_CASES, clustered, discordance, intraclass, population_ok
from pytest_llmgate.stats.comparisons import cluster_se

counts = st.lists(st.integers(0, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), max_size=12)


@given(counts)
def test_the_standard_error_is_that_of_the_replies_one_by_one(seen: list[tuple[int, int]]) -> None:
    found = clustered(seen)
    replies = [(float(i < good), case) for case, (n, good) in enumerate(seen) for i in range(n)]
    if not replies:
        assert found is None
        return
    assert found is not None
    assert 0.0 <= found.rate <= 1.0
    if len({case for _, case in replies}) > 1:
        mean, _, _, expected = cluster_se(*map(list, zip(*replies, strict=True)))  # type: ignore[arg-type]
        assert found.se is not None
        assert math.isclose(found.rate, mean, abs_tol=1e-12)
        assert math.isclose(found.se, expected, abs_tol=1e-12)
    else:
        assert found.se is None
    if found.icc is not None:
        assert found.effective_n is not None and found.design_effect is not None
        assert 0.0 <= found.icc <= 1.0
        assert 1.0 <= found.effective_n <= len(replies) + 1e-9
        assert math.isclose(found.effective_n * found.design_effect, len(replies))


def test_identical_replies_within_a_case_are_worth_one_each() -> None:
    found = clustered([(5, 5), (5, 0), (5, 5), (5, 0)])
    assert found is not None
    assert (found.rate, found.icc, found.design_effect, found.effective_n) == (0.5, 1.0, 5.0, 4.0)


def test_cases_that_do_not_differ_cost_nothing() -> None:
    found = clustered([(10, 9)] * 6)
    assert found is not None
    assert (found.icc, found.effective_n, found.se) == (0.0, 60.0, 0.0)


@pytest.mark.parametrize(
    "seen",
    [[(5, 3)], [(1, 1), (1, 0), (1, 1)], [(5, 5), (3, 3)], [(5, 0), (3, 0)]],
    ids=["one case", "one reply a case", "all good", "all bad"],
)
def test_no_correlation_is_made_up_where_none_can_be_seen(seen: list[tuple[int, int]]) -> None:
    found = clustered(seen)
    assert found is not None
    assert (found.icc, found.design_effect, found.effective_n) == (None, None, None)


def test_the_correlation_by_hand() -> None:
    """2 of 2, 1 of 2, 0 of 2: mean squares 1/2 between (2 degrees) and 1/6 within (3), so (1/2 - 1/6) / (1/2 + 1/6)."""
    assert intraclass([(2, 2), (2, 1), (2, 0)]) == pytest.approx(0.5)


def test_the_correlation_of_simulated_cases() -> None:
    """Beta cases of correlation 0.3, 2,000 of them: 5 standard errors are about 0.08."""
    rng = random.Random(5)
    spread = (1 - 0.3) / 0.3
    cases = [rng.betavariate(0.8 * spread, 0.2 * spread) for _ in range(2000)]
    found = intraclass([(6, sum(rng.random() < p for _ in range(6))) for p in cases])
    assert found == pytest.approx(0.3, abs=0.08)


def test_how_often_two_replies_to_a_case_differ() -> None:
    assert discordance([(2, 1), (2, 2)]) == 0.5
    assert discordance([(3, 1)]) == pytest.approx(2 / 3)
    assert discordance([(4, 4), (4, 0), (1, 1)]) == 0.0
    assert discordance([(1, 1), (0, 0)]) is None


@pytest.mark.parametrize("seen", [[(3, 4)], [(3, -1)], [(-1, -1)]])
def test_impossible_counts_are_refused(seen: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="good replies"):
        clustered(seen)


def test_a_population_needs_cases() -> None:
    assert not population_ok(1)
    assert population_ok(2)
    assert not population_ok(POPULATION_CASES - 1, 2.0)
    assert population_ok(POPULATION_CASES, 2.0)
