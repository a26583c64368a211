"""Shots: drawn from exact probabilities, or simulated with seeds that know nothing of each other."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit

from pytest_llmgate.quantum.distribution import Distribution
from pytest_llmgate.quantum.sampling import aer_seed, draw, simulate

COIN = Distribution(("0", "1"), np.array([0.25, 0.75]))


def test_the_same_seed_draws_the_same_shots() -> None:
    first, again, other = draw(COIN, 1000, 7), draw(COIN, 1000, 7), draw(COIN, 1000, 8)
    assert first == again
    assert first.counts != other.counts
    assert sum(first.counts.values()) == 1000
    assert first.method == "exact"


def test_shots_follow_the_probabilities() -> None:
    """400 neighbouring seeds: mean and spread of a binomial, each within 4 standard errors (P < 10^-4)."""
    ones = np.array([draw(COIN, 100, seed).counts.get("1", 0) for seed in range(400)])
    assert abs(ones.mean() - 75.0) < 4 * np.sqrt(18.75 / 400)
    assert abs(ones.var(ddof=1) / 18.75 - 1.0) < 4 * np.sqrt(2 / 399)


def test_seeds_for_aer_have_31_bits_and_do_not_follow_each_other() -> None:
    seeds = [aer_seed(seed) for seed in range(1000)]
    assert len(set(seeds)) == 1000
    assert all(0 <= seed < 2**31 for seed in seeds)
    gaps = np.abs(np.diff(np.array(seeds)))
    assert gaps.min() > 10_000, "neighbours stay apart (a smaller gap would come in fewer than 1 % of choices)"
    assert aer_seed(2**53 - 1) == aer_seed(2**53 - 1)


@pytest.mark.slow
def test_neighbouring_seeds_give_independent_shots_in_circuits_with_a_reset() -> None:
    """Aer's own neighbouring seeds spread far less than a binomial does here (Qiskit/qiskit-aer#1916).

    100 seeds of 400 shots: mean and variance within 4 standard errors of those of a binomial (P < 10^-4).
    """
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.reset(0)
    circuit.h(0)
    circuit.measure(0, 0)
    ones = np.array([simulate(circuit, None, "statevector", 400, seed).counts.get("1", 0) for seed in range(100)])
    assert abs(ones.mean() - 200.0) < 4 * np.sqrt(100 / 100)
    assert abs(ones.var(ddof=1) / 100.0 - 1.0) < 4 * np.sqrt(2 / 99)
