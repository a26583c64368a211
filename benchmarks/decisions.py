"""How many trials a decision takes, and how often it is wrong: exact, simulated, and through the engine."""

from __future__ import annotations

import heapq
import math
import os
import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

from benchmarks.figures import Figure, Row
from benchmarks.options import Options
from pytest_llmgate.core.case import Case
from pytest_llmgate.core.decision import Outcome, Tally
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.plan import GatePlan, TestPlan
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.engine.gate import GateFold
from pytest_llmgate.engine.judge import Judge
from pytest_llmgate.engine.run import TestRun
from pytest_llmgate.engine.stream import TestStream
from pytest_llmgate.stats.design import design_sequential
from pytest_llmgate.stats.goal import RateGoal
from pytest_llmgate.stats.looks import fixed_n
from pytest_llmgate.stats.planning import wald_bound
from pytest_llmgate.stats.rules import SequentialRate

PAIRS = ((0.95, 0.90), (0.95, 0.85), (0.9, 0.8), (0.98, 0.95), (0.99, 0.95))
MOST_WALD, MOST_FIXED, MOST_DESIGN_S, NOMINAL = 1.12, 0.62, 0.2, 0.05
CONCURRENCY, SLOWER = 64, 3.0
RULE_RUNS, ENGINE_RUNS = 20_000, 2_000


class Job(NamedTuple):
    """Simulated decisions at one true rate. kind: `rule` or `engine`."""

    kind: str
    good: float
    bad: float
    at_good: bool
    runs: int


class Seen(NamedTuple):
    """How often the wrong thing was said, and the mean number of trials."""

    wrong: float
    mean_n: float


def measure(folder: Path, given: Options) -> list[Row]:
    """Exact figures of every pair, then simulations with fixed seeds in as many processes as there are cores."""
    share = 10 if given.quick else 1
    sizes = {"rule": RULE_RUNS // share, "engine": ENGINE_RUNS // share}
    jobs = [Job(kind, *pair, at, sizes[kind]) for kind, pair, at in product(sizes, PAIRS, (True, False))]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        seen = dict(zip(jobs, pool.map(simulate, jobs), strict=True))
    return _exact() + [row for kind in sizes for row in _simulated(kind, sizes[kind], seen)]


# ---- exact


def _exact() -> list[Row]:
    rows: list[Row] = []
    for good, bad in PAIRS:
        goal = RateGoal(good=good, bad=bad)
        times = [_design_time(goal) for _ in range(3)]
        design, fixed, bound = design_sequential(goal), fixed_n(goal)[0], wald_bound(goal)
        at_good, at_bad = design.oc(good), design.oc(bad)
        means = (at_good.mean_n, at_bad.mean_n)
        note = f"mean {means[0]:.0f} and {means[1]:.0f} trials, fixed {fixed}"
        wald = [mean / least for mean, least in zip(means, bound, strict=True)]
        rows += [
            _worst(f"{_pair(good, bad)}: mean trials over Wald's bound, at good and at bad", wald, MOST_WALD, note),
            _worst(f"{_pair(good, bad)}: mean trials over exact fixed-N", [m / fixed for m in means], MOST_FIXED),
            _worst(f"{_pair(good, bad)}: exact error rates", [at_good.p_fail, at_bad.p_pass], NOMINAL, digits=4),
            Figure(
                part="decisions", name=f"{_pair(good, bad)}: CPU of the design", values=times, most=MOST_DESIGN_S,
                unit="s", digits=3,
            ),
        ]  # fmt: skip
    return rows


def _design_time(goal: RateGoal) -> float:
    began = process_time()
    design_sequential(goal)
    return process_time() - began


def _pair(good: float, bad: float) -> str:
    return f"good {good:g}, bad {bad:g}"


def _worst(name: str, both: Sequence[float], most: float, note: str = "", digits: int = 3) -> Figure:
    """The larger of two figures: each must be low enough."""
    return Figure(part="decisions", name=name, values=(max(both),), most=most, note=note, digits=digits)


# ---- simulated


def _simulated(kind: str, runs: int, seen: Mapping[Job, Seen]) -> list[Row]:
    said = "by the rule" if kind == "rule" else f"by the engine, failures {SLOWER:g} × slower, {CONCURRENCY} in flight"
    allowed = NOMINAL + 3.0 * math.sqrt(NOMINAL * (1.0 - NOMINAL) / runs)
    rows: list[Row] = []
    for good, bad in PAIRS:
        both = [seen[Job(kind, good, bad, at, runs)] for at in (True, False)]
        note = f"{runs:,} runs each, mean {both[0].mean_n:.0f} and {both[1].mean_n:.0f} trials"
        rows.append(_worst(f"{_pair(good, bad)}: error rates {said}", [s.wrong for s in both], allowed, note, 4))
    return rows


def simulate(job: Job) -> Seen:
    """Decide again and again at one true rate; the seed is part of the job."""
    rng = random.Random(repr(job))
    goal = RateGoal(good=job.good, bad=job.bad)
    rule = SequentialRate(design_sequential(goal))
    rate, wrong = (job.good, Outcome.FAIL) if job.at_good else (job.bad, Outcome.PASS)
    decide = _by_rule if job.kind == "rule" else _by_engine
    ends = [decide(rule, rng, rate) for _ in range(job.runs)]
    return Seen(sum(outcome is wrong for outcome, _ in ends) / job.runs, sum(n for _, n in ends) / job.runs)


def _by_rule(rule: SequentialRate, rng: random.Random, rate: float) -> tuple[Outcome, int]:
    tally = Tally()
    while True:
        tally = tally.add(rng.random() < rate)
        decision = rule.decide(tally)
        if decision is not None:
            return decision.outcome, tally.n


def _by_engine(rule: SequentialRate, rng: random.Random, rate: float) -> tuple[Outcome, int]:
    """A test of the engine on a clock of our own: as many trials in flight as it hands out, at most 64."""
    run = _test_run(rule)
    under_way: list[tuple[float, int, Any, bool]] = []
    now = 0.0
    while not run.stream.done:
        while len(under_way) < CONCURRENCY and (trial := run.take()) is not None:
            good = rng.random() < rate
            takes = rng.uniform(0.9, 1.1) * (1.0 if good else SLOWER)
            heapq.heappush(under_way, (now + takes, trial.index, trial, good))
        now, _, trial, good = heapq.heappop(under_way)
        run.complete(trial, Observation(None, passed=good))
    gate = run.stream.gates[0]
    assert isinstance(gate, GateFold)
    assert gate.decision is not None
    return gate.decision.outcome, gate.tally.n


def _test_run(rule: SequentialRate) -> TestRun:
    goal = rule.goal
    gate = GatePlan(name="passes", type="stochastic", good=goal.good, bad=goal.bad)
    plan = TestPlan(
        id="bench::t", suite="bench", file="bench", kind="function", base="", cases=(Case(id="only"),), gates=(gate,),
        trials=rule.ceiling,
    )  # fmt: skip
    stream = TestStream(plan, (GateFold(gate, rule),))
    return TestRun(stream, Judge(plan, (_Passed(),)), _Nowhere())


class _Passed:
    """Reads what the simulation drew."""

    def measure(self, case: Case, seen: Observation) -> Measurement:
        return Measurement(seen.passed)


class _Nowhere:
    """A journal that keeps nothing."""

    def append(self, record: TrialRecord, text: str | None, extra: Mapping[str, Any] | None = None) -> None:
        return
