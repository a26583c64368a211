"""Where devices come from, and what is said of those that cannot be had."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hardware_samples import bell
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister

from pytest_llmgate.core.circuit import BackendPlan, CircuitFailed, HardwareBudget
from pytest_llmgate.core.errors import LlmgateError, Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.extensions.registry import create_registry
from pytest_llmgate.quantum.backends import open_generic
from pytest_llmgate.quantum.devices import BackendDevice, device_of, is_local, short_seed
from pytest_llmgate.quantum.hardware import Hardware, HardwareRooms, build
from pytest_llmgate.store.shot_ledger import FileShotLedger

REGISTRY = create_registry(entry_points=False)
WHERE = Where("q.suite.yaml", 7)


def opened(folder: Path, provider: str, environ: Mapping[str, str] | None = None, **plan: Any) -> Hardware:
    rooms = HardwareRooms(
        environ=environ or {}, ledger=FileShotLedger(folder / "hardware.json", "run"), scope="t", run="run", redact=str
    )
    whole = BackendPlan(provider=provider, where=WHERE, **plan)
    return build(whole, SuiteFiles(folder, folder), rooms, REGISTRY.backend(provider))


def written(folder: Path, body: str) -> str:
    (folder / "device.py").write_text(body)
    return "device.py:make"


def code_of(caught: pytest.ExceptionInfo[LlmgateError]) -> str:
    assert str(caught.value).startswith("q.suite.yaml:7: ")
    return caught.value.problems[0].code


# ---- what works


def test_a_generic_backend_needs_no_package_and_no_approval(tmp_path: Path) -> None:
    backend = opened(tmp_path, "generic", options={"num_qubits": 3}, budget=HardwareBudget(shots=400, usd="1"))
    first, again, other = (backend.sample(bell(), 100, seed, key=f"b#{seed}") for seed in (7, 7, 8))
    assert set(first.counts) <= {"0 0", "0 1", "1 0", "1 1"} and sum(first.counts.values()) == 100
    assert first.counts == again.counts != other.counts, "a seed stands for its shots"
    assert (first.method, backend.live) == ("simulator", False)
    assert first.job is not None and first.job["status"] == "done"


def test_a_function_that_makes_a_backend(tmp_path: Path) -> None:
    """An AerSimulator is known to be in this process; no approval is asked for."""
    target = written(tmp_path, "from qiskit_aer import AerSimulator\ndef make(): return AerSimulator()\n")
    backend = opened(tmp_path, "python", options={"target": target})
    assert backend.live, "before it is opened nobody knows"
    result = backend.sample(bell(), 1000, 7, key="b#0")
    assert set(result.counts) == {"0 0", "1 1"} and not backend.live


def test_a_function_of_a_seed_that_makes_a_sampler(tmp_path: Path) -> None:
    body = "from qiskit.primitives import StatevectorSampler\ndef make(seed): return StatevectorSampler(seed=seed)\n"
    backend = opened(tmp_path, "python", name=written(tmp_path, body))
    first, again, other = (backend.sample(bell(), 1000, seed, key=f"b#{seed}") for seed in (7, 7, 8))
    assert first.counts == again.counts != other.counts
    assert set(first.counts) == {"0 0", "1 1"}


@pytest.mark.parametrize("kind", ["backend", "sampler"])
def test_registers_read_as_qiskit_prints_them(tmp_path: Path, kind: str) -> None:
    """Unequal widths; backends and samplers alike."""
    bodies = {
        "backend": "from qiskit_aer import AerSimulator\ndef make(): return AerSimulator()\n",
        "sampler": "from qiskit.primitives import BackendSamplerV2\nfrom qiskit_aer import AerSimulator\n"
        "def make(seed): return BackendSamplerV2(backend=AerSimulator(), options={'seed_simulator': seed})\n",
    }
    circuit = QuantumCircuit(QuantumRegister(4, "q"), ClassicalRegister(3, "wide"), ClassicalRegister(1, "narrow"))
    circuit.x(0)
    circuit.x(3)
    circuit.measure([0, 1, 2, 3], [0, 1, 2, 3])
    backend = opened(tmp_path, "python", name=written(tmp_path, bodies[kind]))
    assert backend.sample(circuit, 10, 7, key="b#0").counts == {"1 001": 10}


def test_chunks_with_neighbouring_seeds_share_no_stream() -> None:
    seeds = [short_seed(seed) for seed in range(2000)]
    assert len(set(seeds)) == 2000 and max(seeds) < 2**31
    assert len({b - a for a, b in pairwise(seeds)}) > 1990


def test_a_plugin_brings_its_own_devices(tmp_path: Path) -> None:
    from pytest_llmgate.extensions.hookspecs import hookimpl

    class Plugin:
        @hookimpl
        def llmgate_register_backends(self, register: Any) -> None:
            register("lab", open_generic)

    assert create_registry([Plugin()], entry_points=False).backend("lab") is open_generic


# ---- what is in this process


def test_what_nobody_knows_to_be_local_is_a_device() -> None:
    from qiskit.primitives import BackendSamplerV2, StatevectorSampler
    from qiskit.providers.fake_provider import GenericBackendV2
    from qiskit_aer import AerSimulator
    from qiskit_aer.primitives import SamplerV2

    generic = GenericBackendV2(2)
    for thing in (generic, AerSimulator(), StatevectorSampler(), SamplerV2(), BackendSamplerV2(backend=generic)):
        assert is_local(thing), thing

    class Behind(GenericBackendV2):
        """A subclass of a simulator is one."""

    assert is_local(Behind(2))
    assert not is_local(object()) and not is_local(None)


def test_the_suite_has_the_last_word_on_what_is_live() -> None:
    from qiskit.providers.fake_provider import GenericBackendV2

    assert device_of(GenericBackendV2(2), None).local
    device = device_of(GenericBackendV2(2), None, said=True)
    assert isinstance(device, BackendDevice) and not device.local


def test_a_live_device_of_a_function_needs_approval(tmp_path: Path) -> None:
    target = written(tmp_path, "from qiskit_aer import AerSimulator\ndef make(): return AerSimulator()\n")
    options = {"target": target, "live": True}
    with pytest.raises(CircuitFailed, match="LLMGATE_APPROVE_HARDWARE=1") as caught:
        opened(tmp_path, "python", options=options).sample(bell(), 10, 7, key="b#0")
    assert caught.value.kind == "not-approved"
    environ = {"LLMGATE_APPROVE_HARDWARE": "1"}
    assert opened(tmp_path, "python", environ, options=options).sample(bell(), 10, 7, key="b#0").method == "hardware"


def test_a_suite_that_asks_for_approval_gets_it_even_of_a_simulator(tmp_path: Path) -> None:
    backend = opened(tmp_path, "generic", approval_env="LLMGATE_APPROVE_HARDWARE")
    with pytest.raises(CircuitFailed, match="not approved"):
        backend.sample(bell(), 10, 7, key="b#0")


# ---- what is refused


def test_an_unknown_provider_is_named_with_its_nearest() -> None:
    with pytest.raises(LlmgateError, match="unknown backend 'iom'; did you mean") as caught:
        REGISTRY.backend("iom", WHERE)
    assert code_of(caught) == "unknown-backend"
    with pytest.raises(LlmgateError, match="did you mean 'aer'"):
        REGISTRY.backend("aerr", WHERE)


def test_every_delivered_provider_loads() -> None:
    assert REGISTRY.backends() == ("braket", "fake", "generic", "ibm", "ionq", "python")
    assert all(callable(REGISTRY.backend(name)) for name in REGISTRY.backends())


@pytest.mark.parametrize(
    ("provider", "package", "pip"),
    [
        ("ibm", "qiskit_ibm_runtime", 'pip install "pytest-llmgate[ibm]"'),
        ("fake", "qiskit_ibm_runtime", 'pip install "pytest-llmgate[ibm]"'),
        ("braket", "qiskit_braket_provider", 'pip install "qiskit-braket-provider"'),
        ("ionq", "qiskit_ionq", 'pip install "qiskit-ionq"'),
    ],
)
def test_a_missing_package_is_named_with_the_command(tmp_path: Path, provider: str, package: str, pip: str) -> None:
    if find_spec(package):
        pytest.skip(f"{package} is installed here")
    backend = opened(tmp_path, provider, {"LLMGATE_APPROVE_HARDWARE": "1"}, name="device")
    with pytest.raises(LlmgateError) as caught:
        backend.sample(bell(), 10, 7, key="b#0")
    assert code_of(caught) == "missing-extra" and pip in str(caught.value)


@pytest.mark.parametrize(
    ("plan", "code", "words"),
    [
        ({"options": {"num_qbits": 3}}, "hardware-option", "did you mean 'num_qubits'"),
        ({"method": "statevector"}, "hardware-option", "'statevector' is for aer"),
        ({"options": {"live": "no"}}, "bad-value", "neither true nor false"),
        ({"options": {"poll_s": 0}}, "bad-value", "poll_s"),
        ({"deadline_s": float("nan")}, "bad-value", "deadline_s"),
        ({"deadline_s": float("inf")}, "bad-value", "deadline_s"),
        ({"budget": HardwareBudget(shots=-1)}, "hardware-budget", "budget: shots: -1"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_anything_runs(
    tmp_path: Path, plan: dict[str, Any], code: str, words: str
) -> None:
    with pytest.raises(LlmgateError) as caught:
        opened(tmp_path, "generic", **plan)
    assert code_of(caught) == code and words in str(caught.value)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("make = 3\n", "target-not-callable"),
        ("def make(shots): return None\n", "target-signature"),
        ("def make(): return 'ibm_fez'\n", "backend-shape"),
        ("from qiskit.primitives import StatevectorSampler as S\ndef make(): return S(seed=1)\n", "backend-seeded"),
        ("import nowhere_to_be_found\n", "target-import"),
    ],
)
def test_a_function_that_makes_no_device_is_refused(tmp_path: Path, body: str, code: str) -> None:
    backend = opened(tmp_path, "python", options={"target": written(tmp_path, body), "live": False})
    with pytest.raises(LlmgateError) as caught:
        backend.sample(bell(), 10, 7, key="b#0")
    assert code_of(caught) == code


def test_a_target_must_be_given(tmp_path: Path) -> None:
    with pytest.raises(LlmgateError, match="backend-target"):
        opened(tmp_path, "python", options={"live": False}).sample(bell(), 10, 7, key="b#0")


def test_a_function_that_raises_is_a_device_that_cannot_be_had(tmp_path: Path) -> None:
    target = written(tmp_path, "def make(): raise ConnectionError('no route')\n")
    with pytest.raises(CircuitFailed, match="no route") as caught:
        opened(tmp_path, "python", options={"target": target, "live": False}).sample(bell(), 10, 7, key="b#0")
    assert (caught.value.kind, caught.value.fatal) == ("backend-unavailable", True)


def test_a_circuit_that_does_not_fit_is_refused_before_it_is_submitted(tmp_path: Path) -> None:
    backend = opened(tmp_path, "generic", options={"num_qubits": 2})
    wide = QuantumCircuit(3)
    wide.measure_all()
    with pytest.raises(CircuitFailed, match="made to fit") as caught:
        backend.sample(wide, 10, 7, key="b#0")
    assert caught.value.kind == "transpile"


def test_nothing_of_qiskits_own_warnings_reaches_the_user(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened(tmp_path, "generic").sample(bell(), 10, 7, key="b#0")
