"""How one gate folds one arm: looks, halves, outcomes that nobody knew, and rates of single shots."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shot_samples import OneLook, gate

from pytest_llmgate.core.decision import Outcome, Tally
from pytest_llmgate.core.plan import GatePlan
from pytest_llmgate.engine.shots import OutcomeFold, SuccessFold, dealt_half, outcome_table
from pytest_llmgate.stats.planning import choose_rule

RATE = choose_rule(good=0.95, bad=0.90, alpha=0.05, beta=0.05).rule
SUCCESS = GatePlan(name="success", type="success-probability", good=0.95, bad=0.90)


def test_a_rule_is_asked_at_its_looks_only_and_freezes_there() -> None:
    rule = OneLook(128)
    fold = OutcomeFold(gate(), 0, rule)
    for ordinal in range(4):
        fold.add({"0": 40, "1": 24}, ordinal, ordinal)
    assert [seen.shots for seen in rule.shown] == [128]
    assert (fold.shots, fold.shots_all) == (128, 256)


def test_every_other_chunk_is_a_half_of_its_own() -> None:
    rule = OneLook(192)
    fold = OutcomeFold(gate(), 0, rule)
    for ordinal, zeros in enumerate((64, 0, 64)):
        fold.add({"0": zeros, "1": 64 - zeros}, ordinal, 1)
    assert rule.shown[0].first.tolist() == [128, 0, 0]
    assert rule.shown[0].counts.tolist() == [128, 64, 0]


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 2**53 - 1)), min_size=1, max_size=9))
def test_chunks_that_are_dealt_into_halves_give_two_equal_samples(chunks: list[tuple[int, int]]) -> None:
    """A device that is asked once for each look has no other chunk to hold the first against."""
    rule = OneLook(99 * len(chunks))
    fold = OutcomeFold(gate(), 0, rule, dealt=True)
    for ordinal, (zeros, seed) in enumerate(chunks):
        fold.add({"0": zeros, "1": 99 - zeros}, ordinal, seed)
    seen = rule.shown[0]
    second = seen.counts - seen.first
    assert seen.first.min() >= 0 and second.min() >= 0
    assert seen.first.sum() - second.sum() == len(chunks) % 2


def test_a_dealt_half_shows_what_the_whole_does() -> None:
    """1,000 halves of 600 and 400: their mean within 4.5 standard errors (a false alarm of 7e-6)."""
    halves = [dealt_half(np.array([600, 400]), 0, seed)[0] for seed in range(1000)]
    error = np.sqrt(500 * 0.6 * 0.4 * 500 / 999 / 1000)
    assert abs(np.mean(halves) - 300) < 4.5 * error
    assert len(set(halves)) > 20


def test_an_outcome_that_the_rule_does_not_know_is_counted_apart() -> None:
    rule = OneLook(64)
    fold = OutcomeFold(gate(), 0, rule)
    fold.add({"0": 60, "strange": 4}, 0, 1)
    assert rule.shown[0].counts.tolist() == [60, 0, 4]


def test_outcomes_are_put_together_before_they_are_counted() -> None:
    rule = OneLook(64)
    fold = OutcomeFold(gate(), 0, rule, reduce=lambda outcome: outcome[-1])
    fold.add({"00": 10, "10": 20, "01": 34}, 0, 1)
    assert rule.shown[0].counts.tolist() == [30, 34, 0]


@given(st.lists(st.tuples(st.integers(0, 64), st.integers(0, 2**53 - 1)), min_size=1, max_size=20))
def test_a_rate_counts_every_shot_once_whatever_the_order(chunks: list[tuple[int, int]]) -> None:
    fold = SuccessFold(SUCCESS, 0, RATE, frozenset({"00"}))
    for ordinal, (hits, seed) in enumerate(chunks):
        fold.add({"00": hits, "01": 64 - hits}, ordinal, seed)
    assert fold.gate.seen.n == 64 * len(chunks)
    assert fold.gate.seen.successes == sum(hits for hits, _ in chunks)


class Watching:
    """A rule that never decides and notes after which shot the first bad one came."""

    any_time = True
    ceiling = 10**6
    first_bad: int | None = None

    def decide(self, tally: Tally) -> None:
        if tally.failed and self.first_bad is None:
            self.first_bad = tally.n


def test_shots_of_a_chunk_come_in_a_seeded_order() -> None:
    """A rule that looks after every shot must not see all good ones first."""
    where: Counter[int] = Counter()
    for seed in range(400):
        rule = Watching()
        SuccessFold(SUCCESS, 0, rule, frozenset({"0"})).add({"0": 63, "1": 1}, 0, seed)  # type: ignore[arg-type]
        assert rule.first_bad is not None
        where[rule.first_bad] += 1
    assert max(where.values()) <= 20  # 6.25 on average in each of 64 places: beyond 20 has probability below 1e-4
    assert len(where) >= 55


def test_an_unwanted_outcome_is_counted_the_other_way_round() -> None:
    plan = GatePlan(name="leak", type="success-probability", good=0.95, bad=0.9, unwanted=True, inverted=True)
    fold = SuccessFold(plan, 0, RATE, frozenset({"11"}))
    fold.add({"00": 60, "11": 4}, 0, 7)
    assert fold.gate.seen.successes == 60


def test_the_table_shows_the_largest_and_sums_the_rest() -> None:
    expected = {f"{number:05b}": 1 / 32 for number in range(32)}
    rows = outcome_table(expected, {"00000": 320}, 320)
    assert rows[0] == {"outcome": "00000", "expected": 0.03125, "observed": 320, "residual": pytest.approx(99.6, 0.01)}
    assert len(rows) == 17
    assert rows[-1] == {"outcome": None, "expected": 0.5, "observed": 0, "residual": None, "others": 16}
    assert sum(row["observed"] for row in rows) == 320


def test_an_impossible_outcome_has_no_residual() -> None:
    (seen, _) = outcome_table({"0": 1.0}, {"1": 64}, 64)[:2]
    assert seen["residual"] is None


def test_figures_are_those_at_the_decision() -> None:
    rule = OneLook(64, Outcome.FAIL)
    fold = OutcomeFold(gate(), 0, rule, {"against": "the reference"}, expected={"0": 0.5, "1": 0.5})
    fold.add({"0": 64}, 0, 1)
    fold.add({"1": 64}, 1, 2)
    found = fold.figures()
    assert found["tvd"] == 0.5
    assert found["against"] == "the reference"
    assert found["outcomes"][0]["observed"] == 64
    assert found["figures"]["hellinger_fidelity"]["value"] == pytest.approx(0.5)
    assert np.isfinite(found["figures"]["cross_entropy_bits"]["value"])
