"""Measured error rates and cost of the rule on pairs, and of a whole suite.

Seeds are fixed, so that no simulation flakes; when one is changed, an allowance of 3 standard errors gives a false
alarm of about 0.001 for each comparison with a rule that is exactly at its nominal rate.
"""

from __future__ import annotations

import math
from collections import Counter

import pytest

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.stats.pair_bets import natural_pairs, pair_chances, wald_pairs
from pytest_llmgate.stats.paired import Limits, PairedGoal, PairedRate, PairTally, paired_figures, simulate
from pytest_llmgate.stats.planning import choose_rule

RUNS = 10_000
GOAL = PairedGoal(margin=0.05)
UNPAIRED = 2 * 0.92 * 0.08


def rule_for(discordance: float | None, goal: PairedGoal = GOAL) -> PairedRate:
    most = natural_pairs(goal.margin, discordance, goal.alpha_used, goal.beta)
    return PairedRate(goal=goal, ceiling=most, discordance=discordance)


def allowed(nominal: float, runs: int = RUNS) -> float:
    return nominal + 3 * math.sqrt(nominal * (1 - nominal) / runs)


def share(ends: list[tuple[Outcome, int]], outcome: Outcome) -> float:
    return sum(end is outcome for end, _ in ends) / len(ends)


def exact(rule: PairedRate, better: float, worse: float) -> tuple[float, float, float]:
    """P(pass), P(fail) and E[pairs] by following every tally that is alive."""
    alive = {(0, 0): 1.0}
    p_pass = p_fail = mean_n = 0.0
    for n in range(1, rule.ceiling + 1):
        mean_n += sum(alive.values())
        reached: Counter[tuple[int, int]] = Counter()
        for (up, down), weight in alive.items():
            reached[up, down] += weight * (1 - better - worse)  # type: ignore[assignment]
            reached[up + 1, down] += weight * better  # type: ignore[assignment]
            reached[up, down + 1] += weight * worse  # type: ignore[assignment]
        alive = {}
        for (up, down), weight in reached.items():
            decision = rule.decide(PairTally(n, up, down)) if weight > 1e-9 else None
            if decision is None:
                alive[up, down] = weight
            p_pass += weight * (decision is not None and decision.outcome is Outcome.PASS)
            p_fail += weight * (decision is not None and decision.outcome is Outcome.FAIL)
    return p_pass, p_fail, mean_n


@pytest.mark.parametrize(("difference", "discordance"), [(0.0, 0.02), (-0.05, 0.02), (-0.05, 0.0)])
def test_simulated_and_exact_figures_agree(difference: float, discordance: float) -> None:
    rule = PairedRate(goal=GOAL, ceiling=200, discordance=0.02)
    chances = pair_chances(difference, discordance)
    p_pass, p_fail, mean_n = exact(rule, *chances)
    ends = simulate(Limits(rule), *chances, RUNS)
    for p, outcome in ((p_pass, Outcome.PASS), (p_fail, Outcome.FAIL)):
        assert abs(share(ends, outcome) - p) <= 4 * math.sqrt(p * (1 - p) / RUNS) + 1e-6
    assert sum(n for _, n in ends) / RUNS == pytest.approx(mean_n, rel=0.03)


@pytest.mark.parametrize("believed", [0.0, 0.0147, 0.0589, 0.5, None])
@pytest.mark.parametrize("true", [0.0, 0.015, 0.06, 0.15])
def test_no_discordance_breaks_the_error_rates(believed: float | None, true: float) -> None:
    """What the rule believes of the nuisance chooses its bets; what is true changes neither error."""
    limits = Limits(PairedRate(goal=GOAL, ceiling=500, discordance=believed))
    same, worse = (simulate(limits, *pair_chances(d, true), RUNS // 4) for d in (0.0, -GOAL.margin))
    assert share(same, Outcome.FAIL) <= allowed(GOAL.alpha, RUNS // 4)
    assert share(worse, Outcome.PASS) <= allowed(GOAL.beta, RUNS // 4)


@pytest.mark.parametrize(("icc", "most_permuted"), [(0.6, 0.55), (0.9, 0.3)])
def test_pairs_of_cases_that_differ_are_cheap(icc: float, most_permuted: float) -> None:
    """Baseline .92, margin .05: near Wald's bound, and far below the same rule with permuted pairs."""
    discordance = UNPAIRED * (1 - icc)
    bound = wald_pairs(GOAL.margin, discordance, GOAL.alpha, GOAL.beta)
    known, unknown = paired_figures(rule_for(discordance)), paired_figures(rule_for(None), discordance)
    assert bound <= known.mean_same <= 1.25 * bound
    assert known.mean_same <= unknown.mean_same <= 1.35 * bound
    assert known.mean_same <= most_permuted * paired_figures(rule_for(UNPAIRED)).mean_same
    assert known.p_inconclusive_same <= 0.01
    assert known.p_inconclusive_worse <= 0.05


def test_a_share_of_alpha_leaves_the_pass_side_alone() -> None:
    alone, family = (
        PairedRate(goal=PairedGoal(margin=0.05, family=m), ceiling=900, discordance=0.06) for m in (1, 200)
    )
    for better in range(4):
        for worse in range(4):
            passing = [Limits(rule).at(better, worse) for rule in (alone, family)]
            assert passing[0] == passing[1]


@pytest.mark.parametrize(("good", "bad"), [(0.95, 0.90), (0.9, 0.8), (0.99, 0.95)])
def test_200_tests_of_a_good_build_pass_together(good: float, bad: float) -> None:
    """Exact for independent tests: P(fail or inconclusive) of the suite, and that a bad test is caught in it."""
    rule = choose_rule(good=good, bad=bad, family=200).rule
    for rate in (good, (1 + good) / 2):
        at = rule.oc(rate)
        assert 1 - (1 - at.p_fail - at.p_inconclusive) ** 200 <= 0.05
    assert rule.oc(bad).p_fail >= 0.95
    alone = choose_rule(good=good, bad=bad).rule
    assert rule.oc((1 + good) / 2).mean_n <= 1.10 * alone.oc((1 + good) / 2).mean_n
    assert 1 - (1 - alone.oc(good).p_fail) ** 200 > 0.99  # what the control is for
