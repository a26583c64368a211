"""What shots say of every change that a gate was held against, and how surely they would have shown it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.stats.shots.fixed_power import fixed_power
from pytest_llmgate.stats.shots.hypotheses import align
from pytest_llmgate.stats.shots.identity_plan import IdentityPlan, plan_identity
from pytest_llmgate.stats.shots.minp import FixedIdentityRule
from pytest_llmgate.stats.shots.rule import Seen
from pytest_llmgate.stats.shots.standing import SHOWN, standings

REFERENCE = {"00": 0.45, "01": 0.05, "10": 0.05, "11": 0.45}
FAULTS = [
    ("near", "angle", {"00": 0.40, "01": 0.10, "10": 0.05, "11": 0.45}),
    ("flat", "gate-missing", dict.fromkeys(REFERENCE, 0.25)),
    ("one-sided", "gate-missing", {"00": 0.9, "01": 0.1}),
]


def planned(faults=FAULTS, reference=REFERENCE, ceiling: int = 4000) -> IdentityPlan:
    known, alternatives = align(reference, faults)
    return plan_identity(known, alternatives, alpha=0.01, beta=0.05, ceiling=ceiling, screen="full", seed=5)


def fixed(faults, shots: int = 1000) -> FixedIdentityRule:
    reference, alternatives = align(REFERENCE, faults)
    return FixedIdentityRule(reference=reference, shots=shots, alpha=0.01, seed=5, alternatives=alternatives)


def seen(*counts: int) -> Seen:
    array = np.array([*counts, 0], np.int64)
    return Seen(int(array.sum()), array, array)


def many(number: int) -> list[tuple[str, str, dict[str, float]]]:
    return [
        (f"f{place:03}", "angle", {**REFERENCE, "00": 0.42 - place / 1000, "01": 0.08 + place / 1000})
        for place in range(number)
    ]


def test_after_a_pass_every_declared_change_is_ruled_out() -> None:
    rule = planned().rule
    after = seen(1800, 200, 200, 1800)
    assert rule.decide(after) is not None
    found = standings(rule, after)["alternatives"]
    assert [(row["name"], row["ruled_out"]) for row in found] == [("near", True), ("flat", True), ("one-sided", True)]


def test_after_a_failure_the_change_that_was_made_is_not_ruled_out() -> None:
    found = standings(planned().rule, seen(16, 16, 16, 16))["alternatives"]
    assert [(row["name"], row["ruled_out"]) for row in found] == [("near", False), ("flat", False), ("one-sided", True)]


def test_what_the_reference_excludes_rules_out_only_what_excludes_something_seen() -> None:
    bell = {"00": 0.5, "11": 0.5}
    rule = planned(
        [("flat", "gate-missing", dict.fromkeys(REFERENCE, 0.25)), ("01 alone", "x", {"01": 1.0})], bell
    ).rule
    found = standings(rule, seen(1, 1, 0, 0))["alternatives"]
    assert {row["name"]: row["ruled_out"] for row in found} == {"01 alone": True, "flat": False}


@given(st.lists(st.integers(0, 300), min_size=4, max_size=4).filter(sum))
@settings(max_examples=60, deadline=None)
def test_a_pass_is_that_all_changes_are_ruled_out(counts: list[int]) -> None:
    """The table and the verdict never contradict each other."""
    rule = planned().rule
    after = seen(*counts)
    decided = rule.decide(after)
    found = standings(rule, after)["alternatives"]
    if decided is not None and decided.outcome is Outcome.PASS:
        assert all(row["ruled_out"] for row in found)
    assert all(0.0 <= row["power"] <= row["power_ceiling"] <= 1.0 for row in found)
    assert json.loads(json.dumps(found)) == found


def test_the_power_at_the_ceiling_is_what_the_plan_says() -> None:
    plan = planned()
    found = standings(plan.rule, seen(500, 50, 50, 400))["alternatives"]
    assert {row["name"]: row["power_ceiling"] for row in found} == {
        item.name: round(item.power, 3) for item in plan.declared
    }


@pytest.mark.parametrize("shots", [256, 512, 1024])
def test_the_power_at_these_shots_is_what_simulated_circuits_do(shots: int) -> None:
    """A little below it, as what the change's own ratio lets by is taken off in full."""
    rule, rng, streams = planned().rule, np.random.default_rng(3), 200
    found = {row["name"]: row["power"] for row in standings(rule, Seen.none(4)._replace(shots=shots))["alternatives"]}
    for other in rule.declared:
        failed = 0
        for _ in range(streams):
            counts, before = np.zeros(5, np.int64), 0
            for look in (look for look in rule.looks if look <= shots):
                counts, before = counts + rng.multinomial(look - before, other.p), look
                decided = rule.decide(Seen(look, counts, counts))
                if decided is not None:
                    failed += decided.outcome is Outcome.FAIL
                    break
        assert -0.2 <= found[other.name] - failed / streams <= 0.07, other.name


def test_the_hardest_come_first_and_of_many_the_rest_is_summed_up() -> None:
    found = standings(planned(many(SHOWN + 9)).rule, seen(450, 50, 50, 450))
    powers = [row["power"] for row in found["alternatives"]]
    assert len(powers) == SHOWN
    assert powers == sorted(powers)
    more = found["alternatives_more"]
    assert (more["number"], more["ruled_out"]) == (9, 9)
    assert powers[-1] <= more["power"] <= more["power_ceiling"]


def test_a_rule_with_one_look_rules_nothing_out_and_has_the_power_of_its_plan() -> None:
    rule = fixed(FAULTS)
    found = standings(rule, seen(450, 50, 50, 450))["alternatives"]
    assert {row["ruled_out"] for row in found} == {None}
    by_distance = fixed(sorted(FAULTS, key=lambda fault: fault[0] != "near"))
    expected = {item.name: item.power for item in fixed_power(by_distance)}
    assert {row["name"]: row["power"] for row in found} == pytest.approx(expected, abs=0.1)
    assert found == standings(rule, seen(450, 50, 50, 450))["alternatives"]


def test_simulated_powers_are_bounded_in_number_and_a_cut_stream_has_none() -> None:
    rule = fixed(many(SHOWN + 5))
    whole, cut = standings(rule, seen(450, 50, 50, 450)), standings(rule, seen(45, 5, 5, 45))
    assert len(whole["alternatives"]) == SHOWN
    assert whole["alternatives_more"] == {"number": 5, "ruled_out": None, "power": None, "power_ceiling": None}
    assert all(row["power"] is not None for row in whole["alternatives"])
    assert all(row["power"] is None for row in cut["alternatives"])
