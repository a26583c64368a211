"""What is known of a device's errors, cut to the qubits that a circuit uses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from pytest_llmgate.core.codec import digest

PairGate = str
PAIR_GATES: Final = ("cx", "cz", "ecr")
"""Two-qubit gates that a device may have as its own; each maximally entangling, none with a parameter."""


class QubitNoise(NamedTuple):
    """Errors of one qubit.

    t1_ns, t2_ns: relaxation and dephasing times (ns, inf for none, t2 <= 2 t1). p01: P(1 is read | 0), p10: P(0 is
    read | 1). depolarizing, gate_ns: probability in [0, 1] and duration of one of its gates (sx, x, id; rz is virtual).
    """

    t1_ns: float = math.inf
    t2_ns: float = math.inf
    p01: float = 0.0
    p10: float = 0.0
    depolarizing: float = 0.0
    gate_ns: float = 0.0


class PairNoise(NamedTuple):
    """Errors of a two-qubit gate: its depolarizing probability in [0, 1] and its duration (ns)."""

    depolarizing: float = 0.0
    gate_ns: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Errors of n qubits, numbered 0 … n-1.

    pair_gate: the device's own two-qubit gate. qubits: one entry a qubit. pairs: the coupled ones, by (control,
    target). any_pair: set instead of `pairs` where every pair is coupled alike, which needs no routing.
    """

    pair_gate: PairGate
    qubits: tuple[QubitNoise, ...]
    pairs: Mapping[tuple[int, int], PairNoise] = field(default_factory=dict)
    any_pair: PairNoise | None = None

    @property
    def basis(self) -> tuple[str, ...]:
        """Names of the gates that the device runs."""
        return (self.pair_gate, "id", "rz", "sx", "x")

    def digest(self) -> str:
        """Content digest: equal for equal errors, whatever file they came from."""
        pairs = [[*pair, *map(_exact, noise)] for pair, noise in sorted(self.pairs.items())]
        qubits = [list(map(_exact, qubit)) for qubit in self.qubits]
        anywhere = None if self.any_pair is None else list(map(_exact, self.any_pair))
        return digest([self.pair_gate, qubits, pairs, anywhere])


def _exact(value: float) -> str:
    return float(value).hex()


def scaled(calibration: Calibration, scale: float) -> tuple[Calibration, tuple[str, ...]]:
    """The same device with `scale` times the noise, and what had to be clipped on the way.

    Probabilities of depolarizing and of readout are multiplied, T1 and T2 divided by `scale` (finite, at least 0;
    0 is no noise at all). A depolarizing probability ends at 1, where nothing is left of the state; a readout error
    ends at 1/2, where nothing is read (or where it was, if that is more).
    """
    if scale == 1.0:
        return calibration, ()
    qubits = tuple(_scaled_qubit(qubit, scale) for qubit in calibration.qubits)
    pairs = {pair: _scaled_pair(noise, scale) for pair, noise in calibration.pairs.items()}
    anywhere = None if calibration.any_pair is None else _scaled_pair(calibration.any_pair, scale)
    clipped = _clipped(calibration, scale)
    return replace(calibration, qubits=qubits, pairs=pairs, any_pair=anywhere), clipped


def _scaled_pair(pair: PairNoise, scale: float) -> PairNoise:
    return pair._replace(depolarizing=min(1.0, pair.depolarizing * scale))


def _scaled_qubit(qubit: QubitNoise, scale: float) -> QubitNoise:
    return QubitNoise(
        t1_ns=qubit.t1_ns / scale if scale else math.inf,
        t2_ns=qubit.t2_ns / scale if scale else math.inf,
        p01=min(max(0.5, qubit.p01), qubit.p01 * scale),
        p10=min(max(0.5, qubit.p10), qubit.p10 * scale),
        depolarizing=min(1.0, qubit.depolarizing * scale),
        gate_ns=qubit.gate_ns,
    )


def _clipped(calibration: Calibration, scale: float) -> tuple[str, ...]:
    """One sentence for each kind of error that would have left its range."""
    qubits = calibration.qubits
    gate_errors = [qubit.depolarizing for qubit in qubits]
    gate_errors += [pair.depolarizing for pair in calibration.pairs.values()]
    if calibration.any_pair is not None:
        gate_errors.append(calibration.any_pair.depolarizing)
    reads = sum(1 for q in qubits for p in (q.p01, q.p10) if scale > 1.0 and p * scale > max(0.5, p))
    gates = sum(1 for p in gate_errors if p * scale > 1.0)
    notes = []
    if reads:
        notes.append(f"noise × {scale:g}: {reads} readout errors end at 1/2, where nothing is read any more")
    if gates:
        notes.append(f"noise × {scale:g}: {gates} gate errors end at 1, where nothing is left of the state")
    return tuple(notes)
