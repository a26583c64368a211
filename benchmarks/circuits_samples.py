"""Circuits that are measured, and others made from them: with a fault, or the same written differently."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from qiskit import QuantumCircuit, transpile
from qiskit.circuit import CircuitInstruction

Maker = Callable[[], QuantumCircuit]


def ghz(n: int, *, turned: bool = False) -> QuantumCircuit:
    """turned: begun by a rotation, whose angle can be off, instead of a Hadamard gate."""
    circuit = QuantumCircuit(n, n)
    if turned:
        circuit.ry(math.pi / 2, 0)
    else:
        circuit.h(0)
    for qubit in range(n - 1):
        circuit.cx(qubit, qubit + 1)
    return measured(circuit)


def inverse_qft(n: int, value: int) -> QuantumCircuit:
    """The phases of a number, and the Fourier transform that brings it back."""
    circuit = QuantumCircuit(n, n)
    for qubit in range(n):
        circuit.h(qubit)
        circuit.p(2 * math.pi * value * 2**qubit / 2**n, qubit)
    for qubit in range(n // 2):
        circuit.swap(qubit, n - 1 - qubit)
    for target in range(n):
        for control in range(target):
            circuit.cp(-math.pi / 2 ** (target - control), control, target)
        circuit.h(target)
    return measured(circuit)


def qft(n: int) -> QuantumCircuit:
    """The Fourier transform of a product state with different angles."""
    circuit = QuantumCircuit(n, n)
    for qubit in range(n):
        circuit.ry(0.9 + 0.2 * qubit, qubit)
    for target in reversed(range(n)):
        circuit.h(target)
        for control in reversed(range(target)):
            circuit.cp(math.pi / 2 ** (target - control), control, target)
    return measured(circuit)


def grover() -> QuantumCircuit:
    """Two rounds of the search for 101 among 8."""
    circuit = QuantumCircuit(3, 3)
    circuit.h(range(3))
    for _ in range(2):
        circuit.x(1)
        _flip(circuit)
        circuit.x(1)
        circuit.h(range(3))
        circuit.x(range(3))
        _flip(circuit)
        circuit.x(range(3))
        circuit.h(range(3))
    return measured(circuit)


def _flip(circuit: QuantumCircuit) -> None:
    circuit.h(2)
    circuit.ccx(0, 1, 2)
    circuit.h(2)


def random_circuit(n: int, layers: int, seed: int) -> QuantumCircuit:
    """Layers of random turns and of cx along a line."""
    draw = Random(seed)
    circuit = QuantumCircuit(n, n)
    for layer in range(layers):
        for qubit in range(n):
            circuit.ry(draw.uniform(0, 2 * math.pi), qubit)
            circuit.rz(draw.uniform(0, 2 * math.pi), qubit)
        for qubit in range(layer % 2, n - 1, 2):
            circuit.cx(qubit, qubit + 1)
    return measured(circuit)


def hidden_string(n: int, secret: int) -> QuantumCircuit:
    """Bernstein and Vazirani's: the last qubit is the oracle's."""
    circuit = QuantumCircuit(n + 1, n)
    circuit.x(n)
    circuit.h(range(n + 1))
    for qubit in range(n):
        if secret >> qubit & 1:
            circuit.cx(qubit, n)
    circuit.h(range(n))
    circuit.measure(range(n), range(n))
    return circuit


def qaoa(n: int, gamma: float, beta: float) -> QuantumCircuit:
    """One layer on a ring."""
    circuit = QuantumCircuit(n, n)
    circuit.h(range(n))
    for qubit in range(n):
        circuit.rzz(gamma, qubit, (qubit + 1) % n)
    circuit.rx(beta, range(n))
    return measured(circuit)


def w_state(n: int) -> QuantumCircuit:
    circuit = QuantumCircuit(n, n)
    circuit.x(0)
    for qubit in range(n - 1):
        circuit.cry(2 * math.acos(math.sqrt(1 / (n - qubit))), qubit, qubit + 1)
        circuit.cx(qubit + 1, qubit)
    return measured(circuit)


def adder(a: int, b: int) -> QuantumCircuit:
    """Two bits and two bits, with carries: qubits a0 a1, b0 b1, then two carries."""
    circuit = QuantumCircuit(6, 6)
    for bit in range(2):
        if a >> bit & 1:
            circuit.x(bit)
        if b >> bit & 1:
            circuit.x(2 + bit)
    circuit.ccx(0, 2, 4)
    circuit.cx(0, 2)
    circuit.ccx(1, 3, 5)
    circuit.cx(1, 3)
    circuit.ccx(4, 3, 5)
    circuit.cx(4, 3)
    return measured(circuit)


def teleported(angle: float) -> QuantumCircuit:
    """Mended by what was measured midway."""
    circuit = QuantumCircuit(3, 3)
    circuit.ry(angle, 0)
    circuit.h(1)
    circuit.cx(1, 2)
    circuit.cx(0, 1)
    circuit.h(0)
    circuit.measure([0, 1], [0, 1])
    with circuit.if_test((circuit.clbits[1], 1)):
        circuit.x(2)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.z(2)
    circuit.measure(2, 2)
    return circuit


def measured(circuit: QuantumCircuit) -> QuantumCircuit:
    circuit.measure(range(circuit.num_qubits), range(circuit.num_clbits))
    return circuit


MODELS: dict[str, Maker] = {
    "Bell": lambda: ghz(2),
    "GHZ-5": lambda: ghz(5),
    "GHZ-5 turned": lambda: ghz(5, turned=True),
    "QFT-6": lambda: inverse_qft(6, 13),
    "Grover-3": grover,
    "random-10": lambda: random_circuit(10, 3, 1),
}
"""What the figures of a pass are measured on."""

STOCK: dict[str, Maker] = {
    "bell_turned": lambda: ghz(2, turned=True),
    "ghz3": lambda: ghz(3),
    "ghz5_turned": lambda: ghz(5, turned=True),
    "iqft3": lambda: inverse_qft(3, 5),
    "iqft5": lambda: inverse_qft(5, 11),
    "qft4": lambda: qft(4),
    "grover3": grover,
    "hidden5": lambda: hidden_string(5, 0b10110),
    "qaoa4": lambda: qaoa(4, 0.6, 1.2),
    "qaoa7": lambda: qaoa(7, 0.7, 0.8),
    "w4": lambda: w_state(4),
    "adder": lambda: adder(3, 2),
    "teleported": lambda: teleported(1.1),
    "random4": lambda: random_circuit(4, 4, 2),
    "random6": lambda: random_circuit(6, 3, 3),
    "random8": lambda: random_circuit(8, 2, 4),
}
"""What pairs are made from."""


class Pair(NamedTuple):
    """kind: of the change."""

    name: str
    kind: str
    fixed: QuantumCircuit
    changed: QuantumCircuit


def pairs(each: int, seed: int) -> Iterator[Pair]:
    """For every circuit of the stock so many of each kind of change, at places that the seed chooses."""
    for name, maker in STOCK.items():
        for kind, change in CHANGES.items():
            for number in range(each):
                circuit, draw = maker(), Random(f"{seed} {name} {kind} {number}")
                if (changed := change(circuit, draw)) is not None:
                    yield Pair(f"{name}-{kind}-{number}", kind, circuit, changed)


def _gates(circuit: QuantumCircuit, least: int = 1) -> list[int]:
    """Positions of gates on at least so many qubits."""
    kept = ("measure", "if_else", "barrier")
    return [place for place, step in enumerate(circuit.data) if step.name not in kept and len(step.qubits) >= least]


def _with(circuit: QuantumCircuit, place: int, *instead: CircuitInstruction) -> QuantumCircuit:
    changed = circuit.copy_empty_like()
    for position, step in enumerate(circuit.data):
        for one in instead if position == place else (step,):
            changed.append(one)
    return changed


def _dropped(circuit: QuantumCircuit, draw: Random) -> QuantumCircuit:
    return _with(circuit, draw.choice(_gates(circuit)))


def _angle(circuit: QuantumCircuit, draw: Random) -> QuantumCircuit | None:
    places = [place for place in _gates(circuit) if circuit.data[place].operation.params]
    if not places:
        return None
    place = draw.choice(places)
    gate = circuit.data[place].operation.to_mutable()
    gate.params = [gate.params[0] + draw.choice((-1, 1)) * draw.uniform(0.05, 1.0), *gate.params[1:]]
    return _with(circuit, place, circuit.data[place].replace(operation=gate))


def _turned_round(circuit: QuantumCircuit, draw: Random) -> QuantumCircuit | None:
    places = _gates(circuit, 2)
    if not places:
        return None
    place = draw.choice(places)
    step = circuit.data[place]
    return _with(circuit, place, step.replace(qubits=tuple(reversed(step.qubits))))


def _extra(circuit: QuantumCircuit, draw: Random) -> QuantumCircuit:
    place = draw.choice(_gates(circuit))
    step = circuit.data[place]
    more = QuantumCircuit(1)
    getattr(more, draw.choice(("x", "z", "h", "s", "sx")))(0)
    stray = CircuitInstruction(more.data[0].operation, (draw.choice(step.qubits),))
    return _with(circuit, place, step, stray)


def _permuted(circuit: QuantumCircuit, draw: Random) -> QuantumCircuit | None:
    """The last measurements written to each other's bits."""
    ends = [place for place, step in enumerate(circuit.data) if step.name == "measure"][-circuit.num_clbits :]
    if len(ends) < 2 or "if_else" in circuit.count_ops():
        return None
    bits = [circuit.data[place].clbits[0] for place in ends]
    draw.shuffle(bits)
    changed = circuit.copy_empty_like()
    for position, step in enumerate(circuit.data):
        changed.append(step.replace(clbits=(bits[ends.index(position)],)) if position in ends else step)
    return changed


def _same_compiled(circuit: QuantumCircuit, draw: Random) -> QuantumCircuit:
    """The same in a device's gates."""
    gates = ["rz", "sx", "x", "cx", "if_else"]
    return transpile(circuit, basis_gates=gates, optimization_level=draw.randrange(3), seed_transpiler=1)


def _same_with_idle_pairs(circuit: QuantumCircuit, draw: Random) -> QuantumCircuit:
    """The same with a gate and its inverse put in."""
    place = draw.choice(_gates(circuit))
    step = circuit.data[place]
    inverse = step.replace(operation=step.operation.inverse())
    return _with(circuit, place, step, inverse, step)


CHANGES: dict[str, Callable[[QuantumCircuit, Random], QuantumCircuit | None]] = {
    "dropped": _dropped,
    "angle": _angle,
    "turned": _turned_round,
    "extra": _extra,
    "permuted": _permuted,
    "compiled": _same_compiled,
    "idle": _same_with_idle_pairs,
}
