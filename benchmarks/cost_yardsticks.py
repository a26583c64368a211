"""How the runaway gate does with baselines of few replies a case, and with unequal numbers of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import cycle, islice
from typing import NamedTuple

import numpy as np

from benchmarks.cost_models import CASE_SD, RUNAWAY_RATE, RUNAWAY_TIMES, SIZE
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.session.reply_proposals import usage_figures
from pytest_llmgate.stats.ratio import Sums
from pytest_llmgate.stats.runaways import DEFAULT_FACTOR, RunawayRule
from pytest_llmgate.stats.yardsticks import MOST_PAIRED, comparable, in_pairs, yardsticks

TRIALS = 320
SIZES = {
    "20 cases × 1": (1,) * 20,
    "320 cases × 1": (1,) * 320,
    "400 cases × 1": (1,) * 400,
    "300 cases × 1 or 2": (1,) * 200 + (2,) * 100,
    "160 cases × 2": (2,) * 160,
    "106 cases × 3": (3,) * 106,
    "150 cases × 2 or 3": (2,) * 50 + (3,) * 100,
    "64 cases × 5": (5,) * 64,
    "20 cases × 16": (16,) * 20,
}
GOOD_SD, BAD_SD = (0.15, 0.35, 0.5, 1.0), (0.15, 0.35)


class Few(NamedTuple):
    """One build: replies of each case in the baseline, log-sd of a reply, whether 2 % take six times as much."""

    replies: str
    sd: float
    bad: bool

    @property
    def label(self) -> str:
        return f"runaway gate, n = {TRIALS}, baseline of {self.replies}, log-sd {self.sd:g}"


CELLS = tuple(Few(name, sd, bad) for name in SIZES for bad in (False, True) for sd in (BAD_SD if bad else GOOD_SD))


def few_replies(job: tuple[Few, int]) -> tuple[float, float]:
    """How often the gate passes and fails; the seed is made of the build."""
    cell, runs = job
    rng = np.random.default_rng([*cell.replies.encode(), round(100 * cell.sd), cell.bad])
    sizes = SIZES[cell.replies]
    cases = {f"c{k}": {"n": n} for k, n in enumerate(sizes)}
    paired = in_pairs(cases)
    n = max(1, comparable(sizes, TRIALS, paired))
    rule = RunawayRule(alpha_used=0.05, beta=0.05, n=n, paired=paired)
    decide = lru_cache(maxsize=None)(rule.decide)
    seen: Counter[Outcome] = Counter()
    for _ in range(runs):
        decision = decide(*_table(rng, cell, sizes, n, paired))
        assert decision is not None
        seen[decision.outcome] += 1
    return seen[Outcome.PASS] / runs, seen[Outcome.FAIL] / runs


def _table(
    rng: np.random.Generator, cell: Few, sizes: tuple[int, ...], n: int, paired: bool
) -> tuple[int, int, int, int]:
    """Runaways of n trials that have a yardstick, and the baseline's."""
    large = SIZE * np.exp(rng.normal(0.0, CASE_SD, len(sizes)))
    replies = {str(k): _drawn(rng, large[k], cell.sd, size) for k, size in enumerate(sizes)}
    found, figures = usage_figures(replies, int(DEFAULT_FACTOR))
    held = {k: _held(Sums(**found[k]), paired, bool(rng.random() < 0.5)) for k in found}
    x = own = met = 0
    for k in cycle(rng.permutation(len(sizes))):
        yardstick = next(held[str(k)], None)
        if yardstick is None:
            continue
        took = _drawn(rng, large[k], cell.sd, 1)[0]
        took *= int(RUNAWAY_TIMES) if cell.bad and rng.random() < RUNAWAY_RATE else 1
        x, own, met = x + (took > DEFAULT_FACTOR * yardstick), own + (yardstick > DEFAULT_FACTOR * took), met + 1
        if met == n:
            break
    return (n, x, own, n) if paired else (n, x, figures["runaways"], figures["runaways_of"])


def _held(sums: Sums, paired: bool, larger_first: bool) -> Iterator[float]:
    uses = (sums.n if sums.n <= MOST_PAIRED else 0) if paired else (None if sums.n > 1 else 0)
    return islice(yardsticks(sums, larger_first), uses)


def _drawn(rng: np.random.Generator, size: float, sd: float, count: int) -> list[int]:
    return [round(size * math.exp(z)) for z in rng.normal(-0.5 * sd * sd, sd, count)]
