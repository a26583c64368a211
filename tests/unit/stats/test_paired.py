"""The rule on pairs is a fold whose verdict, need, interval and holes agree with each other at every tally."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.stats.pair_bets import bets_for, log_capital, natural_pairs, pair_chances, wald_pairs
from pytest_llmgate.stats.paired import Limits, PairedGoal, PairedRate, PairTally, paired_figures, simulate

GOAL = PairedGoal(margin=0.05)
RULES = {
    "discordance known": PairedRate(goal=GOAL, ceiling=800, discordance=0.06),
    "hardly any": PairedRate(goal=GOAL, ceiling=400, discordance=0.0),
    "always": PairedRate(goal=GOAL, ceiling=2000, discordance=1.0),
    "unknown": PairedRate(goal=GOAL, ceiling=2000),
    "family": PairedRate(goal=PairedGoal(margin=0.1, family=20), ceiling=500, discordance=0.1),
    "low ceiling": PairedRate(goal=GOAL, ceiling=30),
    "wide margin": PairedRate(goal=PairedGoal(margin=0.9, alpha=0.2, beta=0.01), ceiling=50),
}
by_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
pairs = st.tuples(st.sampled_from([True, False, None]), st.booleans())
tallies = st.builds(
    lambda same, *others: PairTally(same + sum(others), *others),
    st.integers(0, 600),
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(0, 8),
    st.integers(0, 8),
)


def fold(rule: PairedRate, chances: tuple[float, float], seed: int, holes: float = 0.0) -> tuple[PairTally, Decision]:
    """One run of pairs that differ with these chances; the tally at which it ends."""
    rng, tally = random.Random(seed), PairTally()
    while True:
        better, worse = chances
        u = rng.random()
        today, before = (True, False) if u < better else (False, True) if u < better + worse else (u < 0.9,) * 2
        tally = tally.add(None if rng.random() < holes else today, before)
        if (decision := rule.decide(tally)) is not None:
            return tally, decision


@given(st.lists(pairs, max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_matter(seen: list[tuple[bool | None, bool]], rng: random.Random) -> None:
    def tally_of(some: list[tuple[bool | None, bool]]) -> PairTally:
        tally = PairTally()
        for today, before in some:
            tally = tally.add(today, before)
        return tally

    shuffled = rng.sample(seen, len(seen))
    assert tally_of(shuffled) == tally_of(seen)
    assert tally_of(seen) == PairTally(
        len(seen),
        seen.count((True, False)),
        seen.count((False, True)),
        seen.count((None, True)),
        seen.count((None, False)),
    )


@by_rule
@given(tally=tallies)
def test_the_interval_says_what_the_decision_says(rule: PairedRate, tally: PairTally) -> None:
    decision, interval = rule.decide(tally), rule.interval(tally)
    assert -1.0 <= interval.lower <= interval.upper <= 1.0
    if decision is None or decision.outcome is Outcome.INCONCLUSIVE:
        assert interval.lower < -rule.goal.margin
        assert interval.upper > 0.0
    elif decision.outcome is Outcome.PASS:
        assert interval.lower >= -rule.goal.margin
    else:
        assert interval.lower < -rule.goal.margin
        assert interval.upper <= 0.0


@by_rule
@pytest.mark.parametrize("difference", [0.0, -0.05, -0.3])
@pytest.mark.parametrize("holes", [0.0, 0.03])
def test_no_pair_can_make_a_run_pass_and_fail_at_once(rule: PairedRate, difference: float, holes: float) -> None:
    """At the end of a run the interval lies on one side: the first boundary that is met is the only one."""
    ended = set()
    for seed in range(30):
        tally, decision = fold(rule, pair_chances(difference, 0.1), seed, holes)
        interval = rule.interval(tally)
        assert not (interval.lower >= -rule.goal.margin and interval.upper <= 0.0)
        ended.add(decision.outcome)
    assert ended


@by_rule
@given(tally=tallies)
def test_need_is_the_row_of_equal_pairs_that_decides(rule: PairedRate, tally: PairTally) -> None:
    need = rule.need(tally)
    if rule.decide(tally) is not None:
        assert need == 0
        return
    assert 1 <= need <= rule.ceiling - tally.n
    assert rule.decide(tally._replace(n=tally.n + need)) is not None
    assert rule.decide(tally._replace(n=tally.n + need - 1)) is None


@by_rule
@given(tally=tallies)
def test_a_verdict_holds_however_the_holes_would_have_come_out(rule: PairedRate, tally: PairTally) -> None:
    n, better, worse, lost, won = tally
    decision = rule.decide(tally)
    if decision is None or decision.outcome is Outcome.INCONCLUSIVE:
        return
    at_worst, at_best = PairTally(n, better, worse + lost), PairTally(n, better + won, worse)
    told = rule.interval(at_worst if decision.outcome is Outcome.PASS else at_best)
    assert told.lower >= -rule.goal.margin if decision.outcome is Outcome.PASS else told.upper <= 0.0


def test_a_run_of_holes_decides_nothing() -> None:
    tally = PairTally()
    for _ in range(100):
        tally = tally.add(None, True).add(None, False)
    rule = PairedRate(goal=GOAL, ceiling=200, discordance=0.05)
    assert tally == PairTally(200, 0, 0, 100, 100)
    assert rule.decide(tally) == (Outcome.INCONCLUSIVE, "ceiling")
    assert rule.decide(tally._replace(n=199, holes_won=99)) is None


def test_pairs_that_never_differ_pass_and_those_that_get_worse_fail() -> None:
    rule = RULES["discordance known"]
    clean = rule.need(PairTally())
    assert rule.decide(PairTally(clean)) == (Outcome.PASS, "boundary")
    assert 60 <= clean <= 100  # ln 20 / ln 1.05 = 61 is the least of any bet
    assert rule.decide(PairTally(40, 0, 8)) == (Outcome.FAIL, "boundary")
    assert rule.interval(PairTally()) == (-1.0, 1.0, "betting", (0.95, 0.95))
    assert rule.interval(PairTally(clean), cut=True) == rule.interval(PairTally(clean))
    assert RULES["low ceiling"].decide(PairTally(30)) == (Outcome.INCONCLUSIVE, "ceiling")
    assert rule.any_time


@given(
    mean=st.floats(-0.95, 0.9),
    expected=st.floats(0.01, 0.09),
    apart=st.one_of(st.none(), st.floats(0.0, 1.0)),
    nuisance=st.floats(0.0, 1.0),
)
def test_no_bet_gains_in_the_mean_where_its_hypothesis_holds(
    mean: float, expected: float, apart: float | None, nuisance: float
) -> None:
    """The supermartingale behind every error rate: E[1 + l (D - m)] = 1 at E[D] = m, whatever the nuisance."""
    bets = bets_for(mean, mean + expected, apart)
    up, down = pair_chances(mean, nuisance)
    assert math.isclose(sum(bets.shares), 1.0)
    assert all(size > 0.0 for size in bets.sizes)
    for _, u, s, d in bets.steps(mean):
        assert up * math.exp(u) + (1.0 - up - down) * math.exp(s) + down * math.exp(d) <= 1.0 + 1e-9


@given(st.integers(0, 40), st.integers(0, 300), st.integers(0, 40))
def test_the_capital_falls_with_the_mean_it_bets_against(up: int, same: int, down: int) -> None:
    bets = bets_for(-0.05, 0.0, 0.1)
    capitals = [log_capital(bets.steps(m / 20), up, same, down) for m in range(-19, 20)]
    assert all(a >= b - 1e-9 for a, b in pairwise(capitals))


def test_bounds_and_ceilings() -> None:
    """Wald's bounds of the research note for baseline .92, margin .05: 153 and 78 pairs, unpaired 324."""
    discordant = 2 * 0.92 * 0.08
    found = [wald_pairs(0.05, discordant * (1 - icc), 0.05, 0.05) for icc in (0.6, 0.9, 0.0)]
    assert [round(n) for n in found] == [153, 78, 324]
    assert natural_pairs(0.05, 0.06, 0.05, 0.05) < natural_pairs(0.05, 0.06, 0.0025, 0.05)
    assert natural_pairs(0.05, 0.06, 0.05, 0.05) < natural_pairs(0.05, None, 0.05, 0.05)
    assert natural_pairs(0.1, 0.06, 0.05, 0.05) < natural_pairs(0.05, 0.06, 0.05, 0.05)


