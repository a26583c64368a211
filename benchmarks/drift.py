"""How many runs there are up to an alarm of drift: without a change, and after one."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from benchmarks.figures import Figure, Row
from benchmarks.options import Options
from pytest_llmgate.core.decision import Tally
from pytest_llmgate.stats.design import design_sequential
from pytest_llmgate.stats.drift import MEAN_RUN_LENGTH, DriftDetector, DriftState
from pytest_llmgate.stats.goal import RateGoal, llr
from pytest_llmgate.stats.rules import SequentialRate

GOAL = RateGoal(good=0.95, bad=0.90)
SIZES = (20, 50)
WARM_UP = 50  # good runs before a change
MOST_DELAY = {20: 13.5, 50: 7.0}
LONGEST = 5_000  # runs without a change are cut off here, which only lowers their mean


_Run = Callable[[random.Random, float], float]
"""The log likelihood ratio of a run at a rate."""


def measure(folder: Path, given: Options) -> list[Row]:
    """Simulated with fixed seeds: runs of 20 and of 50 trials, and runs that stop as a gate does."""
    times = 40 if given.quick else 400
    rows: list[Row] = []
    for size in SIZES:
        rows += _of_size(size, times)
    return [*rows, *_of_gate(times)]


def _of_size(size: int, times: int) -> list[Row]:
    def run(rng: random.Random, rate: float) -> float:
        return llr(GOAL, sum(rng.random() >= rate for _ in range(size)), size)

    return _rows(f"runs of {size} trials", run, times, MOST_DELAY[size])


def _of_gate(times: int) -> list[Row]:
    rule = SequentialRate(design_sequential(GOAL))

    def run(rng: random.Random, rate: float) -> float:
        tally = Tally()
        while tally.n == 0 or rule.decide(tally) is None:
            tally = tally.add(rng.random() < rate)
        return llr(GOAL, tally.failed, tally.n)

    return _rows("runs that a gate stops", run, max(times // 10, 10), None)


def _rows(name: str, run: _Run, times: int, most_delay: float | None) -> list[Row]:
    rng = random.Random(11)
    still = fmean(_alarm(run, rng, GOAL.good, 0) for _ in range(times))
    rows: list[Row] = [
        Figure(part="drift", name=f"{name}: guaranteed over measured mean runs to a false alarm",
               values=(MEAN_RUN_LENGTH / still,), most=1.0, note=f"{still:,.0f} runs, good .95 throughout")
    ]  # fmt: skip
    for rate in (0.925, 0.90, 0.85):
        delay = fmean(_alarm(run, rng, rate, WARM_UP) for _ in range(times))
        wanted = most_delay if rate == GOAL.bad else None
        rows.append(Figure(part="drift", name=f"{name}: runs to an alarm, .95 becomes {rate:g}", values=(delay,),
                           most=wanted, unit="runs", digits=1))  # fmt: skip
    return rows


def _alarm(run: _Run, rng: random.Random, rate: float, warm_up: int) -> int:
    """Runs at a rate up to the alarm, after good ones that raised none."""
    detector, state = DriftDetector(), DriftState()
    while state.runs < warm_up:
        state = detector.after(state, run(rng, GOAL.good))
        state = DriftState() if state.drifting else state
    began = state.runs
    while not state.drifting and state.runs - began < LONGEST:
        state = detector.after(state, run(rng, rate))
    return state.runs - began
