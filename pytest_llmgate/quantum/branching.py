"""Exact outcome probabilities of small dynamic circuits: measured on the way, reset, and gates that depend on bits.

A density matrix is carried for every content of the classical bits, so that states with the same content are added
and at most 2 to the number of bits are ever kept. Readout errors enter where a bit is written: what later gates depend
on is the bit as it was read, as on a device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from qiskit import QuantumCircuit
from qiskit.circuit.classical import expr
from qiskit.circuit.controlflow import CASE_DEFAULT

from pytest_llmgate.quantum.classical import Unsupported, evaluate
from pytest_llmgate.quantum.density import Density, NoisyMaps
from pytest_llmgate.quantum.noise import Device
from pytest_llmgate.quantum.walk import Op, inside, operations

MOST_NUMBERS: Final = 1 << 22
"""Complex numbers that all branches may hold together (64 MB)."""
MOST_WORK: Final = 500_000_000
"""Numbers touched in all, some seconds of work; beyond, shots are drawn instead."""
_LEAST_WORK: Final = 20_000  # what one step costs, however small the state
_FORGOTTEN: Final = 1e-14
"""A branch less probable than this is dropped; what is dropped is not found within 10^12 shots."""

_States = dict[int, Density]  # by the content of the classical bits, bit k of the number being clbit k


class TooManyBranches(Exception):  # noqa: N818 - reads as what happened
    """The circuit branches, loops or computes more than can be followed exactly."""


@dataclass(slots=True)
class _Follower:
    """Follows all branches through a circuit; size: numbers of one state."""

    device: Device
    maps: NoisyMaps
    size: int
    work: int = 0

    def run(self, ops: Iterable[Op], states: _States) -> _States:
        for op in ops:
            numbers = len(states) * self.size
            self.work += max(numbers, _LEAST_WORK * len(states))
            if numbers > MOST_NUMBERS or self.work > MOST_WORK:
                raise TooManyBranches
            states = self._step(op, states)
        return states

    def _step(self, op: Op, states: _States) -> _States:
        if op.name == "measure":
            return self._measured(op.qubits[0], op.clbits[0], states)
        if op.name in _FLOW:
            return _FLOW[op.name](self, op, states)
        if op.blocks or op.clbits or op.name in ("store", "break_loop", "continue_loop"):
            raise TooManyBranches
        if op.name != "delay":
            superoperator = self.maps.of(op.operation, op.qubits)
            for state in states.values():
                state.apply(superoperator, op.qubits)
        return states

    def _measured(self, qubit: int, clbit: int, states: _States) -> _States:
        p01, p10 = self.device.readout(qubit)
        found: _States = {}
        for bits, state in states.items():
            parts = state.projected(qubit, 0), state.projected(qubit, 1)
            zero = parts[0].times(1.0 - p01).plus(parts[1], p10)
            one = parts[1].times(1.0 - p10).plus(parts[0], p01)
            _add(found, bits & ~(1 << clbit), zero)
            _add(found, bits | (1 << clbit), one)
        return found

    def _if(self, op: Op, states: _States) -> _States:
        condition = _as_expression(op.operation.condition)
        taken, passed = _split(states, lambda bits: bool(_value(condition, op, bits)))
        bodies = list(inside(op))
        taken = self.run(bodies[0], taken) if taken else {}
        if passed and len(bodies) > 1:
            passed = self.run(bodies[1], passed)
        return _joined(taken, passed)

    def _while(self, op: Op, states: _States) -> _States:
        condition = _as_expression(op.operation.condition)
        done: _States = {}
        while states:
            states, passed = _split(states, lambda bits: bool(_value(condition, op, bits)))
            done = _joined(done, passed)
            states = {bits: state for bits, state in states.items() if state.trace() > _FORGOTTEN}
            if states:
                states = self.run(next(inside(op)), states)
        return done

    def _for(self, op: Op, states: _States) -> _States:
        indices, parameter, _ = op.operation.params
        if parameter is not None and parameter in op.operation.blocks[0].parameters:
            raise TooManyBranches
        for _ in indices:
            states = self.run(next(inside(op)), states)
        return states

    def _switch(self, op: Op, states: _States) -> _States:
        target = _as_target(op.operation.target)
        cases = [labels for labels, _ in op.operation.cases_specifier()]
        done: _States = {}
        for labels, body in zip(cases, inside(op), strict=True):
            fits = lambda bits, labels=labels: CASE_DEFAULT in labels or int(_value(target, op, bits)) in labels  # noqa: E731
            taken, states = _split(states, fits)
            done = _joined(done, self.run(body, taken) if taken else {})
        return _joined(done, states)


_FLOW: Mapping[str, Callable[[_Follower, Op, _States], _States]] = {
    "if_else": _Follower._if,
    "while_loop": _Follower._while,
    "for_loop": _Follower._for,
    "switch_case": _Follower._switch,
}


def branches(circuit: QuantumCircuit, device: Device, maps: NoisyMaps) -> Mapping[int, Density]:
    """States by content of the classical bits after a compiled circuit; bit k of the number is clbit k.

    Each state's trace is the probability of its content. Raises TooManyBranches where they cannot be followed.
    """
    follower = _Follower(device, maps, 4**circuit.num_qubits)
    return follower.run(operations(circuit), {0: Density(circuit.num_qubits)})


def _add(states: _States, bits: int, state: Density) -> None:
    known = states.get(bits)
    states[bits] = state if known is None else known.plus(state, 1.0)


def _joined(first: _States, second: _States) -> _States:
    found = dict(first)
    for bits, state in second.items():
        _add(found, bits, state)
    return found


def _split(states: _States, holds: Callable[[int], bool]) -> tuple[_States, _States]:
    taken = {bits: state for bits, state in states.items() if holds(bits)}
    return taken, {bits: state for bits, state in states.items() if bits not in taken}


def _as_expression(condition: Any) -> Any:
    return condition if isinstance(condition, expr.Expr) else expr.lift_legacy_condition(condition)


def _as_target(target: Any) -> Any:
    return target if isinstance(target, expr.Expr) else expr.lift(target)


def _value(expression: Any, op: Op, bits: int) -> int:
    try:
        return evaluate(expression, op.scope, bits)
    except Unsupported:
        raise TooManyBranches from None
