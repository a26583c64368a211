"""What a rule with one look is said to catch is what it catches."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.stats.shots.fixed_power import fixed_power
from pytest_llmgate.stats.shots.hypotheses import align
from pytest_llmgate.stats.shots.minp import FixedIdentityRule
from pytest_llmgate.stats.shots.rule import Seen

P = {f"{number:03b}": 1 / 8 for number in range(8)}


def shifted(step: float) -> dict[str, float]:
    return {name: p + (step if number % 2 else -step) for number, (name, p) in enumerate(P.items())}


def rule(*alternatives: tuple[str, str, dict[str, float]], shots: int = 1024) -> FixedIdentityRule:
    reference, others = align(P, alternatives)
    return FixedIdentityRule(reference=reference, shots=shots, alpha=0.01, seed=5, alternatives=others)


def test_changes_stand_hardest_first() -> None:
    found = fixed_power(
        rule(("far", "angle", shifted(0.05)), ("same", "reversed", P), ("near", "angle", shifted(0.01)))
    )
    assert [item.name for item in found] == ["same", "near", "far"]
    assert found[0].tvd == 0.0
    assert found[0].power < 0.06, "no change at all is caught as often as a good circuit is blocked"
    assert found[2].power == 1.0


def test_an_outcome_that_the_reference_excludes_is_caught_at_once() -> None:
    half = {**dict.fromkeys(list(P)[:7], 1 / 8), "111": 0.0}
    reference, others = align({name: p / 0.875 for name, p in half.items()}, [("leaks", "noise", P)])
    leaky = FixedIdentityRule(reference=reference, shots=500, alpha=0.01, seed=5, alternatives=others)
    assert fixed_power(leaky)[0].power == 1.0


def test_the_same_rule_has_the_same_power() -> None:
    made = rule(("near", "angle", shifted(0.012)))
    assert fixed_power(made) == fixed_power(made)


@pytest.mark.slow
@pytest.mark.parametrize("step", [0.011, 0.014])
def test_the_power_is_that_of_the_rule_itself(step: float) -> None:
    """Seed 11; 300 runs: a wrong alarm of this test has probability below 0.001 at a tolerance of 0.12."""
    made = rule(("change", "angle", shifted(step)))
    rng = np.random.default_rng(11)
    q = made.alternatives[0].p
    failed = 0
    for _ in range(300):
        counts = rng.multinomial(made.shots, q).astype(np.int64)
        decision = made.decide(Seen(made.shots, counts, counts))
        assert decision is not None
        failed += decision.outcome is Outcome.FAIL
    assert fixed_power(made)[0].power == pytest.approx(failed / 300, abs=0.12)
