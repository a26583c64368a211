"""Groups of outcomes: declared bins, bits, parities and weights, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.stats.shots.grouping import grouper

THREE = (3,)
TWO_REGISTERS = (1, 3)  # printed "c1 c0c0c0": one bit of the second register, then three of the first
SPECS: list[tuple[dict[str, Any], tuple[int, ...]]] = [
    ({"bits": [0, 3]}, TWO_REGISTERS),
    ({"bins": {"ends": ["0 000", "1 111"]}, "other": "rest"}, TWO_REGISTERS),
    ({"observable": "ZZIZ"}, TWO_REGISTERS),
    ({"weight": True}, TWO_REGISTERS),
]


@pytest.mark.parametrize(
    ("spec", "outcome", "label"),
    [
        ({"bits": [0]}, "1 000", "0"),
        ({"bits": [3]}, "1 000", "1"),
        ({"bits": [0, 3]}, "1 000", "10"),  # as printed, whatever the order in the list
        ({"bits": [3, 0]}, "1 000", "10"),
        ({"bins": {"zero": ["0 000"]}}, "0 000", "zero"),
        ({"bins": {"zero": ["0 000"]}}, "0 001", "other"),
        ({"bins": {"zero": ["0 000"]}, "other": "rest"}, "0 001", "rest"),
        ({"observable": "ZIIZ"}, "1 001", "+1"),
        ({"observable": "ZIIZ"}, "1 000", "-1"),
        ({"observable": "IZII"}, "0 100", "-1"),
        ({"weight": True}, "1 011", "3"),
    ],
)
def test_an_outcome_has_one_label(spec: dict[str, Any], outcome: str, label: str) -> None:
    assert grouper(spec, TWO_REGISTERS).group(outcome) == label


@pytest.mark.parametrize(("spec", "widths"), SPECS)
@given(shots=st.lists(st.integers(0, 1000), min_size=16, max_size=16))
def test_folding_keeps_every_shot(spec: dict[str, Any], widths: tuple[int, ...], shots: list[int]) -> None:
    counts = {f"{number >> 3} {number & 7:03b}": count for number, count in enumerate(shots)}
    folded = grouper(spec, widths).fold(counts)
    assert sum(folded.values()) == sum(shots)
    assert all(isinstance(count, int) for count in folded.values())
    assert list(folded) == sorted(folded)


def test_folding_adds_probabilities() -> None:
    folded = grouper({"observable": "ZZI"}, THREE).fold({"000": 0.4, "110": 0.35, "011": 0.25})
    assert folded == {"+1": 0.75, "-1": 0.25}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (None, "exactly one of bits, bins, observable, weight"),
        ({}, "exactly one of"),
        ({"bits": [0], "weight": True}, "exactly one of"),
        ({"bits": [0], "other": "x"}, "knows no other"),
        ({"bits": []}, "list of bit numbers"),
        ({"bits": "01"}, "list of bit numbers"),
        ({"bits": [True]}, "list of bit numbers"),
        ({"bits": [3]}, "there is no bit 3, the bits are 0 to 2"),
        ({"bits": [-1]}, "there is no bit -1"),
        ({"bits": [1, 1]}, "names a bit twice"),
        ({"bins": {}}, "mapping of names"),
        ({"bins": {0: ["000"]}}, "a name is text, not 0; quote it"),
        ({"bins": {"a": ["000"]}, "other": 1}, "a name is text, not 1"),
        ({"bins": {"a": "000"}}, "needs a list of bitstrings"),
        ({"bins": {"a": []}}, "needs a list of bitstrings"),
        ({"bins": {"a": [8]}}, "'a': 8 is a number: quote bitstrings, or YAML reads 010 as 8"),
        ({"bins": {"a": ["00"]}}, 'no outcome of these registers, which look like "000"'),
        ({"bins": {"a": ["0 00"]}}, "no outcome of these registers"),
        ({"bins": {"a": ["00x"]}}, "no outcome of these registers"),
        ({"bins": {"a": ["000"], "b": ["000"]}}, "is in 'a' and in 'b'"),
        ({"observable": "ZZ"}, "no observable of 3 bits"),
        ({"observable": "XXI"}, "one I or Z for each bit"),
        ({"observable": "III"}, "it needs a Z"),
        ({"weight": 1}, "weight takes true"),
    ],
)
def test_a_spec_that_means_nothing_is_refused_with_a_sentence(spec: object, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        grouper(spec, THREE)
    assert message in str(refused.value)


def test_an_outcome_of_other_registers_is_refused() -> None:
    with pytest.raises(ValueError, match="no outcome of these registers"):
        grouper({"weight": True}, TWO_REGISTERS).group("0000")
