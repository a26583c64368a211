"""Distances: bounds of the true TVD hold at their stated error, by exact enumeration; figures mean what they say."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.stats import binomial
from pytest_llmgate.stats.shots.binomial_gaps import least_excess, mean_gap
from pytest_llmgate.stats.shots.distances import (
    closeness,
    cross_entropy,
    hellinger_fidelity,
    linear_cross_entropy,
    mean_interval,
    rounded,
    tvd_interval,
)
from pytest_llmgate.stats.shots.headroom import noise_headroom
from pytest_llmgate.stats.shots.hypotheses import tvd
from pytest_llmgate.stats.shots.rule import Floats, Ints, Seen
from pytest_llmgate.stats.shots.tvd_bounds import (
    binomial_bound,
    exceeds,
    lower_bound,
    mean_gap_bound,
    noise_floor,
    plug_in,
    single_bound,
    split,
    typical_bound,
)

REFERENCES = {
    "even": np.array([0.5, 0.5, 0.0]),
    "skew": np.array([0.9, 0.1, 0.0]),
    "three": np.array([0.6, 0.3, 0.1]),
    "rare": np.array([0.97, 0.03, 0.0]),
}
by_reference = pytest.mark.parametrize("p", REFERENCES.values(), ids=REFERENCES.keys())
weights = st.lists(st.floats(0.0, 1.0), min_size=3, max_size=6).filter(lambda w: sum(w) > 0.1)


def every_q(cells: int, step: int = 10) -> Iterator[Floats]:
    """A grid of distributions over three outcomes."""
    for first, second in itertools.product(range(step + 1), repeat=2):
        if first + second <= step:
            yield np.array([first, second, step - first - second])[:cells] / step


def every_count(shots: int) -> Iterator[Ints]:
    """All counts of three outcomes that add up to these shots."""
    for first in range(shots + 1):
        for second in range(shots - first + 1):
            yield np.array([first, second, shots - first - second])


def chance(counts: Ints, q: Floats) -> float:
    """The multinomial probability of counts."""
    ways, left = 1, int(counts.sum())
    for count in counts:
        ways *= math.comb(left, int(count))
        left -= int(count)
    return ways * math.prod(float(share) ** int(count) for share, count in zip(q, counts, strict=True))


def seen_of(p: Floats, first: list[int], second: list[int]) -> Seen:
    return Seen.none(len(p) - 1).plus(np.array(first), even=True).plus(np.array(second), even=False)


@by_reference
@pytest.mark.parametrize("shots", [1, 5, 14])
@pytest.mark.parametrize("slope", [0.3, 0.8, None])
def test_upper_bounds_miss_the_true_tvd_no_more_often_than_stated(p: Floats, shots: int, slope: float | None) -> None:
    """Exact over all counts: whichever bound is used, and whatever the circuit's distribution is."""
    for error in (0.05, 0.3):
        bound = binomial_bound(shots, error) if slope is None else mean_gap_bound(p, shots, error, slope)
        for q in every_q(3):
            true = tvd(p, q)
            missed = sum(chance(c, q) for c in every_count(shots) if bound.at(tvd(c / shots, p)) < true - 1e-12)
            assert missed <= error, (bound, q)


@by_reference
def test_the_lower_bound_misses_the_true_tvd_no_more_often_than_stated(p: Floats) -> None:
    """Exact over all pairs of halves; `exceeds` is the same test, asked of one limit."""
    half, error = 4, 0.2
    for q in every_q(3, 5):
        true = tvd(p, q)
        missed = rejected = 0.0
        for first, second in itertools.product(every_count(half), repeat=2):
            part = split(Seen(2 * half, first + second, first), p)
            weight = chance(first, q) * chance(second, q)
            missed += weight * (lower_bound(part, error) > true + 1e-9)
            rejected += weight * exceeds(part, true, error)
        assert missed <= error + 1e-12, q
        assert rejected <= error + 1e-12, q


