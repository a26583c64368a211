"""The faults that a test of a circuit looks for by name, made from the reference circuit.

Each is the reference with one mistake of the kind that people make: a gate missing, an angle off by 0.1, control and
target swapped, a basis change before a measurement forgotten; and two that need no circuit: the bits of the outcomes
in reverse, and twice the noise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from qiskit import QuantumCircuit

from pytest_llmgate.quantum.edit_keys import EditKey, EditKeys
from pytest_llmgate.quantum.edits import Edit, edits, with_edit
from pytest_llmgate.quantum.walk import expanded

Kind = Literal["basis-missing", "gate-missing", "swapped", "angle", "reversed", "noise-doubled"]
Transform = Literal["reverse-bits", "double-noise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitAlternative:
    """A named fault.

    circuit: the faulty circuit, measured as the reference is; None where `transform` says what happens instead to the
    reference's outcomes (`reverse-bits`) or to its noise (`double-noise`).
    """

    name: str
    kind: Kind
    circuit: QuantumCircuit | None = None
    transform: Transform | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternatives:
    """The faults of a circuit, in a fixed order. left_out: how many more there would have been without the limit."""

    chosen: tuple[CircuitAlternative, ...]
    left_out: int


def alternatives(circuit: QuantumCircuit, *, most: int) -> Alternatives:
    """Named faults of a circuit, no two of which are the same circuit and none of which is the reference.

    most: at least 2. Where there are more, the kinds share it evenly and each kind's places are spread over the
    circuit. Gate definitions are expanded first. Raises `circuit-too-long`.
    """
    whole = _whole(circuit)
    plain = expanded(circuit)
    found = _distinct(plain, _named(edits(plain)))
    kept = spread([edit.kind for edit in found], max(0, most - len(whole)))
    built = (_built(plain, found[index]) for index in kept)
    return Alternatives(chosen=(*built, *whole[:most]), left_out=len(found) - len(kept))


def _whole(circuit: QuantumCircuit) -> list[CircuitAlternative]:
    """Faults of the circuit as a whole."""
    faults = [CircuitAlternative(name="noise doubled", kind="noise-doubled", transform="double-noise")]
    if circuit.num_clbits > 1:
        faults.insert(0, CircuitAlternative(name="bit order reversed", kind="reversed", transform="reverse-bits"))
    return faults


def _named(found: Iterable[Edit]) -> list[Edit]:
    """Edits of the same name get the ordinal of the gate that they are about."""
    listed = list(found)
    total = Counter(edit.name for edit in listed)
    seen: Counter[str] = Counter()
    named = []
    for edit in listed:
        seen[edit.name] += 1
        mark = f" ({seen[edit.name]} of {total[edit.name]})" if total[edit.name] > 1 else ""
        named.append(edit._replace(name=edit.name + mark))
    return named


def _distinct(circuit: QuantumCircuit, some: Sequence[Edit]) -> list[Edit]:
    """Edits without those that make the circuit itself, or one that came out before; the first name stays."""
    keys = EditKeys(circuit)
    first: dict[EditKey, Edit] = {}
    for edit in some:
        if key := keys.key(edit):
            first.setdefault(key, edit)
    return list(first.values())


def _built(circuit: QuantumCircuit, edit: Edit) -> CircuitAlternative:
    return CircuitAlternative(name=edit.name, kind=edit.kind, circuit=with_edit(circuit, edit))


def spread(kinds: Sequence[str], most: int) -> list[int]:
    """Indices of at most so many items: the same number of each kind as far as there are, evenly over their places."""
    places: dict[str, list[int]] = {}
    for index, kind in enumerate(kinds):
        places.setdefault(kind, []).append(index)
    chosen: list[int] = []
    left = most
    for waiting, group in zip(range(len(places), 0, -1), sorted(places.values(), key=len), strict=True):
        share = min(len(group), left // waiting)
        chosen += [group[step * len(group) // share] for step in range(share)]
        left -= share
    return sorted(chosen)


def reverse_bits(distribution: Mapping[str, Any]) -> dict[str, Any]:
    """The outcomes with the bits of each register in reverse; registers keep their places."""
    return {" ".join(group[::-1] for group in outcome.split(" ")): share for outcome, share in distribution.items()}
