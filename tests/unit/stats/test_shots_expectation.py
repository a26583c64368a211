"""Expectations: bets are fair at the boundary, blind to order, and the interval says what the decision says."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.stats.shots.betting import bets_for, log_growth, spread_bets
from pytest_llmgate.stats.shots.expectation import ExpectationRule, Side
from pytest_llmgate.stats.shots.expectation_plan import plan_expectation
from pytest_llmgate.stats.shots.observable import Observable
from pytest_llmgate.stats.shots.rule import Seen

HALVES = np.array([0.0, 0.5, 1.0])
LOOKS = (64, 128, 256, 4096)
counts_of_three = st.lists(st.integers(0, 200), min_size=3, max_size=3)


def rule_of(side: Side = "min", **changes: Any) -> ExpectationRule:
    limit, bad = (0.4, 0.0) if side == "min" else (-0.4, 0.0)
    parameters: dict[str, Any] = {
        "outcomes": ("-1", "0.2", "1"),
        "values": (-1.0, 0.2, 1.0),
        "limit": limit,
        "bad": bad,
        "side": side,
        "alpha": 0.01,
        "beta": 0.05,
        "looks": LOOKS,
    }
    return ExpectationRule(**{**parameters, **changes})


def seen_of(*counts: int) -> Seen:
    return Seen(sum(counts), np.array(counts), np.zeros(len(counts), np.int64))


@pytest.mark.parametrize("mean", [0.05, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("middle", [0.0, 0.5, 1.0])
def test_the_capital_expects_to_stay_the_same_where_the_mean_is_true(mean: float, middle: float) -> None:
    """Exact over all 3^5 orders of 5 shots, for several distributions with this mean; below it, it shrinks."""
    bets = bets_for(mean, 0.5 + 0.5 * mean)
    part = middle * 2 * min(mean, 1 - mean)
    q = np.array([1 - mean - part / 2, part, mean - part / 2])
    assert float(q @ HALVES) == pytest.approx(mean)

    def expected(tested: float) -> float:
        total = 0.0
        for shots in itertools.product(range(3), repeat=5):
            counts = np.bincount(shots, minlength=3)
            total += float(np.prod(q[list(shots)])) * math.exp(bets.log_capital(HALVES, counts, tested))
        return total

    assert expected(mean) == pytest.approx(1.0, abs=1e-9)
    assert expected(min(1.0, mean + 0.1)) < 1.0


def test_a_bettor_s_shares_are_one_fortune() -> None:
    for bets in (bets_for(0.0, 0.4), bets_for(0.8, 0.9), bets_for(0.1, 1.0), spread_bets()):
        assert float(bets.shares.sum()) == pytest.approx(1.0)
        assert (bets.sizes > 0.0).all()


@given(shots=st.lists(st.integers(0, 2), max_size=40), mean=st.floats(0.01, 0.99))
def test_counts_say_as_much_as_the_shots_in_any_order(shots: list[int], mean: float) -> None:
    bets = bets_for(mean, 0.5 + 0.5 * mean)
    logs = np.zeros(len(bets.sizes))
    for shot in shots:
        logs = logs + log_growth(bets.sizes, HALVES[[shot]], mean)[:, 0]
    folded = bets.log_capital(HALVES, np.bincount(shots, minlength=3), mean)
    with np.errstate(divide="ignore"):
        assert math.exp(folded) == pytest.approx(float(bets.shares @ np.exp(logs)), rel=1e-9, abs=1e-300)


@given(counts=counts_of_three, mean=st.floats(0.0, 0.98), step=st.floats(0.0, 0.02))
def test_larger_means_are_harder_to_rule_out(counts: list[int], mean: float, step: float) -> None:
    """The capital falls with the mean: without this the ruled-out means would not lie below one bound."""
    bets, tally = bets_for(0.3, 0.5), np.array(counts)
    lower, higher = (bets.log_capital(HALVES, tally, m) for m in (mean, mean + step))
    assert higher <= lower + 1e-9 * (1 + abs(lower)) or lower == -math.inf


@settings(max_examples=200)
@given(counts=counts_of_three, unknown=st.integers(0, 20), side=st.sampled_from(["min", "max"]))
def test_the_interval_agrees_with_the_decision(counts: list[int], unknown: int, side: Side) -> None:
    rule, seen = rule_of(side), seen_of(*counts, unknown)
    low, high = rule.interval(seen)
    decision = rule.decide(seen)
    assert -1.0 <= low <= high <= 1.0
    passed = decision is not None and decision.outcome is Outcome.PASS
    failed = decision is not None and decision.outcome is Outcome.FAIL
    if side == "min":
        assert not passed or low >= rule.bad
        assert not failed or high <= rule.limit
    else:
        assert not passed or high <= rule.bad
        assert not failed or low >= rule.limit


@given(counts=counts_of_three)
def test_at_most_is_at_least_of_the_negated_observable(counts: list[int]) -> None:
    largest, smallest = rule_of("max", values=(-1.0, 0.0, 1.0)), rule_of("min", values=(-1.0, 0.0, 1.0))
    assert largest.decide(seen_of(*counts, 0)) == smallest.decide(seen_of(*reversed(counts), 0))


def test_clear_counts_decide_and_few_do_not() -> None:
    rule = rule_of()
    assert rule.decide(seen_of(0, 0, 4, 0)) is None
    passed, failed = rule.decide(seen_of(20, 20, 88, 0)), rule.decide(seen_of(88, 20, 20, 0))
    assert passed is not None and passed.outcome is Outcome.PASS
    assert failed is not None and failed.outcome is Outcome.FAIL


def test_between_the_two_means_the_ceiling_ends_it() -> None:
    decision = rule_of(looks=(100,)).decide(seen_of(40, 0, 60, 0))
    assert decision is not None
    assert (decision.outcome, decision.stop_reason) == (Outcome.INCONCLUSIVE, "ceiling")


def test_unknown_values_help_neither_side() -> None:
    """80 shots that pass, and 80 that fail, decide nothing once most are of unknown value."""
    rule = rule_of()
    for known in ((10, 0, 70), (70, 0, 10)):
        assert rule.decide(seen_of(*known, 0)) is not None
        assert rule.decide(seen_of(*known, 300)) is None


def test_limits_at_the_end_of_the_range_are_decided() -> None:
    """A limit of 1 means that every shot gives 1: a few others fail it, and nothing else."""
    rule = rule_of(limit=1.0, bad=0.9)
    passed, failed = rule.decide(seen_of(0, 0, 200, 0)), rule.decide(seen_of(3, 0, 197, 0))
    assert passed is not None and passed.outcome is Outcome.PASS
    assert failed is not None and failed.outcome is Outcome.FAIL
    assert rule.interval(seen_of(0, 0, 200, 0))[1] == 1.0
    assert rule_of(limit=0.9, bad=-1.0).decide(seen_of(0, 20, 20, 0)) is not None


def test_figures_are_on_the_observable_s_scale() -> None:
    figures = rule_of().figures(seen_of(20, 0, 80, 0))
    assert figures["estimate"] == 0.6 and figures["interval"][0] < 0.6 < figures["interval"][1]
    assert (figures["confidence"], figures["threshold"], figures["bad"]) == ([0.95, 0.99], 0.4, 0.0)
    assert rule_of().figures(Seen.none(3))["estimate"] is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bad": 0.5}, "bad must lie below the limit"),
        ({"side": "max", "limit": 0.4}, "bad must lie above the limit"),
        ({"limit": 1.2}, "the observable lies between -1 and 1"),
        ({"values": (1.0, 1.0, 1.0)}, "at least two different"),
        ({"values": (1.0, math.nan, 0.0)}, "finite value"),
        ({"alpha": 0.0}, "alpha and beta"),
        ({"looks": (64, 64)}, "looks are increasing"),
    ],
)
def test_what_no_rule_can_be_made_of_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        rule_of(**changes)
    assert message in str(refused.value)


def test_an_observable_is_a_number_for_every_outcome() -> None:
    observable = Observable.parse({"ZZI": 0.5, "IIZ": 1.0}, (3,))
    assert observable.value("000") == 1.5
    assert observable.value("100") == 0.5
    assert observable.value("111") == -0.5
    assert observable.levels == ("-1.5", "-0.5", "0.5", "1.5")
    assert observable.values == (-1.5, -0.5, 0.5, 1.5)


def test_the_first_letter_belongs_to_the_first_printed_bit() -> None:
    assert Observable.parse("ZII", (1, 2)).value("1 00") == -1.0
    assert Observable.parse("ZII", (1, 2)).value("0 11") == 1.0


@given(
    terms=st.dictionaries(
        st.text("IZ", min_size=5, max_size=5), st.floats(-3, 3).filter(lambda w: abs(w) > 1e-3), min_size=1, max_size=6
    )
)
def test_every_outcome_has_one_of_the_levels(terms: dict[str, float]) -> None:
    """Else its shots would be of unknown value, and count against both sides."""
    if set(terms) == {"IIIII"}:
        return
    observable = Observable.parse(terms, (5,))
    labels = {observable.group(f"{number:05b}") for number in range(32)}
    assert labels == set(observable.levels)
    assert len(set(observable.levels)) == len(observable.levels)


def test_wide_observables_list_their_values_without_every_outcome() -> None:
    """A ring of 20 bits: 21 sums of signs stand for a million outcomes."""
    bits = 20
    ring = {"".join("Z" if place in (k, (k + 1) % bits) else "I" for place in range(bits)): 1.0 for k in range(bits)}
    observable = Observable.parse(ring, (bits,))
    assert len(observable.levels) == 21
    assert observable.group("01" * 10) == "-20" and observable.group("0" * bits) in observable.levels


def test_an_observable_with_too_many_values_is_refused() -> None:
    singles = {"I" * k + "Z" + "I" * (17 - k): 1.0 + 2.0**-k for k in range(18)}
    with pytest.raises(ValueError, match="more than 65,536 values"):
        Observable.parse(singles, (18,))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("ZZ", "no observable of 3 bits"),
        ("XZI", "one I or Z for each bit"),
        ("III", "it needs a Z"),
        ({}, "it needs a Z"),
        ({"ZII": 0.0}, "a number other than 0"),
        ({"ZII": math.nan}, "a number other than 0"),
        ({"ZII": "1"}, "a number other than 0"),
        (7, "no observable of 3 bits"),
    ],
)
def test_an_observable_that_means_nothing_is_refused(spec: object, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        Observable.parse(spec, (3,))
    assert message in str(refused.value)


def test_folding_counts_by_value_keeps_them() -> None:
    folded = Observable.parse("ZZ", (2,)).fold({"00": 40, "11": 38, "01": 2})
    assert folded == {"-1": 2, "1": 78}


def plan_of(ceiling: int, **changes: Any) -> Any:
    parameters: dict[str, Any] = {"limit": 0.9, "bad": 0.8, "side": "min", "alpha": 0.01, "beta": 0.05}
    return plan_expectation(("-1", "1"), (-1.0, 1.0), ceiling=ceiling, **{**parameters, **changes})


def test_the_plan_says_what_cannot_be_decided() -> None:
    assert plan_of(5_000).can_decide and not plan_of(5_000).notes
    short = plan_of(100)
    assert not short.can_decide and "the ceiling is 100" in short.notes[0]
    hopeless = plan_of(5_000, p=(0.2, 0.8))
    assert hopeless.mean == pytest.approx(0.6)
    assert hopeless.to_pass is None and not hopeless.can_decide
    assert "must fail" in hopeless.notes[0] and "cannot pass" in hopeless.notes[1]


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "bad", "side"), [(0.9, 0.8, "min"), (0.98, 0.9, "min"), (-0.9, -0.7, "max")])
def test_errors_stay_below_alpha_and_beta_and_shots_near_the_plan(limit: float, bad: float, side: Side) -> None:
    """1,000 runs at either mean; the limits allow 3 standard errors (a false alarm of 0.001 if the seed changes)."""
    runs, rng = 1_000, np.random.default_rng(5)
    plan = plan_of(20_000, limit=limit, bad=bad, side=side)
    for mean, wrong, error, planned in (
        (limit, Outcome.FAIL, 0.01, plan.to_pass),
        (bad, Outcome.PASS, 0.05, plan.to_fail),
    ):
        q, errors, shots = [(1 - mean) / 2, (1 + mean) / 2, 0.0], 0, 0
        for _ in range(runs):
            seen, decision = Seen.none(2), None
            for look in plan.rule.looks:
                seen = seen.plus(rng.multinomial(look - seen.shots, q), even=True)
                if (decision := plan.rule.decide(seen)) is not None:
                    break
            errors += decision is not None and decision.outcome is wrong
            shots += seen.shots
        assert errors / runs <= error + 3 * math.sqrt(error / runs)
        assert 0.7 * planned - 32 <= shots / runs <= 1.2 * planned + 64
