"""Measured errors and shots of the tolerance rule, for few and for many outcomes.

Seeds are fixed, so that nothing here can flake. Limits allow 3 standard errors (a false alarm of about 0.001 a
comparison if a seed is changed).
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.stats.shots.hypotheses import tvd
from pytest_llmgate.stats.shots.rule import Floats, Seen
from pytest_llmgate.stats.shots.tolerance import ToleranceRule
from pytest_llmgate.stats.shots.tolerance_plan import plan_tolerance

ALPHA, BETA = 0.01, 0.05
CEILING = 10_000
RUNS = 2_000


def reference(outcomes: int, *, skew: bool) -> Floats:
    """Even, or with probabilities that fall over three decades (two outcomes: 5 to 1)."""
    shares = np.geomspace(1.0, 0.2 if outcomes == 2 else 1e-3, outcomes) if skew else np.ones(outcomes)
    return np.append(shares / shares.sum(), 0.0)


def spread_change(p: Floats, distance: float) -> Floats:
    """Mass moved between two halves of the outcomes, each in proportion: the hardest change to see."""
    gains = np.zeros(len(p), bool)
    gains[::2] = True
    share = float(p[gains].sum())
    return np.where(gains, p * (1 + distance / share), p * (1 - distance / (1 - share)))


def leak(p: Floats, distance: float) -> Floats:
    """Mass moved to an outcome that the reference does not know: the easiest change to see."""
    moved = p * (1 - distance)
    moved[-1] += distance
    return moved


def verdicts(rule: ToleranceRule, q: Floats, runs: int, seed: int) -> tuple[Counter[Outcome], float]:
    """Verdicts of runs on q, and their mean shots."""
    rng, found, shots = np.random.default_rng(seed), Counter[Outcome](), 0
    for _ in range(runs):
        seen, decision = Seen.none(len(rule.outcomes)), None
        for look in rule.looks:
            step = look - seen.shots
            seen = seen.plus(rng.multinomial(step // 2, q), even=True)
            seen = seen.plus(rng.multinomial(step - step // 2, q), even=False)
            if (decision := rule.decide(seen)) is not None:
                break
        assert decision is not None, "the last look did not speak"
        found[decision.outcome] += 1
        shots += seen.shots
    return found, shots / runs


def measure(outcomes: int, skew: bool, change: str, good: float, runs: int = RUNS) -> dict[str, float]:
    """Rates of wrong words at either TVD, and shots; also for benchmarks, with more runs."""
    p = reference(outcomes, skew=skew)
    plan = plan_tolerance(p, max_tvd=good, bad_tvd=2 * good, alpha=ALPHA, beta=BETA, ceiling=CEILING)
    rule = plan.rule(tuple(str(number) for number in range(outcomes)))
    changed = {"spread": spread_change, "leak": leak}[change]
    at_good, at_bad = changed(p, good), changed(p, 2 * good)
    assert tvd(at_good, p) == pytest.approx(good) and tvd(at_bad, p) == pytest.approx(2 * good)
    (found_good, shots_good), (found_bad, shots_bad) = (verdicts(rule, q, runs, 17) for q in (at_good, at_bad))
    return {
        "false_alarms": found_good[Outcome.FAIL] / runs,
        "wrong_passes": found_bad[Outcome.PASS] / runs,
        "caught": found_bad[Outcome.FAIL] / runs,
        "shots_good": shots_good,
        "shots_bad": shots_bad,
    }


@pytest.mark.slow
@pytest.mark.parametrize("change", ["spread", "leak"])
@pytest.mark.parametrize("skew", [False, True], ids=["even", "skew"])
@pytest.mark.parametrize(("outcomes", "good"), [(2, 0.05), (8, 0.05), (32, 0.05), (256, 0.1)])
def test_errors_stay_below_alpha_and_beta(outcomes: int, good: float, skew: bool, change: str) -> None:
    runs = RUNS if outcomes < 256 else RUNS // 2
    figures = measure(outcomes, skew, change, good, runs)
    assert figures["false_alarms"] <= ALPHA + 3 * math.sqrt(ALPHA / runs)
    assert figures["wrong_passes"] <= BETA + 3 * math.sqrt(BETA / runs)
    assert figures["caught"] >= 0.9, "the plan said that this ceiling decides"


@pytest.mark.slow
@pytest.mark.parametrize(("outcomes", "good"), [(2, 0.05), (32, 0.05), (256, 0.1), (1024, 0.1)])
def test_the_shots_that_the_plan_prints_are_enough_and_not_far_too_many(outcomes: int, good: float) -> None:
    """At the printed number about 9 of 10 runs get the right word, at half of it clearly fewer."""
    p = reference(outcomes, skew=False)
    bad = 2 * good
    plan = plan_tolerance(p, max_tvd=good, bad_tvd=bad, alpha=ALPHA, beta=BETA, ceiling=20_000)
    names = tuple(str(number) for number in range(outcomes))
    for shots, q, right in (
        (plan.to_pass, p, Outcome.PASS),
        (plan.to_fail, spread_change(p, bad), Outcome.FAIL),
    ):
        assert shots is not None
        share = min(0.5, shots / 20_000)
        rates = []
        for looks in ((shots,), (shots // 2,)):
            rule = ToleranceRule(
                outcomes=names, p=p, max_tvd=good, bad_tvd=bad, alpha=ALPHA * share, beta=BETA * share, looks=looks
            )
            rates.append(verdicts(rule, q, 200, 23)[0][right] / 200)
        assert rates[0] >= 0.78, f"{right} at {shots}: {rates}"
        assert rates[1] <= 0.6, f"{right} at {shots // 2}: {rates}"
