"""Distributions as whole parts that add up exactly, and how a circuit of today stands to an approved one."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from baseline_samples import SHAPE, counted, entry
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.baseline import PARTS, baseline_file, compare, distance, parts, shape_changes

WEIGHTS = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=64).filter(lambda w: sum(w) > 1e-6)


def normalised(weights: list[float]) -> dict[str, float]:
    total = math.fsum(weights)
    return {format(number, "07b"): weight / total for number, weight in enumerate(weights)}


@given(WEIGHTS)
def test_parts_add_up_exactly_and_each_is_near_its_probability(weights: list[float]) -> None:
    probabilities = normalised(weights)
    found = parts(probabilities)
    assert sum(found.values()) == PARTS
    assert all(number > 0 for number in found.values())
    assert all(abs(found.get(name, 0) / PARTS - p) < 1.01 / PARTS for name, p in probabilities.items())


@given(WEIGHTS)
def test_probabilities_that_were_written_and_read_are_written_the_same_again(weights: list[float]) -> None:
    found = parts(normalised(weights))
    again = entry(widths=(7,), outcomes=found).probabilities()
    assert parts(again) == found


@given(WEIGHTS, st.randoms(use_true_random=False))
def test_parts_do_not_depend_on_the_order_of_outcomes(weights: list[float], random: object) -> None:
    items = list(normalised(weights).items())
    before = parts(dict(items))
    random.shuffle(items)  # type: ignore[attr-defined]
    assert list(parts(dict(items)).items()) == list(before.items())


def test_three_thirds_go_to_the_smaller_bitstring() -> None:
    third = 1 / 3
    assert parts({"10": third, "00": third, "01": third}) == {
        "00": 333_333_333_334, "01": 333_333_333_333, "10": 333_333_333_333,
    }  # fmt: skip


def test_the_dust_of_a_simulator_is_no_probability() -> None:
    assert parts({"0": 1.0 - 1e-16, "1": -1e-17}) == {"0": PARTS}


@pytest.mark.parametrize("wrong", [{"0": math.nan}, {"0": math.inf}, {"0": 1.1, "1": -0.1}, {"0": 0.9}, {}])
def test_what_is_no_distribution_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        parts(wrong)


@pytest.mark.parametrize(
    ("file", "beside"),
    [("suites/q.suite.yaml", "suites/q.baseline.json"), ("tests/test_q.py", "tests/test_q.baseline.json")],
)
def test_a_baseline_file_lies_beside_its_suite(file: str, beside: str) -> None:
    assert baseline_file(file) == beside


# ---- comparing


def test_the_same_circuit_is_the_same() -> None:
    state = compare(entry(), entry(reason="another").identity)
    assert (state.standing, state.sentences, state.stale) == ("same", (), False)


def test_a_changed_circuit_is_named_with_what_changed() -> None:
    shape = {"gates": {"cx": 2, "h": 1, "z": 1}, "depth": 5, "two_qubit": 2}
    state = compare(entry(), replace(entry().identity, circuit_digest="sha256:c2", shape=shape))
    assert state.standing == "circuit-changed"
    assert not state.stale
    assert state.sentences == (
        "circuit changed since the baseline (cx: 1 → 2, z: 0 → 1, depth: 3 → 5, two-qubit gates: 1 → 2)",
    )


def test_a_change_that_no_count_shows_is_named_too() -> None:
    state = compare(entry(), replace(entry().identity, circuit_digest="sha256:c2"))
    assert state.sentences == ("circuit changed since the baseline (same gates and depth, other angles or wiring)",)


@pytest.mark.parametrize(
    ("fields", "standing", "said"),
    [
        ({"noise_digest": "sha256:n2"}, "stale-noise", "under other noise"),
        ({"noise_digest": None}, "stale-noise", "with noise, and there is none now"),
        ({"transpile_digest": "sha256:t2"}, "stale-transpile", "transpiled with other settings"),
    ],
)
def test_other_noise_or_transpilation_is_stale(fields: dict[str, str | None], standing: str, said: str) -> None:
    state = compare(entry(), replace(entry().identity, **fields))
    assert (state.standing, state.stale) == (standing, True)
    assert said in state.sentences[0]


def test_noise_where_there_was_none_is_stale() -> None:
    state = compare(entry(noise_digest=None), entry().identity)
    assert (state.standing, state.sentences) == ("stale-noise", ("stale baseline: it was taken without noise",))


def test_other_registers_are_another_distribution_whatever_else_differs() -> None:
    now = replace(entry().identity, widths=(1, 1), noise_digest=None, circuit_digest="sha256:c2")
    state = compare(entry(), now)
    assert (state.standing, state.stale) == ("other-widths", False)
    assert "registers of 2 bits, the circuit of 1 + 1" in state.sentences[0]
    assert len(state.sentences) == 3  # every difference is told


def test_staleness_outranks_a_changed_circuit() -> None:
    """Else a change of the circuit would turn what can never pass into what is compared."""
    now = replace(entry().identity, noise_digest="sha256:n2", circuit_digest="sha256:c2")
    assert compare(entry(), now).standing == "stale-noise"


def test_equal_shapes_have_no_changes() -> None:
    assert shape_changes(SHAPE, dict(SHAPE)) == ()


def test_the_distance_of_counts_is_that_of_their_shares() -> None:
    one, other = counted({"00": 50, "11": 50}), counted({"00": 100, "01": 50, "11": 50})
    assert distance(one, other) == distance(other, one) == 0.25
    assert distance(one, entry()) == 0.0
    assert distance(counted({"00": 7}), counted({"11": 9})) == 1.0


def test_shots_are_known_of_counts_only() -> None:
    assert (counted({"00": 7}).shots, entry().shots) == (7, None)