def test_figures_for_a_plan_are_repeatable_and_know_where_pairs_never_differ() -> None:
    rule = RULES["discordance known"]
    assert paired_figures(rule, runs=200) == paired_figures(rule, runs=200)
    clean = rule.need(PairTally())
    assert simulate(Limits(rule), 0.0, 0.0, 3) == [(Outcome.PASS, clean)] * 3
    assert {outcome for outcome, _ in simulate(Limits(rule), 0.0, 1.0, 3)} == {Outcome.FAIL}
    assert simulate(Limits(RULES["low ceiling"]), 0.0, 0.0, 3) == [(Outcome.INCONCLUSIVE, 30)] * 3


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"margin": 0.0}, "the margin must lie above 0 and below 1 (100 points), not at 0"),
        ({"margin": 1.0}, "not at 1"),
        ({"margin": math.nan}, "not at nan"),
        ({"margin": 0.05, "alpha": 0.0}, "alpha must lie above 0 and at most at 0.5, not at 0"),
        ({"margin": 0.05, "beta": 0.6}, "beta must lie above 0 and at most at 0.5, not at 0.6"),
        ({"margin": 0.05, "family": 0}, "a family has at least 1 gate, not 0"),
    ],
)
def test_impossible_goals_are_refused(values: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError) as fault:
        PairedGoal(**values)  # type: ignore[arg-type]
    assert said in str(fault.value)


@pytest.mark.parametrize(
    "values", [{"ceiling": 0}, {"ceiling": 9, "discordance": 1.1}, {"ceiling": 9, "discordance": -1}]
)
def test_impossible_rules_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"a ceiling is at least 1 pair|the discordance is a rate"):
        PairedRate(goal=GOAL, **values)  # type: ignore[arg-type]
