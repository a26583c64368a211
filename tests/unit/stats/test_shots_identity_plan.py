"""The plan says what will be told apart, what it costs, and what it cannot do, before a shot is spent."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.stats.shots.hypotheses import align
from pytest_llmgate.stats.shots.identity_plan import IdentityPlan, plan_identity
from pytest_llmgate.stats.shots.rule import Seen

REFERENCE = {"00": 0.47, "01": 0.03, "10": 0.03, "11": 0.47}
FAULTS: list[tuple[str, str, dict[str, float]]] = [
    ("cx missing", "gate-missing", {"00": 0.47, "01": 0.47, "10": 0.03, "11": 0.03}),
    ("noise doubled", "noise-doubled", {"00": 0.44, "01": 0.06, "10": 0.06, "11": 0.44}),
    ("angle + 0.1", "angle", {"00": 0.515, "01": 0.03, "10": 0.03, "11": 0.425}),
    ("angle + 0.01", "angle", {"00": 0.475, "01": 0.03, "10": 0.03, "11": 0.465}),
    ("bits reversed", "reversed", {"00": 0.47, "01": 0.03, "10": 0.03, "11": 0.47}),
]


def plan(screen: Literal["full", "quick"] = "quick", ceiling: int = 20_000, faults: Any = FAULTS) -> IdentityPlan:
    reference, alternatives = align(REFERENCE, faults)
    return plan_identity(reference, alternatives, alpha=0.01, beta=0.05, ceiling=ceiling, screen=screen, seed=5)


def said(made: IdentityPlan) -> str:
    return "\n".join(made.notes)


def test_alternatives_are_declared_from_a_tvd_of_two_hundredths() -> None:
    made = plan()
    assert [item.name for item in made.declared] == ["cx missing", "noise doubled", "angle + 0.1"]
    assert [(item.name, item.never) for item in made.unresolved] == [("angle + 0.01", False), ("bits reversed", True)]
    assert "too near to be told apart, and not tested: angle + 0.01 (TVD 0.005)" in said(made)
    assert "never revealed by this measurement: bits reversed" in said(made)


def test_quick_says_what_it_leaves_out() -> None:
    made = plan("quick")
    assert made.screen is None and made.rule.screen_at is None and made.can_pass
    assert "undeclared changes not tested (screen: quick)" in made.notes


def test_full_prints_its_n_and_looks_there() -> None:
    made = plan("full")
    assert made.screen is not None and made.screen.shots is not None and made.can_pass
    assert made.rule.screen_at == made.screen.shots and made.screen.shots in made.rule.looks
    assert f"N = {made.screen.shots:,} shots" in said(made)
    assert made.pass_expectation is not None and made.pass_expectation >= made.screen.shots


def test_a_screen_beyond_the_ceiling_is_a_plan_that_cannot_pass() -> None:
    made = plan("full", ceiling=100)
    assert not made.can_pass
    assert made.pass_expectation is None and made.pass_probability is None
    assert "needs 5" in said(made) and "the ceiling is 100: it cannot pass" in said(made)
    assert "100 shots catch an undeclared change of TVD 0.1 in" in said(made)
    assert made.rule.looks[-1] == 100


def test_quick_with_nothing_declared_cannot_pass() -> None:
    made = plan("quick", faults=FAULTS[-1:])
    assert not made.can_pass
    assert "it cannot pass; use screen: full" in said(made)
    assert plan("full", faults=FAULTS[-1:]).can_pass


def test_what_a_low_ceiling_leaves_open_is_named() -> None:
    made = plan(ceiling=300)
    assert made.can_pass and made.pass_probability is not None and made.pass_probability < 0.5
    assert "mostly because of: angle + 0.1" in said(made)
    assert "these faults may stay undecided: " in said(made) and "angle + 0.1 (" in said(made)
    assert "cx missing (" not in said(made)


def test_costs_are_in_order_of_the_distances() -> None:
    missing, noise, angle = plan().declared
    assert 64 <= missing.shots_to_catch <= noise.shots_to_catch <= angle.shots_to_catch <= 20_000
    assert 64 <= missing.shots_to_rule_out <= noise.shots_to_rule_out <= angle.shots_to_rule_out
    assert all(0.9 < item.power <= 1.0 for item in (missing, noise, angle))


def test_planning_again_gives_the_same_plan() -> None:
    one, other = plan("full"), plan("full")
    assert (one.declared, one.screen, one.pass_expectation) == (other.declared, other.screen, other.pass_expectation)
    assert (one.notes, one.rule.looks) == (other.notes, other.rule.looks)


def test_a_deterministic_circuit_needs_a_handful_of_shots() -> None:
    """Impossible outcomes decide at once on both sides; no logarithm of 0 on the way."""
    reference, alternatives = align({"1": 1.0}, [("x missing", "gate-missing", {"0": 1.0})])
    made = plan_identity(reference, alternatives, alpha=0.01, beta=0.05, ceiling=1000, screen="full", seed=1)
    assert made.pass_expectation == 64 and made.pass_probability == 1.0
    assert made.declared[0].shots_to_rule_out == pytest.approx(64)
    assert made.declared[0].power == pytest.approx(1.0)
    decision = made.rule.decide(Seen(64, np.array([0, 64, 0]), np.array([0, 32, 0])))
    assert decision is not None and decision.outcome is Outcome.PASS


def test_mass_outside_the_known_outcomes_is_a_cell_like_any_other() -> None:
    reference, alternatives = align({"0": 0.6, "1": 0.2}, [("shifted", "angle", {"0": 0.4, "1": 0.2})])
    made = plan_identity(reference, alternatives, alpha=0.01, beta=0.05, ceiling=2000, screen="full", seed=1)
    assert made.declared[0].tvd == pytest.approx(0.2)
    assert made.rule.decide(Seen(64, np.array([38, 13, 13]), np.zeros(3, np.int64))) is None
    failed = made.rule.decide(Seen(64, np.array([10, 10, 44]), np.zeros(3, np.int64)))
    assert failed is not None and failed.outcome is Outcome.FAIL
