"""The device that a circuit runs on: the qubits used, their errors, and the same for Qiskit Aer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from pytest_llmgate.core.circuit import NoisePlan
from pytest_llmgate.core.codec import digest
from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.quantum.calibration import Calibration, PairNoise, QubitNoise, scaled
from pytest_llmgate.quantum.channels import RESET, Channel, depolarizing_for, gate_channel
from pytest_llmgate.quantum.layout import layout_for, usable_pairs
from pytest_llmgate.quantum.parametric import parametric
from pytest_llmgate.quantum.snapshots import Snapshot, load_snapshot

MOST_SCALE: Final = 1000.0
_ONE_QUBIT_GATES = ("id", "sx", "x")


@dataclass(frozen=True, kw_only=True)
class Device:
    """n qubits with their noise; without a calibration a perfect machine that runs every circuit as it is written.

    label: for people. layout: the physical qubits of a snapshot. digest: equal for equal noise. channels: the error
    after each gate, by name and qubits; (name, ()) holds for all qubits. notes: what had to be clipped.
    """

    n: int
    label: str
    digest: str
    calibration: Calibration | None = None
    layout: tuple[int, ...] | None = None
    channels: Mapping[tuple[str, tuple[int, ...]], Channel] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def is_noisy(self) -> bool:
        """Whether anything differs from a perfect machine; a snapshot at scale 0 does not."""
        return bool(self.channels) or any(any(self.readout(qubit)) for qubit in range(self.n))

    @cached_property
    def model(self) -> Any:
        """A qiskit_aer NoiseModel, or None; made at first need, as it takes 50 ms and small circuits do without."""
        return None if self.calibration is None else _aer_model(self.calibration, self.channels)

    @property
    def is_clifford(self) -> bool:
        """Whether a stabilizer simulation can draw every error."""
        return all(channel.is_clifford for channel in self.channels.values())

    def channel(self, gate: str, qubits: tuple[int, ...]) -> Channel | None:
        """The error after a gate on these qubits."""
        return self.channels.get((gate, qubits)) or self.channels.get((gate, ()))

    def readout(self, qubit: int) -> tuple[float, float]:
        """P(1 is read | 0) and P(0 is read | 1)."""
        if self.calibration is None:
            return 0.0, 0.0
        return self.calibration.qubits[qubit].p01, self.calibration.qubits[qubit].p10


def build_noise(noise: NoisePlan | None, n: int, scale: float = 1.0, files: SuiteFiles | None = None) -> Device:
    """The device of n >= 1 qubits that a noise plan names, with `scale` times its noise.

    files: reads snapshot files of the user's own. Raises LlmgateError: unknown or broken snapshots, impossible
    parameters, more qubits than the device couples, a scale that is negative or not finite.
    """
    if noise is None:
        return Device(n=n, label="none", digest="none")
    if not 0.0 <= scale <= MOST_SCALE:  # NaN compares false
        raise problem("noise-scale", f"noise_scale is {scale}, not a number from 0 to {MOST_SCALE:g}", noise.where)
    layout = None
    if noise.snapshot is not None:
        snapshot = load_snapshot(noise.snapshot, files, noise.where)
        layout = layout_for(snapshot, n, noise.where)
        calibration, label = cut(snapshot, layout), f"{snapshot.name} ({snapshot.calibrated})"
    else:
        calibration, label = parametric(noise.params, n, noise.where), "parametric"
    calibration, notes = scaled(calibration, scale)
    return Device(
        n=n,
        label=label if scale == 1.0 else f"{label} × {scale:g}",
        digest=digest([calibration.digest(), layout]),
        calibration=calibration,
        layout=layout,
        channels=dict(_channels(calibration)),
        notes=notes,
    )


def cut(snapshot: Snapshot, layout: tuple[int, ...]) -> Calibration:
    """The errors of a layout's qubits, numbered as in the layout.

    Each gate's depolarizing probability is what relaxation leaves of its calibrated error. T2 above 2 T1, which
    calibrations show and physics excludes, counts as 2 T1.
    """
    place = {physical: number for number, physical in enumerate(layout)}
    qubits = []
    for physical in layout:
        found = snapshot.qubits[physical]
        t1, t2 = found.t1_us * 1e3, min(found.t2_us, 2.0 * found.t1_us) * 1e3
        qubit = QubitNoise(t1, t2, found.p01, found.p10, 0.0, found.ns_1q)
        qubits.append(qubit._replace(depolarizing=depolarizing_for(found.error_1q, (qubit,), found.ns_1q)))
    usable = usable_pairs(snapshot)
    pairs = {}
    for edge in snapshot.edges:
        if (edge.control, edge.target) in usable and edge.control in place and edge.target in place:
            pair = place[edge.control], place[edge.target]
            ends = qubits[pair[0]], qubits[pair[1]]
            pairs[pair] = PairNoise(depolarizing_for(edge.error_2q, ends, edge.ns_2q), edge.ns_2q)
    return Calibration(pair_gate=snapshot.two_qubit_gate, qubits=tuple(qubits), pairs=pairs)


def _channels(calibration: Calibration) -> Iterator[tuple[tuple[str, tuple[int, ...]], Channel]]:
    for number, qubit in enumerate(calibration.qubits):
        if (channel := gate_channel((qubit,), qubit.depolarizing, qubit.gate_ns)) is not None:
            yield from (((gate, (number,)), channel) for gate in _ONE_QUBIT_GATES)
    for pair, noise in calibration.pairs.items():
        ends = tuple(calibration.qubits[number] for number in pair)
        if (channel := gate_channel(ends, *noise)) is not None:
            yield (calibration.pair_gate, pair), channel
    if calibration.any_pair is not None:
        alike = (calibration.qubits[0],) * 2
        if (channel := gate_channel(alike, *calibration.any_pair)) is not None:
            yield (calibration.pair_gate, ()), channel


def _aer_model(calibration: Calibration, channels: Mapping[tuple[str, tuple[int, ...]], Channel]) -> Any:
    """The noise model for Aer, or None where nothing in it is noisy."""
    reads = [(q, qubit.p01, qubit.p10) for q, qubit in enumerate(calibration.qubits) if qubit.p01 or qubit.p10]
    if not channels and not reads:
        return None
    from qiskit_aer.noise import NoiseModel, ReadoutError

    model = NoiseModel(basis_gates=list(calibration.basis))
    errors: dict[int, Any] = {}
    for (gate, qubits), channel in channels.items():
        error = errors.setdefault(id(channel), None) or aer_error(channel)
        errors[id(channel)] = error
        if qubits:
            model.add_quantum_error(error, gate, list(qubits))
        else:
            model.add_all_qubit_quantum_error(error, gate)
    for number, p01, p10 in reads:
        model.add_readout_error(ReadoutError([[1.0 - p01, p01], [p10, 1.0 - p10]]), [number])
    return model


def aer_error(channel: Channel) -> Any:
    """A channel as a mixture of small circuits: resets and Paulis, then what relaxation adds."""
    from qiskit.circuit import Reset
    from qiskit.circuit.library import IGate, XGate, YGate, ZGate
    from qiskit.quantum_info import Kraus
    from qiskit_aer.noise import QuantumError

    gates = {"X": XGate(), "Y": YGate(), "Z": ZGate(), RESET: Reset()}
    after = [
        (Kraus(list(operators)).to_instruction(), [number])
        for number, operators in enumerate(channel.after)
        if operators
    ]
    mixture = []
    for term, p in channel.terms.items():
        steps = [(gates[letter], [number]) for number, letter in enumerate(term) if letter != "I"]
        idle = [(IGate(), [number]) for number in range(len(term))]  # so that the error spans all its qubits
        mixture.append(([*(steps + after or idle)], p))
    total = math.fsum(p for _, p in mixture)
    return QuantumError([(steps, p / total) for steps, p in mixture])
