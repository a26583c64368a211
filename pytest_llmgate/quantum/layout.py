"""Which qubits of a device a circuit is laid on: good ones, and the same for every circuit of that width."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.quantum.snapshots import Snapshot

WORST_PAIR: Final = 0.5
"""A pair with a larger error was not calibrated (devices report 1); it is never used."""

_BEAM: Final = 128

_Costs = Mapping[int, Mapping[int, float]]


def layout_for(snapshot: Snapshot, n: int, where: Where | None = None) -> tuple[int, ...]:
    """n coupled physical qubits; logical qubit i goes to entry i.

    A path of low error where one is found (a chain of gates then needs no swap), else the connected region grown from
    the best qubit. The choice depends on the snapshot and on n alone, so that a circuit and its reference suffer the
    same noise. Raises LlmgateError `circuit-too-wide` where the device has no such region.
    """
    couplings = _couplings(snapshot)
    qubit_cost = [_lost((qubit.p01 + qubit.p10) / 2.0) for qubit in snapshot.qubits]
    found = _best_path(couplings, qubit_cost, n) or _best_region(couplings, qubit_cost, n)
    if found is None:
        most = max(map(len, _components(couplings, range(len(snapshot.qubits)))), default=1)
        message = f"the circuit uses {n} qubits; {snapshot.name} couples at most {most} of its {len(qubit_cost)}"
        raise problem("circuit-too-wide", message, where, "use fewer qubits, or the snapshot of a wider device")
    return found


def usable_pairs(snapshot: Snapshot) -> frozenset[tuple[int, int]]:
    """Ordered pairs that the device really couples."""
    return frozenset((edge.control, edge.target) for edge in snapshot.edges if edge.error_2q <= WORST_PAIR)


def _lost(error: float) -> float:
    """-ln of what is left, so that costs add where fidelities multiply."""
    return -math.log1p(-min(error, 0.999))


def _couplings(snapshot: Snapshot) -> dict[int, dict[int, float]]:
    """For each qubit its neighbours and the cost of the better direction of their gate."""
    usable = usable_pairs(snapshot)
    couplings: dict[int, dict[int, float]] = {qubit: {} for qubit in range(len(snapshot.qubits))}
    for edge in snapshot.edges:
        if (edge.control, edge.target) in usable:
            for a, b in ((edge.control, edge.target), (edge.target, edge.control)):
                couplings[a][b] = min(couplings[a].get(b, math.inf), _lost(edge.error_2q))
    return couplings


def _best_path(couplings: _Costs, qubit_cost: list[float], n: int) -> tuple[int, ...] | None:
    """The cheapest path of n qubits among those that a beam search meets; None where it meets none."""
    paths: list[tuple[float, tuple[int, ...]]]
    paths = sorted((cost, (qubit,)) for qubit, cost in enumerate(qubit_cost))
    for _ in range(n - 1):
        longer = (
            (cost + step + qubit_cost[following], (*path, following))
            for cost, path in paths
            for following, step in couplings[path[-1]].items()
            if following not in path
        )
        paths = sorted(longer)[:_BEAM]
    return paths[0][1] if paths else None


def _best_region(couplings: _Costs, qubit_cost: list[float], n: int) -> tuple[int, ...] | None:
    """The cheapest of the regions grown from every qubit by always adding the cheapest neighbour."""
    grown = (_grow(start, couplings, qubit_cost, n) for start in couplings)
    return min((region for region in grown if region is not None), default=(0.0, None))[1]


def _grow(start: int, couplings: _Costs, qubit_cost: list[float], n: int) -> tuple[float, tuple[int, ...]] | None:
    region, total = [start], qubit_cost[start]
    while len(region) < n:
        border = (
            (step + qubit_cost[following], following)
            for inside in region
            for following, step in couplings[inside].items()
            if following not in region
        )
        cost, chosen = min(border, default=(0.0, -1))
        if chosen < 0:
            return None
        region.append(chosen)
        total += cost
    return total, tuple(region)


def _components(couplings: _Costs, qubits: Iterable[int]) -> list[set[int]]:
    """Sets of qubits that are coupled with each other."""
    left, found = set(qubits), []
    while left:
        edge, component = {left.pop()}, set()
        while edge:
            qubit = edge.pop()
            component.add(qubit)
            edge |= set(couplings[qubit]) - component
        left -= component
        found.append(component)
    return found
