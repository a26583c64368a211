"""The ratio of two mean costs: Fieller's bounds between and within cases."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.stats.comparisons import ratio_fieller_upper, ratio_ni
from pytest_llmgate.stats.ratio import RatioBounds, Sums, ratio_bounds
from pytest_llmgate.stats.special import student_t_quantile


def sums(*figures: int) -> Sums:
    """What is kept of the trials of one case."""
    return Sums(len(figures), sum(figures), sum(f * f for f in figures))


def bounds(candidate: list[Sums], baseline: list[Sums]) -> RatioBounds:
    return ratio_bounds(candidate, baseline, below=0.05, above=0.05)


figures = st.integers(0, 5_000)
many = st.lists(st.tuples(figures, figures), min_size=30, max_size=45)
few = st.lists(
    st.tuples(st.lists(figures, min_size=2, max_size=5), st.lists(figures, min_size=2, max_size=5)),
    min_size=1, max_size=6,
)  # fmt: skip


def pairs(drawn: list[tuple[int, int]]) -> tuple[list[Sums], list[Sums]]:
    return [sums(c) for c, _ in drawn], [sums(b) for _, b in drawn]


def test_thirty_cases_are_the_classical_paired_fieller_t() -> None:
    rng = random.Random(1)
    baseline = [rng.randrange(100, 400) for _ in range(30)]
    candidate = [b + rng.randrange(-50, 60) for b in baseline]
    found = bounds([sums(c) for c in candidate], [sums(b) for b in baseline])
    assert found.method == "fieller-cases"
    assert found.upper == pytest.approx(ratio_fieller_upper(candidate, baseline), rel=1e-12)
    assert ratio_ni(candidate, baseline, found.upper - 1.0)[2] == pytest.approx(0.05)
    assert found.lower == pytest.approx(1.0 / ratio_fieller_upper(baseline, candidate), rel=1e-12)


def test_few_cases_speak_of_themselves_however_much_they_differ() -> None:
    """Only the spread within a case counts: a case of 10 tokens beside one of 10,000 adds none."""
    candidate = [sums(9, 10, 11), sums(9_999, 10_000, 10_001)]
    found = bounds(candidate, candidate)
    assert found.method == "fieller-within"
    assert found.ratio == 1.0
    assert 1.0 < found.upper < 1.001 and 0.999 < found.lower < 1.0


def test_within_one_case_it_is_welch_on_the_ratio() -> None:
    """Equal spread on both sides and as many trials: Satterthwaite's degrees are 2 (n - 1)."""
    case = sums(90, 100, 110)
    t = student_t_quantile(0.95, 4)
    v, m = 100.0 / 3, 100.0
    upper = (m * m + math.sqrt(m**4 - (m * m - t * t * v) ** 2)) / (m * m - t * t * v)
    assert bounds([case], [case]).upper == pytest.approx(upper)


def test_the_design_alone_chooses_the_method() -> None:
    def method(cases: int, trials: int, baseline_trials: int, value: int) -> str:
        return bounds([sums(*[value] * trials)] * cases, [sums(*[value] * baseline_trials)] * cases).method

    for value in (1, 1_000):
        assert method(29, 2, 2, value) == "fieller-within"
        assert method(30, 2, 2, value) == "fieller-cases"
        assert method(29, 2, 1, value) == "fieller-cases"


def test_what_cannot_be_known_has_no_bound() -> None:
    """One case with one trial; a baseline that cost nothing; a baseline mean that may be 0."""
    assert bounds([sums(5)], [sums(10)]) == RatioBounds(0.5, 0.0, math.inf, "fieller-cases")
    assert bounds([sums(0)] * 30, [sums(0)] * 30) == RatioBounds(1.0, 0.0, math.inf, "fieller-cases")
    assert bounds([sums(7)] * 30, [sums(0)] * 30)[:3] == (math.inf, math.inf, math.inf)
    assert bounds([sums(1), sums(1)], [sums(1_000), sums(0)]).upper == math.inf