@by_reference
@pytest.mark.parametrize("shots", [1, 6, 15])
def test_the_bound_of_single_outcomes_misses_the_true_tvd_no_more_often_than_stated(p: Floats, shots: int) -> None:
    """Exact over all counts."""
    for error, q in itertools.product((0.025, 0.2), every_q(3)):
        none = np.zeros(3, np.int64)
        bounds = ((single_bound(Seen(shots, c, none), p, error), chance(c, q)) for c in every_count(shots))
        assert sum(weight for bound, weight in bounds if bound > tvd(p, q) + 1e-9) <= error + 1e-12, q


def test_two_outcomes_are_bounded_more_closely_by_all_shots_than_by_half_of_them() -> None:
    """Whichever of the two bounds is taken depends on the reference alone, so that the counts cannot choose."""
    p = REFERENCES["even"]
    seen = seen_of(p, [26, 6, 0], [25, 7, 0])
    low, _ = tvd_interval(seen, p, confidence=0.95, looks=50)
    assert low > 0.05
    assert lower_bound(split(seen, p), 0.025 / 50) == 0.0


@pytest.mark.parametrize("q", [(0.5, 0.5, 0.0), (0.55, 0.45, 0.0), (0.8, 0.2, 0.0), (0.5, 0.47, 0.03)])
def test_shots_in_one_piece_have_an_interval_that_covers_as_often_as_it_says(q: tuple[float, ...]) -> None:
    """2,000 draws of 500 shots; each bound may miss in 2.5 % of them, and 75 is 3.6 standard errors above that."""
    p, true = REFERENCES["even"], tvd(REFERENCES["even"], np.array(q))
    rng, none = np.random.default_rng(5), Seen.none(2)
    found = [tvd_interval(none.plus(rng.multinomial(500, q), even=True), p, confidence=0.95) for _ in range(2_000)]
    assert sum(low > true + 1e-12 for low, _ in found) <= 75
    assert sum(high < true for _, high in found) <= 75


def test_what_a_test_of_two_outcomes_rejects_has_a_distance() -> None:
    """At 1 % it rejects from 545 of 1,000 on: an interval that began at 0 beside it would deny it."""
    p = REFERENCES["even"]
    piece = Seen.none(2).plus(np.array([545, 455, 0]), even=True)
    assert tvd_interval(piece, p, confidence=0.95)[0] > 0.0
    assert tvd_interval(Seen.none(2).plus(np.array([800, 200, 0]), even=True), p, confidence=0.95)[0] > 0.25


@pytest.mark.parametrize("shots", [1, 2, 3, 7, 20, 60, 300])
def test_a_binomial_share_falls_below_its_rate_as_rarely_as_a_normal_one(shots: int) -> None:
    """The inequality behind the binomial bound, at every rate just above a jump, where it is tightest."""
    for error in (1e-4, 0.01, 0.05, 0.3, 0.5):
        slack = binomial_bound(shots, error).slack
        for k in range(shots):
            rate = k / shots + slack
            if rate < 1.0:
                assert binomial.cdf(k, shots, rate) <= error * (1 + 1e-9), (k, error)


@given(shots=st.integers(1, 40), p=st.floats(0.0, 1.0), x=st.floats(0.0, 1.0))
def test_the_mean_gap_is_the_mean_of_the_absolute_deviation(shots: int, p: float, x: float) -> None:
    direct = sum(binomial.pmf(k, shots, x) * abs(k / shots - p) for k in range(shots + 1))
    assert mean_gap(np.array([p]), np.array([x]), shots)[0] == pytest.approx(direct, abs=1e-9)


@settings(max_examples=60)
@given(shots=st.integers(1, 1000), p=st.floats(0.0, 1.0), slope=st.floats(0.01, 0.999))
def test_what_noise_adds_is_never_overstated(shots: int, p: float, slope: float) -> None:
    """mean gap >= slope |x - p| + excess at every true probability x, and equality is missed by little."""
    near = np.clip(p + np.linspace(-6, 6, 301) * math.sqrt(max(p * (1 - p), 1e-4) / shots), 0, 1)
    x = np.concatenate([np.linspace(0, 1, 301), near])
    held = np.full(len(x), p)
    excess = least_excess(np.array([p]), shots, slope)[0]
    slack = mean_gap(held, x, shots) - slope * np.abs(x - p) - excess
    assert excess >= 0.0
    assert -1e-10 <= slack.min() <= 0.02 / math.sqrt(shots) + 1e-3


