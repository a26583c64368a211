"""Pairs of a baseline that was recorded once: cases that differ, several replies to each, shuffled rounds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Literal, NamedTuple

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.stats.clusters import discordance
from pytest_llmgate.stats.pair_bets import natural_pairs
from pytest_llmgate.stats.paired import PairedGoal, PairedRate, PairTally

Change = Literal["none", "every case", "some cases"]


class World(NamedTuple):
    """What is simulated: the mean and the intraclass correlation of cases, their number, the baseline's replies to
    each; how today differs, by `goal.margin`; whether the baseline's replies are permuted over the cases, and whether
    the discordance is estimated from them."""

    goal: PairedGoal
    rate: float
    icc: float
    cases: int
    replies: int
    change: Change = "none"
    permuted: bool = False
    estimated: bool = True


class Ends(NamedTuple):
    """Shares of runs, and the mean number of pairs."""

    p_pass: float
    p_fail: float
    p_inconclusive: float
    mean_n: float


def simulate(world: World, runs: int) -> Ends:
    """Runs with cases, baseline and replies of their own; the seed is the world itself."""
    rng = random.Random(repr(world))
    ends = [_run(world, rng) for _ in range(runs)]
    share = {outcome: sum(end is outcome for end, _ in ends) / runs for outcome in Outcome}
    mean_n = sum(n for _, n in ends) / runs
    return Ends(share[Outcome.PASS], share[Outcome.FAIL], share[Outcome.INCONCLUSIVE], mean_n)


def _run(world: World, rng: random.Random) -> tuple[Outcome, int]:
    spread = (1.0 - world.icc) / world.icc
    cases = [rng.betavariate(world.rate * spread, (1.0 - world.rate) * spread) for _ in range(world.cases)]
    baseline = [[rng.random() < p for _ in range(world.replies)] for p in cases]
    if world.permuted:
        flat = [good for case in baseline for good in case]
        rng.shuffle(flat)
        baseline = [flat[i :: world.cases] for i in range(world.cases)]
    rule = _rule(world, baseline)
    tally = PairTally()
    for today, before in _pairs(rng, _today(world, rng, cases), baseline):
        tally = tally.add(today, before)
        if (decision := rule.decide(tally)) is not None:
            return decision.outcome, tally.n
    raise AssertionError("the ceiling is at most the number of pairs")


def _rule(world: World, baseline: list[list[bool]]) -> PairedRate:
    known = discordance([(len(case), sum(case)) for case in baseline]) if world.estimated else None
    goal = world.goal
    most = natural_pairs(goal.margin, known, goal.alpha_used, goal.beta)
    return PairedRate(goal=goal, ceiling=min(most, world.cases * world.replies), discordance=known)


def _today(world: World, rng: random.Random, cases: list[float]) -> list[float]:
    """The cases' rates today: their mean is worse by the margin exactly, evenly or by cases that break altogether."""
    left = world.goal.margin * len(cases)
    if world.change == "every case":
        share = 1.0 - left / sum(cases)
        return [p * share for p in cases]
    today = list(cases)
    if world.change == "some cases":
        for case in rng.sample(range(len(cases)), len(cases)):
            today[case] -= (lost := min(left, cases[case]))
            left -= lost
    return today


def _pairs(rng: random.Random, today: list[float], baseline: list[list[bool]]) -> Iterator[tuple[bool, bool]]:
    """Round after round over the cases, each in a new order: today's reply, and the baseline's of that round."""
    order = list(range(len(today)))
    for number in range(len(baseline[0])):
        rng.shuffle(order)
        for case in order:
            yield rng.random() < today[case], baseline[case][number]
