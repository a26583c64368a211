"""The figures of a circuit, what changed between two, and drawings that stay small."""

from __future__ import annotations

import json

from gate_samples import ghz, teleportation
from qiskit import QuantumCircuit

from pytest_llmgate.core.baseline import shape_changes
from pytest_llmgate.core.codec import canonical, plain
from pytest_llmgate.quantum.shape import MAX_DRAWN_LINES, Shape, drawing, shape_of


def test_a_circuit_in_figures() -> None:
    assert shape_of(ghz(3)) == Shape(
        qubits=3,
        widths=(3,),
        gates={"cx": 2, "h": 1, "measure": 3},
        depth=4,
        two_qubit=2,
        measurements=3,
        dynamic=False,
    )


def test_bodies_of_control_flow_count() -> None:
    shape = shape_of(teleportation())
    assert shape.gates == {"cx": 2, "h": 2, "if_else": 2, "measure": 3, "ry": 1, "x": 1, "z": 1}
    assert (shape.widths, shape.two_qubit, shape.measurements, shape.dynamic) == ((1, 2), 2, 3, True)


def test_the_figures_are_plain_json() -> None:
    assert json.loads(canonical(shape_of(ghz(2))))["gates"] == {"cx": 1, "h": 1, "measure": 2}


def test_changes_are_told_one_by_one() -> None:
    old, new = ghz(4), ghz(4)
    del new.data[2]
    was, now, other = (plain(shape_of(circuit)) for circuit in (old, new, teleportation()))
    assert shape_changes(was, now) == ("cx: 3 → 2", "depth: 5 → 3", "two-qubit gates: 3 → 2")
    assert shape_changes(was, was) == ()
    assert {"if_else: 0 → 2", "measure: 4 → 3", "depth: 5 → 7"} < set(shape_changes(was, other))


def test_a_small_circuit_is_drawn_whole() -> None:
    text = drawing(ghz(3))
    assert text.count("┤ X ├") == 2
    assert "not drawn" not in text


def test_what_is_left_out_of_a_drawing_is_said() -> None:
    long, wide = QuantumCircuit(2), ghz(500)
    for _ in range(1000):
        long.cx(0, 1)
    assert drawing(long).endswith("… 800 more operations not drawn")
    assert "more operations" in drawing(wide).split("\n")[-1]
    assert all(len(drawing(circuit).split("\n")) <= MAX_DRAWN_LINES + 1 for circuit in (long, wide))
