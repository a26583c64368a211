"""Bitstrings and literal distributions: what YAML makes of them, and what is said then."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, QuantumRegister

from pytest_llmgate.core.errors import LlmgateError, Where
from pytest_llmgate.quantum.outcomes import check_bitstrings, read_distribution, spaced, widths

AT = Where("suites/a.suite.yaml", 9)


def refusal(value: Any, sizes: tuple[int, ...]) -> str:
    with pytest.raises(LlmgateError) as caught:
        read_distribution(value, sizes, AT)
    assert caught.value.problems[0].where == AT
    return str(caught.value)


def test_registers_are_listed_as_they_are_printed() -> None:
    circuit = QuantumCircuit(QuantumRegister(3), ClassicalRegister(2, "first"), ClassicalRegister(1, "last"))
    assert widths(circuit) == (1, 2)
    assert widths(QuantumCircuit(2, 2)) == (2,)
    assert widths(QuantumCircuit(2)) == (0,)


def test_a_sound_distribution_is_read_sorted_and_sums_to_one() -> None:
    read = read_distribution({"11": 0.4999999, "00": 0.5}, (2,), AT)
    assert list(read) == ["00", "11"]
    assert sum(read.values()) == pytest.approx(1, abs=1e-15)
    assert read_distribution({"1 00": 1}, (1, 2), AT) == {"1 00": 1.0}


@pytest.mark.parametrize(
    ("value", "sizes", "says"),
    [
        ({8: 1.0}, (3,), "the outcome 8 is a number: without quotes YAML reads 010 as 8"),
        ({0: 1.0}, (2,), 'write it in quotes with all of its bits, such as "00"'),
        ({True: 1.0}, (1,), "the outcome True is a bool"),
        ({"0": 1.0}, (2,), "'0' has 1 bit, the register has 2"),
        ({"0 0": 1.0}, (2,), 'has a space, the register has 2; write it like "00"'),
        ({"012": 1.0}, (3,), "'012' has '2' in it"),
        ({"0x1": 1.0}, (3,), "'0x1' has 'x' in it"),
        ({"011": 1.0}, (1, 2), 'put a space between registers, like "0 11"'),
        ({"01 1": 1.0}, (1, 2), 'put a space between registers, like "0 11"'),
        ({"0": 1.0}, (1, 2), 'put a space between registers, like "0 00"'),
    ],
)
def test_outcomes_in_another_form_show_the_right_one(value: Any, sizes: tuple[int, ...], says: str) -> None:
    message = refusal(value, sizes)
    assert says in message
    assert "[circuit-bitstring]" in message


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"0": 0.5, "1": 0.4}, "the probabilities sum to 0.9, not to 1"),
        ({"0": 512, "1": 512}, "these look like counts: divide them by 1024"),
        ({"0": float("nan"), "1": 1}, "the probability of '0' is nan"),
        ({"0": float("inf")}, "the probability of '0' is inf"),
        ({"0": -0.5, "1": 1.5}, "the probability of '0' is -0.5"),
        ({"0": "1/2", "1": 0.5}, "the probability of '0' is '1/2'"),
        ({"0": True}, "the probability of '0' is 'True'"),
        ({}, "a mapping of bitstrings"),
        ([0.5, 0.5], "a mapping of bitstrings"),
    ],
)
def test_what_is_no_distribution_says_why(value: Any, says: str) -> None:
    message = refusal(value, (1,))
    assert says in message
    assert "[circuit-probabilities]" in message


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5), st.data())
@settings(deadline=None, derandomize=True)
def test_cutting_bits_into_registers_gives_a_string_that_is_accepted(sizes: list[int], data: st.DataObject) -> None:
    bits = data.draw(st.text("01", min_size=sum(sizes), max_size=sum(sizes)))
    string = spaced(bits, sizes)
    check_bitstrings([string], sizes, AT)
    assert string.replace(" ", "") == bits
