"""Runaways in pairs, against sums over every table, and what a reply of today is held against."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.stats.ratio import Sums
from pytest_llmgate.stats.runaway_pairs import pairs_p_less
from pytest_llmgate.stats.runaways import RunawayRule
from pytest_llmgate.stats.yardsticks import comparable, in_pairs, yardsticks


def chance(x: int, y: int, n: int, up: float, down: float) -> float:
    rest = max(0.0, 1.0 - up - down)
    ways = math.comb(n, x) * math.comb(n - x, y)
    return ways * up**x * down**y * float(rest ** (n - x - y))


@pytest.mark.parametrize("excess", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("differ", [0.1, 0.35, 0.8])
@pytest.mark.parametrize("level", [0.05, 0.2])
def test_a_truth_at_the_excess_is_ruled_out_as_rarely_as_stated(excess: float, differ: float, level: float) -> None:
    n, apart = 12, max(differ, excess)
    tables = [(x, y) for x, y in itertools.product(range(n + 1), repeat=2) if x + y <= n]
    up, down = (apart + excess) / 2, (apart - excess) / 2
    wrong = math.fsum(chance(x, y, n, up, down) for x, y in tables if pairs_p_less(x, y, n, excess) <= level)
    assert wrong <= level


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 30), st.integers(0, 30), st.sampled_from([-0.2, 0.0, 0.015, 0.3]))
def test_more_runaways_are_never_better(x: int, y: int, excess: float) -> None:
    n = 61
    assert pairs_p_less(x, y, n, excess) <= pairs_p_less(x + 1, y, n, excess) + 1e-6
    assert pairs_p_less(x, y + 1, n, excess) <= pairs_p_less(x, y, n, excess) + 1e-6


@pytest.mark.parametrize(("n", "outcome"), [(198, Outcome.INCONCLUSIVE), (199, Outcome.PASS)])
def test_a_clean_sample_passes_from_199_pairs_on(n: int, outcome: Outcome) -> None:
    """(1 - 0.015)^199 is 0.0494; the bound that is shown agrees."""
    rule = RunawayRule(alpha_used=0.05, beta=0.05, n=n, paired=True)
    found = rule.decide(n, 0, 0, n)
    assert found is not None
    assert found.outcome is outcome
    assert (rule.bounds(n, 0, 0, n)[2] <= 0.015) is (outcome is Outcome.PASS)


def test_pairs_are_looked_at_once() -> None:
    rule = RunawayRule(alpha_used=0.05, beta=0.05, n=320, paired=True)
    assert rule.decide(319, 200, 0, 319) is None, "later pairs may take it back"
    fails = rule.decide(320, 12, 3, 320)
    assert fails is not None
    assert fails.outcome is Outcome.FAIL
    assert rule.bounds(320, 12, 3, 320)[1] > 0.0


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=2))
def test_two_replies_are_known_from_their_sums(replies: list[int]) -> None:
    sums = Sums(2, sum(replies), sum(reply**2 for reply in replies))
    found = yardsticks(sums, True)
    assert [next(found), next(found)] == [max(replies), min(replies)]


@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=9), st.booleans())
def test_all_but_one_have_the_moments_of_all_that_leave_one_out(replies: list[int], larger_first: bool) -> None:
    n, total = len(replies), sum(replies)
    sums = Sums(n, total, sum(reply**2 for reply in replies))
    left = [(total - reply) / (n - 1) for reply in replies]
    held = list(itertools.islice(yardsticks(sums, larger_first), 2))
    assert min(held) >= 0.0
    assert math.fsum(held) / 2 == pytest.approx(math.fsum(left) / n)
    spread = math.fsum((value - total / n) ** 2 for value in left) / n
    assert math.fsum((value - total / n) ** 2 for value in held) / 2 == pytest.approx(spread, rel=1e-6, abs=1e-6)


def sized(*sizes: int) -> dict[str, dict[str, int]]:
    return {f"c{place}": {"n": n} for place, n in enumerate(sizes)}


def test_pairs_are_for_single_replies_where_replies_are_few() -> None:
    assert in_pairs(sized(1, 1, 1))
    assert in_pairs(sized(1, 2, 2, 2)), "of two replies each is known"
    assert not in_pairs(sized(2, 2, 3)), "nobody has one only"
    assert not in_pairs(sized(1, 20, 20)), "a case that lost its replies decides nothing for the others"


@given(st.lists(st.integers(1, 4), min_size=1, max_size=12), st.integers(0, 60), st.booleans(), st.randoms())
def test_what_can_surely_be_compared_is_met_by_every_order(
    sizes: list[int], trials: int, paired: bool, chance: object
) -> None:
    """Trials visit the cases in rounds, each in an order of its own."""
    rounds = [sorted(range(len(sizes)), key=lambda _: chance.random()) for _ in range(trials)]  # type: ignore[attr-defined]
    order = [case for each in rounds for case in each][:trials]
    left = [(n if n <= 2 else 0) if paired else (trials if n > 1 else 0) for n in sizes]
    met = 0
    for case in order:
        met += left[case] > 0
        left[case] -= left[case] > 0
    assert comparable(sizes, trials, paired) <= met