def test_many_outcomes_are_bounded_far_below_the_plug_in_distance() -> None:
    """A perfect circuit with 1,024 outcomes shows a TVD of 0.09 at 20,000 shots; its bound is 0.06."""
    p = np.append(np.full(1024, 1 / 1024), 0.0)
    bound, floor = typical_bound(p, 20_000, 0.05), noise_floor(p, 20_000)
    assert floor == pytest.approx(math.sqrt(1024 / (2 * math.pi * 20_000)), rel=0.01)
    assert bound.method == "mean-gap"
    assert bound.at(floor) < 0.06 < floor


@given(shares=weights, data=st.data(), confidence=st.floats(0.5, 0.99))
def test_the_interval_holds_the_plug_in_and_grows_with_confidence(
    shares: list[float], data: st.DataObject, confidence: float
) -> None:
    p = np.append(np.array(shares) / sum(shares), 0.0)
    halves = st.lists(st.integers(0, 60), min_size=len(p), max_size=len(p))
    seen = seen_of(p, data.draw(halves), data.draw(halves))
    low, high = tvd_interval(seen, p, confidence=confidence)
    wide = tvd_interval(seen, p, confidence=0.5 + 0.5 * confidence)
    assert 0.0 <= wide[0] <= low <= high <= wide[1] <= 1.0
    assert seen.shots == 0 or low <= plug_in(seen, p) <= high


def test_a_stop_that_the_counts_chose_costs_width() -> None:
    p = REFERENCES["three"]
    seen = seen_of(p, [330, 120, 50], [310, 140, 50])
    (low, high), wide = tvd_interval(seen, p, confidence=0.95), tvd_interval(seen, p, confidence=0.95, looks=20)
    assert wide[0] <= low and high < wide[1] < high + 0.04


def test_nothing_seen_says_nothing() -> None:
    assert tvd_interval(Seen.none(2), REFERENCES["even"], confidence=0.95) == (0.0, 1.0)


def test_an_unknown_outcome_is_a_distance() -> None:
    """Shots outside the known outcomes count as mass that the reference does not have."""
    p = REFERENCES["even"]
    low, high = tvd_interval(seen_of(p, [40, 40, 20], [41, 39, 20]), p, confidence=0.95)
    assert 0.08 < low < 0.2 < high


def test_fidelity_is_one_for_the_reference_and_falls_with_the_distance() -> None:
    p = np.array([0.5, 0.25, 0.25, 0.0])
    same, other = hellinger_fidelity(p, np.array([500, 250, 250, 0])), hellinger_fidelity(p, np.array([900, 50, 50, 0]))
    assert same.value == pytest.approx(1.0) and same.interval is not None and same.interval[1] == pytest.approx(1.0)
    assert other.value == pytest.approx((math.sqrt(0.45) + 2 * math.sqrt(0.0125)) ** 2)
    assert other.interval is not None and other.interval[1] < 0.9


@pytest.mark.parametrize("q", [(0.5, 0.25, 0.25, 0.0), (0.6, 0.2, 0.2, 0.0), (0.5, 0.22, 0.25, 0.03)])
def test_the_fidelity_s_delta_interval_covers_about_as_often_as_it_says(q: tuple[float, ...]) -> None:
    """1,000 draws of 1,000 shots; 0.90 is 7 standard errors below 0.95: it is approximate, not wrong."""
    p, shares = np.array([0.5, 0.25, 0.25, 0.0]), np.array(q)
    true = float(np.sqrt(p * shares).sum()) ** 2
    rng = np.random.default_rng(11)
    figures = [hellinger_fidelity(p, rng.multinomial(1_000, shares)) for _ in range(1_000)]
    covered = [
        f.interval is not None and f.interval[0] <= true + 1e-12 and true <= f.interval[1] + 1e-12 for f in figures
    ]
    assert {figure.method for figure in figures} == {"delta"}
    assert sum(covered) >= 900


def test_few_shots_get_the_proven_interval_of_fidelity() -> None:
    p = np.append(np.full(64, 1 / 64), 0.0)
    figure = hellinger_fidelity(p, np.append(np.ones(64, np.int64), 0))
    assert figure.method == "tvd"
    assert figure.interval is not None and figure.value is not None and figure.interval[0] < figure.value


