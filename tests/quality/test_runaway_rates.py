"""The runaway gate, simulated through its fold: baselines with one, two, many and unequal numbers of replies a case.

Seeds are fixed; a rate may exceed its nominal value by 3 standard errors. More of them, and heavier tails:
`python -m benchmarks cost`.
"""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from pytest_llmgate.core.compared import Compared, ReplyBaseline
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.plan import RUNAWAYS, GatePlan
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.engine.compared_runaways import RunawayFold
from pytest_llmgate.session.reply_proposals import usage_figures
from pytest_llmgate.stats.against import compared_rule
from pytest_llmgate.stats.runaways import RunawayRule

TRIALS, RUNS = 320, 120
ALLOWED = 0.05 + 3.0 * math.sqrt(0.05 * 0.95 / RUNS)
REPLIES = {
    "20 x 1": [1] * 20,
    "320 x 1": [1] * 320,
    "400 x 1": [1] * 400,
    "300 x 1 or 2": [1] * 200 + [2] * 100,
    "160 x 2": [2] * 160,
    "150 x 2 or 3": [2] * 50 + [3] * 100,
    "20 x 16": [16] * 20,
}
"""Replies of each case in the baseline."""

pytestmark = pytest.mark.slow


def tokens(rng: random.Random, size: float, sd: float) -> int:
    return round(size * math.exp(rng.gauss(-0.5 * sd * sd, sd)))


def fold_of(replies: list[list[int]], seed: int) -> RunawayFold:
    """The gate against a baseline of these replies."""
    cases, figures = usage_figures({f"c{k}": own for k, own in enumerate(replies)}, 3)
    baseline = ReplyBaseline(
        test="t", gate="g", kind="usage", cases=cases, figures=figures, digests={}, parameters={"runaway_factor": 3}
    )
    compared = Compared(kind="usage", standing="same", baseline=baseline)
    gate = GatePlan(name="g", type="cost-regression", margin=0.1, compared=compared, params={"part": RUNAWAYS})
    rule = compared_rule(gate, TRIALS, len(replies))
    assert isinstance(rule, RunawayRule)
    return RunawayFold(gate, rule, seed)


def ended(rng: random.Random, sizes: list[int], sd: float, rate: float) -> Outcome:
    """One run of a build of which a share `rate` takes six times as much; trials come in rounds over the cases."""
    large = [200.0 * math.exp(rng.gauss(0.0, 0.5)) for _ in sizes]
    fold = fold_of([[tokens(rng, size, sd) for _ in range(n)] for size, n in zip(large, sizes, strict=True)], 1)
    index = 0
    while fold.decision is None and index < TRIALS:
        for k in rng.sample(range(len(sizes)), min(len(sizes), TRIALS - index)):
            took = tokens(rng, large[k], sd) * (6 if rng.random() < rate else 1)
            fold.take(TrialRecord("t", f"c{k}", Trial(index, k, 0, 0), {"g": True}, {"g": float(took)}))
            index += 1
    return Outcome.INCONCLUSIVE if fold.decision is None else fold.decision.outcome


def shares(replies: str, sd: float, rate: float) -> Counter[Outcome]:
    rng = random.Random(f"{replies} {sd} {rate}")
    return Counter(ended(rng, REPLIES[replies], sd, rate) for _ in range(RUNS))


@pytest.mark.parametrize(("replies", "sd"), [*((name, 0.35) for name in REPLIES), ("320 x 1", 0.5), ("160 x 2", 0.5)])
def test_a_build_like_its_baseline_is_not_blocked(replies: str, sd: float) -> None:
    """At 0.5 a reply is three times another one to its case in 12 of 100 pairs."""
    assert shares(replies, sd, 0.0)[Outcome.FAIL] / RUNS <= ALLOWED


@pytest.mark.parametrize("replies", [name for name in REPLIES if name != "20 x 1"])
def test_two_percent_of_runaways_do_not_pass(replies: str) -> None:
    assert shares(replies, 0.35, 0.02)[Outcome.PASS] / RUNS <= ALLOWED


@pytest.mark.parametrize("replies", ["320 x 1", "300 x 1 or 2", "20 x 16"])
def test_steady_replies_pass_and_runaways_among_them_fail(replies: str) -> None:
    assert shares(replies, 0.15, 0.0)[Outcome.PASS] == RUNS
    assert shares(replies, 0.15, 0.02)[Outcome.FAIL] / RUNS >= 0.85
