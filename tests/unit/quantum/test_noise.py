"""Noise models: the channels are those of Qiskit, the gate errors those that were calibrated."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from noisy_circuits import BRISBANE, FLAT, MANILA
from qiskit.quantum_info import SuperOp, average_gate_fidelity
from qiskit_aer.noise import NoiseModel, QuantumError, depolarizing_error, thermal_relaxation_error

from pytest_llmgate.core.circuit import NoisePlan
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.quantum.calibration import QubitNoise
from pytest_llmgate.quantum.channels import depolarizing_for, gate_channel
from pytest_llmgate.quantum.density import in_digits
from pytest_llmgate.quantum.noise import aer_error, build_noise
from pytest_llmgate.quantum.snapshots import load_snapshot


@st.composite
def relaxing_qubits(draw: st.DrawFn) -> QubitNoise:
    t1 = draw(st.floats(1e3, 1e6))
    return QubitNoise(t1_ns=t1, t2_ns=t1 * draw(st.floats(0.05, 2.0)))


def of_qiskit(qubits: tuple[QubitNoise, ...], p: float, gate_ns: float) -> np.ndarray:
    """Depolarizing, then relaxation, composed by Qiskit."""
    relaxation: QuantumError | None = None
    for qubit in qubits:
        single = thermal_relaxation_error(qubit.t1_ns, qubit.t2_ns, gate_ns)
        relaxation = single if relaxation is None else relaxation.expand(single)
    return SuperOp(depolarizing_error(p, len(qubits)).compose(relaxation)).data


@settings(max_examples=30, deadline=None)
@given(
    qubits=st.lists(relaxing_qubits(), min_size=1, max_size=2).map(tuple),
    p=st.floats(0.0, 1.0),
    gate_ns=st.floats(1.0, 5e3),
)
def test_channels_are_those_of_qiskit(qubits: tuple[QubitNoise, ...], p: float, gate_ns: float) -> None:
    """Both our superoperator and the mixture that Aer gets, with T2 below and above T1."""
    channel = gate_channel(qubits, p, gate_ns)
    assert channel is not None
    theirs = of_qiskit(qubits, p, gate_ns)
    assert np.allclose(channel.superoperator(), in_digits(theirs, len(qubits)), atol=1e-9)
    assert np.allclose(SuperOp(aer_error(channel)).data, theirs, atol=1e-9)
    assert channel.is_clifford == all(qubit.t2_ns <= qubit.t1_ns for qubit in qubits)


@pytest.mark.parametrize("name", ["manila", "brisbane", "torino", "sherbrooke"])
def test_gate_errors_are_the_calibrated_ones(name: str) -> None:
    """1 - average fidelity of each channel, except where relaxation alone is worse than the calibration says."""
    snapshot = load_snapshot(name)
    device = build_noise(NoisePlan(snapshot=name), 5)
    assert device.layout is not None
    calibrated = {(edge.control, edge.target): edge for edge in snapshot.edges}
    for pair in device.calibration.pairs:
        channel = device.channel(snapshot.two_qubit_gate, pair)
        found = 1.0 - average_gate_fidelity(SuperOp(aer_error(channel)))
        edge = calibrated[device.layout[pair[0]], device.layout[pair[1]]]
        if device.calibration.pairs[pair].depolarizing > 0.0:
            assert found == pytest.approx(edge.error_2q, rel=1e-6)
        else:
            assert found > edge.error_2q


def test_all_of_it_equals_the_model_of_a_fake_backend() -> None:
    """As NoiseModel.from_backend_properties makes it, up to the four digits that a snapshot keeps."""
    provider = pytest.importorskip("qiskit_ibm_runtime.fake_provider", reason="qiskit-ibm-runtime is not installed")
    backend = provider.FakeManilaV2()
    theirs = NoiseModel.from_backend_properties(backend.properties())
    device = build_noise(MANILA, 5)
    physical = dict(enumerate(device.layout))
    compared = 0
    for (gate, qubits), channel in device.channels.items():
        error = theirs._local_quantum_errors[gate][tuple(physical[q] for q in qubits)]
        assert np.allclose(SuperOp(error).data, SuperOp(aer_error(channel)).data, atol=2e-5), (gate, qubits)
        compared += 1
    for qubit in range(5):
        p01, p10 = device.readout(qubit)
        matrix = theirs._local_readout_errors[(physical[qubit],)].probabilities
        assert np.allclose(matrix, [[1 - p01, p01], [p10, 1 - p10]], atol=1e-5)
    assert compared == 5 * 3 + 8


def test_relaxation_that_explains_more_than_the_error_leaves_no_depolarizing() -> None:
    qubit = QubitNoise(t1_ns=1000.0, t2_ns=1000.0)
    assert depolarizing_for(0.001, (qubit,), 500.0) == 0.0
    assert depolarizing_for(1.0, (qubit,), 500.0) == 1.0


def test_without_noise_there_is_no_device() -> None:
    device = build_noise(None, 3)
    assert (device.is_noisy, device.digest, device.calibration) == (False, "none", None)


def test_scale_multiplies_errors_and_shortens_coherence() -> None:
    one, two = (build_noise(BRISBANE, 3, scale).calibration for scale in (1.0, 2.0))
    for single, double in zip(one.qubits, two.qubits, strict=True):
        assert double.p01 == pytest.approx(2.0 * single.p01)
        assert double.depolarizing == pytest.approx(2.0 * single.depolarizing)
        assert double.t1_ns == pytest.approx(single.t1_ns / 2.0)
        assert double.t2_ns == pytest.approx(single.t2_ns / 2.0)


def test_scale_ends_at_the_limits_of_physics_and_says_so() -> None:
    device = build_noise(FLAT, 2, 100.0)
    assert device.calibration.any_pair.depolarizing == 1.0
    assert device.readout(0) == (0.5, 0.5)
    assert len(device.notes) == 2
    assert "readout errors end at 1/2" in device.notes[0]
    assert build_noise(FLAT, 2, 2.0).notes == ()


def test_scale_0_is_a_perfect_machine_with_the_same_coupling() -> None:
    device = build_noise(BRISBANE, 4, 0.0)
    assert not device.is_noisy
    assert set(device.calibration.pairs) == set(build_noise(BRISBANE, 4).calibration.pairs)


@pytest.mark.parametrize("scale", [-1.0, math.nan, math.inf, 1e6])
def test_impossible_scales_are_refused(scale: float) -> None:
    with pytest.raises(LlmgateError, match="noise_scale"):
        build_noise(FLAT, 2, scale)


def test_the_digest_speaks_of_the_errors() -> None:
    digests = [build_noise(noise, n, scale).digest for noise, n, scale in (
        (BRISBANE, 3, 1.0), (BRISBANE, 4, 1.0), (BRISBANE, 3, 2.0), (MANILA, 3, 1.0), (FLAT, 3, 1.0),
    )]  # fmt: skip
    assert len(set(digests)) == len(digests)
    assert build_noise(BRISBANE, 3).digest == digests[0]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"depolarising_1q": 0.1}, "unknown key 'depolarising_1q' under noise; did you mean 'depolarizing_1q'"),
        ({"readout": 1.1}, "readout is 1.1, not a probability"),
        ({"readout": math.nan}, "readout is nan, not a finite number"),
        ({"readout": "0.1"}, "readout is '0.1', not a finite number"),
        ({"depolarizing_2q": -0.1}, "depolarizing_2q is -0.1, not a probability"),
        ({"t1_us": 0.0, "gate_ns_1q": 30}, "t1_us is 0: a time above 0"),
        ({"t1_us": 50.0, "gate_ns_1q": -30}, "gate_ns_1q is -30: a duration"),
        ({"t1_us": 50.0}, "need gate_ns_1q or gate_ns_2q"),
        ({"gate_ns_1q": 50.0}, "mean nothing without t1_us or t2_us"),
        ({"t1_us": 50.0, "t2_us": 101.0, "gate_ns_2q": 300}, "above twice t1_us"),
        ({"readout": 0.1, "p01": 0.1}, "readout stands beside p01 or p10"),
        ({}, "the noise model is empty"),
    ],
)
def test_impossible_parameters_are_refused_by_name(params: dict[str, float], message: str) -> None:
    with pytest.raises(LlmgateError, match=message):
        build_noise(NoisePlan(params=params), 2)


def test_every_wrong_parameter_is_named_at_once() -> None:
    with pytest.raises(LlmgateError) as caught:
        build_noise(NoisePlan(params={"p01": 2.0, "p10": -1.0, "what": 0.0}), 2)
    assert len(caught.value.problems) == 3


def test_a_device_holds_the_qubits_in_use_only() -> None:
    device = build_noise(BRISBANE, 5)
    assert {qubit for _, qubits in device.channels for qubit in qubits} == set(range(5))