def test_linear_cross_entropy_is_one_for_the_reference_and_zero_for_uniform_noise() -> None:
    p = np.array([0.4, 0.3, 0.2, 0.1, 0.0])
    assert linear_cross_entropy(p, np.array([40, 30, 20, 10, 0])).value == pytest.approx(1.0)
    assert linear_cross_entropy(p, np.array([25, 25, 25, 25, 0])).value == pytest.approx(0.0)
    assert linear_cross_entropy(np.array([0.5, 0.5, 0.0]), np.array([5, 5, 0])).value is None
    bell = linear_cross_entropy(np.array([0.5, 0.5, 0.0]), np.array([45, 45, 10]), size=4)
    assert bell.value == pytest.approx(0.8) and bell.method == "binomial"


def test_cross_entropy_is_in_bits_and_has_no_value_for_the_impossible() -> None:
    p = np.array([0.5, 0.25, 0.25, 0.0])
    figure = cross_entropy(p, np.array([50, 25, 25, 0]))
    assert figure.value == pytest.approx(1.5)
    assert figure.interval is not None and figure.interval[0] < 1.5 < figure.interval[1]
    assert cross_entropy(p, np.array([50, 25, 24, 1])).plain() == {
        "value": None,
        "interval": None,
        "method": "normal",
        "confidence": 0.95,
    }


def test_all_figures_come_ready_for_json() -> None:
    figures = closeness(REFERENCES["even"], np.array([30, 25, 1]), size=4)
    assert figures["hellinger_fidelity"]["method"] == "delta"
    assert figures["cross_entropy_bits"]["value"] is None
    assert json.loads(json.dumps(figures)) == figures
    assert set(closeness(REFERENCES["even"], Seen.none(2).counts).values()) == {None}


@settings(max_examples=40)
@given(counts=st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any))
def test_the_interval_of_a_mean_holds_the_mean(counts: list[int]) -> None:
    mean, (low, high), method = mean_interval(np.array([-1.0, 0.0, 0.5, 2.0]), np.array(counts), confidence=0.9)
    assert -1.0 <= low <= mean <= high <= 2.0
    assert method == "betting"


def test_a_mean_of_two_values_has_the_exact_interval() -> None:
    mean, (low, high), method = mean_interval(np.array([-1.0, 1.0]), np.array([0, 20]), confidence=0.95)
    assert (mean, high, method) == (1.0, 1.0, "binomial")
    assert low == pytest.approx(2 * 0.025 ** (1 / 20) - 1)


def test_rounding_keeps_six_digits_everywhere_and_drops_what_json_cannot_say() -> None:
    given_ = {
        "a": 1 / 3,
        "b": (1e-9 / 3, math.inf),
        "c": np.array([1234567.8, -0.0]),
        "d": np.int64(7),
        "e": True,
        "f": "x",
    }
    assert rounded(given_) == {
        "a": 0.333333,
        "b": [3.33333e-10, None],
        "c": [1234570.0, 0.0],
        "d": 7,
        "e": True,
        "f": "x",
    }
    assert isinstance(rounded(np.int64(7)), int) and rounded(None) is None


def test_headroom_is_where_a_figure_first_crosses_its_limit() -> None:
    assert noise_headroom([1, 2, 3], [0.01, 0.03, 0.07], 0.05) == pytest.approx(2.5)
    assert noise_headroom([1, 2, 3], [0.99, 0.97, 0.93], 0.95) == pytest.approx(2.5)
    assert noise_headroom([1, 2], [0.01, 0.02], 0.05) is None
    assert noise_headroom([1, 2], [0.05, 0.07], 0.05) == 1.0
    assert noise_headroom([0, 1, 2, 3], [0.0, 0.06, 0.04, 0.08], 0.05) == pytest.approx(5 / 6)
    assert noise_headroom([1], [0.05], 0.05) == 1.0
    assert noise_headroom([], [], 0.05) is None
    with pytest.raises(ValueError, match="increasing noise levels"):
        noise_headroom([1, 1], [0.1, 0.2], 0.05)
