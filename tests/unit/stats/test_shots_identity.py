"""The identity rule: what fails it, what passes it, what leaves it open, and what its verdict tells."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.stats.shots.hypotheses import align
from pytest_llmgate.stats.shots.identity import IdentityRule
from pytest_llmgate.stats.shots.rule import Seen, ShotsRule

PASS, FAIL = Decision(Outcome.PASS, "boundary"), Decision(Outcome.FAIL, "boundary")
CEILING = Decision(Outcome.INCONCLUSIVE, "ceiling")
REFERENCE, (BIASED, LEAKING, NEAR, SAME) = align(
    {"00": 0.5, "11": 0.5},
    [
        ("angle + 0.2", "angle", {"00": 0.6, "11": 0.4}),
        ("cx missing", "gate-missing", {"00": 0.5, "01": 0.5}),
        ("angle + 0.02", "angle", {"00": 0.51, "11": 0.49}),
        ("bits reversed", "reversed", {"00": 0.5, "11": 0.5}),
    ],
)


def rule(**changes: Any) -> IdentityRule:
    """A rule of outcomes 00, 01, 11 with two declared alternatives, looked at every 100 shots."""
    settings: dict[str, Any] = {
        "reference": REFERENCE,
        "declared": (BIASED, LEAKING),
        "unresolved": (NEAR, SAME),
        "alpha": 0.01,
        "beta": 0.05,
        "totals": tuple(range(100, 2001, 100)),
        "screen_at": None,
        "seed": 11,
    }
    return IdentityRule(**settings | changes)


def seen(zeros: int, leaked: int, ones: int, outside: int = 0) -> Seen:
    counts = np.array([zeros, leaked, ones, outside])
    return Seen(int(counts.sum()), counts, counts // 2)


def test_it_is_a_rule_on_counts() -> None:
    made: ShotsRule = rule()
    assert made.outcomes == ("00", "01", "11")
    assert made.looks[0] == 100 and made.looks[-1] == 2000


# ---- failing


@pytest.mark.parametrize("counts", [(1, 1, 0), (1, 0, 0, 1)], ids=["known", "outside"])
def test_an_impossible_outcome_fails_at_once(counts: tuple[int, ...]) -> None:
    assert rule().decide(seen(*counts)) == FAIL


def test_evidence_fails_at_one_over_alpha_and_with_a_screen_a_little_later() -> None:
    """The e-process has all of alpha without an omnibus test, 0.8 of it with one."""
    quick, full = rule(), rule(screen_at=2000)
    between = 0
    for extra in range(200, 500):
        here = seen(10_000 + extra, 0, 10_000 - extra)
        evidence = quick.process.log_e(here.counts, quick.process.log_ratios(here.counts))
        assert (quick.decide(here) == FAIL) == (evidence >= math.log(100))
        assert (full.decide(here) == FAIL) == (evidence >= math.log(125))
        between += math.log(100) <= evidence < math.log(125)
    assert between


# ---- passing


def test_it_passes_when_every_declared_alternative_is_unlikely_enough() -> None:
    """1 / beta = 20: at 50 : 50 the odds against 60 : 40 are (0.25 / 0.24)^(n / 2)."""
    made = rule(declared=(BIASED,))
    needed = 2 * math.ceil(math.log(20) / math.log(0.25 / 0.24))
    half = needed // 2
    assert made.decide(seen(half - 1, 0, half - 1)) is None
    assert made.decide(seen(half, 0, half)) == PASS


def test_an_alternative_that_excludes_what_was_seen_is_out_at_once() -> None:
    assert rule(declared=(LEAKING,)).decide(seen(0, 0, 1)) == PASS


def test_unresolved_alternatives_do_not_delay_a_pass() -> None:
    assert rule(declared=(LEAKING,), unresolved=(BIASED,)).decide(seen(50, 0, 50)) == PASS


def test_at_the_ceiling_it_is_inconclusive() -> None:
    made = rule(declared=(NEAR,))
    assert made.decide(seen(950, 0, 950)) is None
    assert made.decide(seen(1000, 0, 1000)) == CEILING


def test_a_pass_that_means_nothing_is_not_given() -> None:
    made = rule(declared=())
    assert not made.can_pass
    assert made.decide(seen(1000, 0, 1000)) == CEILING


# ---- the omnibus test


def undeclared(shots: int) -> Seen:
    """A shift that is significant at 0.002 and no evidence for the sequential part."""
    shift = round(3.3 * 0.5 * math.sqrt(shots))
    return seen(shots // 2 + shift, 0, shots // 2 - shift)


def test_the_omnibus_test_looks_at_exactly_n() -> None:
    made = rule(declared=(LEAKING,), screen_at=1000)
    assert made.decide(undeclared(1000)) == Decision(Outcome.FAIL, "omnibus")
    for elsewhere in (900, 1100):
        assert made.decide(undeclared(elsewhere)) in (None, PASS)
    assert rule(declared=(LEAKING,)).decide(undeclared(1000)) == PASS  # quick does not test it


def test_no_pass_before_n() -> None:
    made = rule(declared=(LEAKING,), screen_at=1000)
    assert made.decide(seen(450, 0, 450)) is None
    assert made.decide(seen(500, 0, 500)) == PASS


def test_a_screen_alone_can_pass() -> None:
    assert rule(declared=(), screen_at=1000).decide(seen(500, 0, 500)) == PASS


def test_a_screen_beyond_the_ceiling_can_fail_but_not_pass() -> None:
    made = rule(screen_at=5000)
    assert not made.can_pass
    assert made.decide(seen(1000, 0, 1000)) == CEILING
    assert made.decide(seen(1000, 1, 1000)) == FAIL


def test_deciding_again_gives_the_same() -> None:
    """Draws of the omnibus test come from the seed alone."""
    assert rule(screen_at=1000).omnibus(undeclared(1000)) == rule(screen_at=1000).omnibus(undeclared(1000))


@pytest.mark.parametrize(
    "wrong",
    [{"alpha": 0.0}, {"beta": 1.0}, {"totals": ()}, {"totals": (0, 5)}, {"screen_at": 150}, {"declared": (SAME,)}],
    ids=["alpha", "beta", "no look", "a look at nothing", "N is no look", "an alternative that is none"],
)
def test_what_is_no_rule_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        rule(**wrong)


# ---- symmetries


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 400), min_size=3, max_size=3), st.integers(0, 1), st.permutations(range(3)))
def test_names_of_outcomes_do_not_matter(counts: list[int], outside: int, order: list[int]) -> None:
    names = [["0", "1", "2"][place] for place in order]

    def decided(labels: list[str]) -> tuple[Decision | None, Any]:
        p = dict(zip(labels, (0.6, 0.3, 0.1), strict=True))
        q = dict(zip(labels, (0.4, 0.4, 0.2), strict=True))
        reference, declared = align(p, [("other", "angle", q)])
        made = rule(reference=reference, declared=declared, unresolved=())
        by_name = dict(zip(labels, counts, strict=True))
        values = np.array([*(by_name[name] for name in reference.outcomes), outside])
        here = Seen(int(values.sum()), values, values)
        return made.decide(here), made.figures(here)["log10_e"] if here.shots else None

    (one, e_one), (other, e_other) = decided(["0", "1", "2"]), decided(names)
    assert one == other
    assert (e_one is None) == (e_other is None)
    assert e_one is None or e_one == pytest.approx(e_other, rel=1e-5, abs=1e-6)


@given(st.permutations([(30, 0, 34), (20, 0, 44), (40, 0, 24), (64, 0, 0)]))
def test_chunks_may_be_folded_in_any_order(chunks: list[tuple[int, int, int]]) -> None:
    here = Seen.none(3)
    for place, chunk in enumerate(chunks):
        here = here.plus(np.array([*chunk, 0]), even=place % 2 == 0)
    assert rule().decide(here) == rule().decide(seen(154, 0, 102))


# ---- figures


def test_causes_are_ranked_by_likelihood_and_hopeless_ones_left_out() -> None:
    figures = rule().figures(seen(400, 0, 280))
    assert [cause["name"] for cause in figures["causes"]] == ["angle + 0.2", "angle + 0.02"]
    best = figures["causes"][0]
    assert best["kind"] == "angle" and best["tvd"] == pytest.approx(0.1)
    assert best["log10_ratio"] == pytest.approx(400 * math.log10(1.2) + 280 * math.log10(0.8), rel=1e-5)
    assert figures["nearest"] == best


def test_what_the_reference_excludes_still_has_its_cause() -> None:
    figures = rule().figures(seen(50, 50, 0))
    assert figures["log10_e"] is None
    assert [(cause["name"], cause["log10_ratio"]) for cause in figures["causes"]] == [("cx missing", None)]


def test_what_nobody_declared_has_no_cause() -> None:
    figures = rule().figures(seen(50, 50, 50))
    assert figures["causes"] == [] and figures["nearest"] is None


def test_figures_are_plain_rounded_numbers() -> None:
    made = rule(screen_at=1000)
    figures = made.figures(undeclared(1000))
    assert json.loads(json.dumps(figures)) == figures
    low, high = figures["tvd_interval"]
    assert low <= figures["tvd"] <= high
    assert figures["omnibus"]["seed"] == 11 and figures["omnibus"]["p_value"] <= made.omnibus_alpha
    assert "omnibus" not in made.figures(undeclared(900))
