"""Quality against a baseline, pair by pair, and what a suite of 200 tests says of a good build and of a bad one."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import Check, Figure, Row
from benchmarks.options import Options
from benchmarks.paired_exact import PairedOC, chart
from benchmarks.paired_pairs import Ends, World, simulate
from pytest_llmgate.stats.pair_bets import natural_pairs, pair_chances, wald_pairs
from pytest_llmgate.stats.paired import PairedGoal, PairedRate
from pytest_llmgate.stats.path import OC
from pytest_llmgate.stats.planning import RulePlan, choose_rule

PART = "regressions"
RATE, ICCS, MOST_PERMUTED = 0.92, (0.6, 0.9), {0.6: 0.55, 0.9: 0.3}
GOAL = PairedGoal(margin=0.05)
MOST_WALD, MOST_CALLS, NOMINAL, LEAST_CAUGHT = 1.35, 1.10, 0.05, 0.95
TESTS, ZERO = 200, 20
CASES, REPLIES, RUNS = 100, 8, 4_000


def measure(folder: Path, given: Options) -> list[Row]:
    """Independent pairs and suites exactly; a cached baseline by simulation with fixed seeds on every core."""
    runs = RUNS // 10 if given.quick else RUNS
    rows = [row for icc in ICCS for row in _independent(icc)] + _nuisances()
    return rows + _cached(runs) + _suite() + _mixed_suite()


# ---- independent pairs, exact


def discordance_of(icc: float) -> float:
    """P(two replies to one case differ) at the baseline's rate."""
    return 2.0 * RATE * (1.0 - RATE) * (1.0 - icc)


def _rule(goal: PairedGoal, known: float | None) -> PairedRate:
    most = natural_pairs(goal.margin, known, goal.alpha_used, goal.beta)
    return PairedRate(goal=goal, ceiling=most, discordance=known)


def _at(rule: PairedRate, difference: float, discordance: float) -> PairedOC:
    return chart(rule, *pair_chances(difference, discordance))


def _independent(icc: float) -> list[Row]:
    apart = discordance_of(icc)
    bound = wald_pairs(GOAL.margin, apart, GOAL.alpha, GOAL.beta)
    known, unknown = _rule(GOAL, apart), _rule(GOAL, None)
    unpaired = discordance_of(0.0)
    alone = _at(_rule(GOAL, unpaired), 0.0, unpaired).mean_n
    same, worse = _at(known, 0.0, apart), _at(known, -GOAL.margin, apart)
    blind = _at(unknown, 0.0, apart)
    name = f"pairs, ICC {icc:g}"
    undecided = f"ceiling {known.ceiling:,}; worse by the margin {worse.p_inconclusive:.3f}, mean {worse.mean_n:.0f}"
    return [
        _figure(f"{name}: mean pairs over Wald's bound", same.mean_n / bound, MOST_WALD, f"{same.mean_n:.0f} pairs"),
        _figure(f"{name}: the same, discordance unknown", blind.mean_n / bound, MOST_WALD, f"{blind.mean_n:.0f} pairs"),
        _figure(f"{name}: mean pairs over those of permuted pairs", same.mean_n / alone, MOST_PERMUTED[icc]),
        _figure(f"{name}: P(inconclusive), no change", same.p_inconclusive, NOMINAL, undecided),
    ]


def _nuisances() -> list[Row]:
    """The largest error over what the rule believes of the discordance and what it truly is."""
    false, missed = [], []
    for believed, true in product((0.0147, 0.0589, None), (0.0, 0.01, 0.03, 0.06, 0.1, 0.15)):
        rule = PairedRate(goal=GOAL, ceiling=600, discordance=believed)
        false.append(_at(rule, 0.0, true).p_fail)
        missed.append(_at(rule, -GOAL.margin, true).p_pass)
    note = "exact; discordances believed .015, .06, unknown, true 0 to .15; 600 pairs"
    return [
        _figure("pairs: largest P(fail), no change", max(false), NOMINAL, note),
        _figure("pairs: largest P(pass), worse by the margin", max(missed), NOMINAL, note),
    ]


# ---- a cached baseline, simulated


def _cached(runs: int) -> list[Row]:
    worlds: dict[tuple[float, str], World] = {}
    for icc in ICCS:
        plain = World(GOAL, RATE, icc, CASES, REPLIES)
        worlds |= {
            (icc, "same"): plain,
            (icc, "unknown"): plain._replace(estimated=False),
            (icc, "permuted"): plain._replace(permuted=True),
            (icc, "every"): plain._replace(change="every case"),
            (icc, "some"): plain._replace(change="some cases"),
        }
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        ends = dict(zip(worlds, pool.map(simulate, worlds.values(), [runs] * len(worlds)), strict=True))
    return [row for icc in ICCS for row in _cached_rows(icc, runs, {kind: ends[icc, kind] for _, kind in worlds})]