def test_without_spread_the_bounds_are_the_ratio() -> None:
    assert bounds([sums(11, 11)], [sums(10, 10)])[:3] == (1.1, pytest.approx(1.1), pytest.approx(1.1))


def test_an_error_of_nothing_gives_no_bound() -> None:
    drawn = pairs([(i + 1, i + 1) for i in range(30)])
    assert ratio_bounds(*drawn, below=0.0, above=0.0)[1:3] == (0.0, math.inf)


@given(st.one_of(many.map(pairs), few.map(lambda d: ([sums(*c) for c, _ in d], [sums(*b) for _, b in d]))))
def test_bounds_are_ordered_and_never_nan(drawn: tuple[list[Sums], list[Sums]]) -> None:
    found = bounds(*drawn)
    assert 0.0 <= found.lower <= found.ratio <= found.upper
    stricter = ratio_bounds(*drawn, below=0.001, above=0.001)
    assert stricter.lower <= found.lower and found.upper <= stricter.upper


@given(many.map(pairs), st.integers(2, 1_000))
def test_the_unit_does_not_matter(drawn: tuple[list[Sums], list[Sums]], unit: int) -> None:
    candidate, baseline = drawn
    scaled = [[Sums(s.n, s.total * unit, s.squares * unit**2) for s in side] for side in drawn]
    same, other = bounds(candidate, baseline), bounds(*scaled)
    assert other[:3] == pytest.approx(same[:3], rel=1e-6)
    if any(s.total for s in baseline):
        one_side = bounds(scaled[0], baseline)
        assert one_side[:3] == pytest.approx([unit * v for v in same[:3]], rel=1e-6)


@given(many.map(pairs), st.randoms(use_true_random=False))
def test_the_order_of_the_cases_does_not_matter(drawn: tuple[list[Sums], list[Sums]], rng: random.Random) -> None:
    mixed = list(zip(*drawn, strict=True))
    rng.shuffle(mixed)
    assert bounds([c for c, _ in mixed], [b for _, b in mixed])[:3] == pytest.approx(bounds(*drawn)[:3], rel=1e-6)


@given(st.lists(st.integers(50, 150), min_size=30, max_size=40), st.integers(1, 50))
def test_dearer_replies_raise_every_bound(baseline: list[int], more: int) -> None:
    """The same amount on top of every case moves the ratio and both bounds up."""
    before = bounds(*pairs([(b, b) for b in baseline]))
    after = bounds(*pairs([(b + more, b) for b in baseline]))
    assert after.ratio > before.ratio and after.lower >= before.lower and after.upper >= before.upper


@given(st.lists(figures, min_size=2, max_size=30))
def test_sums_remember_mean_and_variance(values: list[int]) -> None:
    kept = Sums(0, 0, 0)
    for value in values:
        kept = kept.add(value)
    mean = sum(values) / len(values)
    assert kept.mean == pytest.approx(mean)
    assert kept.variance == pytest.approx(sum((v - mean) ** 2 for v in values) / (len(values) - 1))


@pytest.mark.parametrize(
    ("candidate", "baseline", "said"),
    [
        ([], [], "the same cases on both sides"),
        ([sums(1)], [sums(1), sums(2)], "the same cases on both sides"),
        ([Sums(0, 0, 0)], [sums(1)], "n from 1"),
        ([sums(-1)], [sums(1)], "a total from 0"),
        ([Sums(2, 10, 10)], [sums(1, 1)], "at least total"),
    ],
)
def test_impossible_sums_are_refused(candidate: list[Sums], baseline: list[Sums], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        bounds(candidate, baseline)


def test_an_impossible_error_is_refused() -> None:
    with pytest.raises(ValueError, match="one-sided bound"):
        ratio_bounds([sums(1, 2)], [sums(1, 2)], below=0.6, above=0.05)