def _cached_rows(icc: float, runs: int, ends: dict[str, Ends]) -> list[Row]:
    apart, allowed = discordance_of(icc), NOMINAL + 3.0 * math.sqrt(NOMINAL * (1.0 - NOMINAL) / runs)
    bound = wald_pairs(GOAL.margin, apart, GOAL.alpha, GOAL.beta)
    name = f"cached baseline, ICC {icc:g}"
    note = f"{CASES} cases, {REPLIES} replies each, discordance estimated from them, {runs:,} runs"
    missed = max(ends["every"].p_pass, ends["some"].p_pass)
    open_worse = max(ends["every"].p_inconclusive, ends["some"].p_inconclusive)
    same, unknown = ends["same"], ends["unknown"]
    return [
        _figure(f"{name}: mean pairs over Wald's bound", same.mean_n / bound, MOST_WALD, note),
        _figure(f"{name}: the same, discordance unknown", unknown.mean_n / bound, MOST_WALD),
        _figure(f"{name}: mean pairs over permuted ones", same.mean_n / ends["permuted"].mean_n, MOST_PERMUTED[icc]),
        _figure(f"{name}: P(fail), no change", max(same.p_fail, unknown.p_fail), allowed),
        _figure(f"{name}: P(pass), every case or some cases worse", missed, allowed),
        _figure(f"{name}: P(inconclusive), no change", same.p_inconclusive, NOMINAL, f"worse: {open_worse:.3f}"),
    ]


# ---- suites, exact


def _suite() -> list[Row]:
    """200 tests with one .95/.90 gate each."""
    alone, shared = (choose_rule(good=0.95, bad=0.90, family=family) for family in (1, TESTS))
    rows: list[Row] = []
    for words, rate in (("at p0", 0.95), ("at (1 + p0) / 2", 0.975)):
        before, now = alone.rule.oc(rate), shared.rule.oc(rate)
        blocked = _blocked([(now.p_fail + now.p_inconclusive, TESTS)])
        uncontrolled = _blocked([(before.p_fail + before.p_inconclusive, TESTS)])
        calls = f"{now.mean_n:.0f} a test against {before.mean_n:.0f}"
        rows += [
            _figure(
                f"200 tests {words}: P(fail or inconclusive)", blocked, NOMINAL, f"without control {uncontrolled:.3f}"
            ),
            _figure(
                f"200 tests {words}: calls over those without control", now.mean_n / before.mean_n, MOST_CALLS, calls
            ),
        ]
    caught = shared.rule.oc(0.90).p_fail
    return [
        *rows,
        Check(part=PART, name="200 tests: a bad one fails", holds=caught >= LEAST_CAUGHT, note=f"{caught:.4f}"),
    ]


class Kind(NamedTuple):
    """Tests of one kind in the mixed suite: how many, and what one of them says of a good and of a bad build."""

    name: str
    tests: int
    good: OC | PairedOC
    bad: OC | PairedOC


def _mixed_suite() -> list[Row]:
    """200 tests of every kind; M counts the gates that can fail a good build, which zero tolerance cannot."""
    rows: list[Row] = []
    kinds = _kinds(TESTS - ZERO)
    blocked = _blocked([(kind.good.p_fail + kind.good.p_inconclusive, kind.tests) for kind in kinds])
    note = f"{', '.join(f'{kind.tests} {kind.name}' for kind in kinds)}; M = {TESTS - ZERO}"
    rows.append(_figure("200 mixed tests, all good: P(fail or inconclusive)", blocked, NOMINAL, note))
    for kind in kinds:
        open_good = _blocked([(kind.good.p_inconclusive, kind.tests)])
        calls = f"mean {kind.good.mean_n:.0f}; all of them inconclusive {open_good:.4f}"
        rows.append(
            Check(
                part=PART,
                name=f"mixed: a bad test of {kind.name} passes at most at beta",
                holds=_caught(kind),
                note=f"fails {kind.bad.p_fail:.4f}; good: {calls}",
            )
        )
    return rows


def _kinds(family: int) -> list[Kind]:
    def rates(name: str, tests: int, good: float, bad: float) -> Kind:
        plan: RulePlan = choose_rule(good=good, bad=bad, family=family)
        return Kind(name, tests, plan.rule.oc(good), plan.rule.oc(bad))

    goal, apart = PairedGoal(margin=GOAL.margin, family=family), discordance_of(0.6)
    pairs = _rule(goal, apart)
    clean = choose_rule(good=1.0, bad=0.99, family=family).rule
    return [
        rates("rates .95/.90", 60, 0.95, 0.90),
        rates("rates .90/.80", 40, 0.90, 0.80),
        rates("rates .99/.95", 30, 0.99, 0.95),
        rates("percentiles (p95)", 30, 0.95, 0.90),
        Kind("paired quality", 20, _at(pairs, 0.0, apart), _at(pairs, -GOAL.margin, apart)),
        Kind("zero tolerance", ZERO, clean.oc(1.0), clean.oc(0.99)),
    ]


def _caught(kind: Kind) -> bool:
    """A bad test that is not failed is undecided: with pairs the ceiling leaves a few, which do not pass."""
    return kind.bad.p_pass <= NOMINAL


def _blocked(kinds: Sequence[tuple[float, int]]) -> float:
    """P(some test blocks), tests independent. Args: one test's chance, and how many there are."""
    return 1.0 - math.prod((1.0 - chance) ** tests for chance, tests in kinds)


def _figure(name: str, value: float, most: float, note: str = "") -> Figure:
    return Figure(part=PART, name=name, values=(value,), most=most, note=note, digits=3)
