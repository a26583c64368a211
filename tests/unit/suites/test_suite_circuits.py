"""Circuits in a suite file: what is read, what a gate gets by default, and what makes no sense."""

from __future__ import annotations

import pytest

from pytest_llmgate.core.circuit import HardwareBudget
from pytest_llmgate.core.codec import plain
from pytest_llmgate.core.plan import plan_digest, plan_from_row

BELL = """OPENQASM 2.0;
include "qelib1.inc";
qreg q[2]; creg c[2];
h q[0]; cx q[0],q[1]; measure q -> c;
"""


@pytest.fixture
def bells(project):
    """A project with a circuit, and the plan of one test on it."""
    project.write("suites/bell.qasm", BELL)

    def plan(keys: str = "", gate: str = '{type: distribution, expected: {"00": 0.5, "11": 0.5}}'):
        return project.load(f"tests: [{{id: bell, circuit: bell.qasm, {keys} assert: [{gate}]}}]").tests[0]

    return plan


@pytest.fixture
def complaint(project):
    project.write("suites/bell.qasm", BELL)

    def told(keys: str = "", gate: str = '{type: distribution, expected: {"00": 0.5, "11": 0.5}}') -> str:
        found = project.complaints(f"tests: [{{id: bell, circuit: bell.qasm, {keys} assert: [{gate}]}}]")
        return "\n".join(found)

    return told


def test_a_circuit_alone_runs_on_aer_without_noise(bells) -> None:
    plan = bells()
    assert (plan.kind, plan.circuit.source, plan.circuit.backend.provider) == ("circuit", "bell.qasm", "aer")
    assert plan.circuit.noise is None
    assert (plan.circuit.shots, plan.circuit.screen, plan.circuit.noise_scale) == (20_000, "full", (1.0,))


def test_gates_of_circuits_block_a_good_build_once_in_a_hundred(bells) -> None:
    assert bells().gates[0].alpha == 0.01
    assert bells(gate="{type: distribution, alpha: 0.05, reference: bell.qasm}").gates[0].alpha == 0.05


def test_backends_noise_and_fallback_are_read(bells, project) -> None:
    project.env["TOKEN_NAME"] = "GO"
    keys = (
        "backend: {provider: ibm, name: brisbane, deadline_s: 30, approval_env: '${TOKEN_NAME}',"
        " budget: {shots: 8000, seconds: 60, usd: 5}}, noise: brisbane,"
        " fallback: {backend: aer, noise: {depolarizing_2q: 0.01}}, noise_scale: [1, 2.5], shots: 4096, screen: quick,"
    )
    circuit = bells(keys).circuit
    assert (circuit.backend.provider, circuit.backend.name, circuit.backend.approval_env) == ("ibm", "brisbane", "GO")
    assert circuit.backend.budget == HardwareBudget(shots=8000, seconds=60, usd="5")
    assert circuit.noise.snapshot == "brisbane"
    assert circuit.fallback.noise.params == {"depolarizing_2q": 0.01}
    assert (circuit.noise_scale, circuit.shots, circuit.screen) == ((1.0, 2.5), 4096, "quick")


def test_noise_none_is_no_noise(bells) -> None:
    assert bells("noise: none,").circuit.noise is None


def test_a_plan_of_a_circuit_survives_being_written_down(bells) -> None:
    plan = bells("noise: {readout: 0.02}, noise_scale: [1, 2], fallback: {backend: aer},")
    assert plan_digest((plan_from_row(plain(plan)),)) == plan_digest((plan,))


def test_a_rate_of_outcomes_gets_its_bad_rate_from_the_shots(bells) -> None:
    gate = bells("shots: 500,", '{type: success-probability, bitstrings: ["00"], min_rate: 0.9}').gates[0]
    assert gate.bad_assumed
    assert gate.bad < 0.9
    assert gate.trials <= 500


def test_the_suite_says_whether_a_missing_baseline_blocks(project) -> None:
    project.write("suites/bell.qasm", BELL)
    body = "tests: [{id: bell, circuit: bell.qasm, assert: [{type: distribution, baseline: true}]}]"
    assert not project.load(body).tests[0].gates[0].require_baseline
    assert project.load(f"require_baseline: true\n{body}").tests[0].gates[0].require_baseline


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("noise_scale: [1, 2],", "there is no noise to scale"),
        ("noise: brisbane, noise_scale: [2, 1],", "levels must rise"),
        ("noise: brisbane, noise_scale: [0],", "'noise_scale' takes a number above 0"),
        ("noise: {},", "this noise model is empty"),
        ("noise: {readout: high},", "'readout' takes a number"),
        ("shots: 0,", "'shots' takes a whole number from 1"),
        ("screen: half,", "'screen' takes full or quick"),
        ("backend: {provder: aer},", "unknown key 'provder'"),
        ("backend: {provider: ibm, budget: {shot: 3}},", "unknown key 'shot'"),
        ("trials: 5,", "a circuit takes no 'trials'"),
        ("model: m,", "a circuit takes no 'model'"),
    ],
)
def test_keys_that_make_no_sense_are_told_with_their_line(complaint, keys: str, said: str) -> None:
    found = complaint(keys)
    assert said in found
    assert ":1: " in found


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("{type: distribution}", "nothing to compare with"),
        ("{type: distribution, expected: {}, baseline: true}", "expected and baseline"),
        ('{type: distribution, expected: {"0": 1}, bad_tvd: 0.1}', "'bad_tvd' stands without 'max_tvd'"),
        ('{type: distribution, expected: {"0": 1}, max_tvd: 0.1, bad_tvd: 0.05}', "must lie above max_tvd"),
        ('{type: distribution, expected: {"0": 1}, max_tvd: 5}', "at most 1"),
        ('{type: distribution, expected: {"0": 1}, min_rate: 0.9}', "takes no 'min_rate'; it asks for no rate"),
        ("{type: distribution, reference: none.qasm}", "there is no file 'none.qasm'"),
        ("{type: distribution, expected: {00: 0.5}}", "is not text; quote it"),
        ("{type: success-probability, bitstrings: [010]}", "is a number, not a bitstring"),
        ("{type: success-probability}", "needs 'bitstrings'"),
        ('{type: expectation, observable: "ZZ"}', "needs one of 'min_value' and 'max_value'"),
        ('{type: expectation, observable: "ZZ", min_value: 0.8, bad_value: 0.9}', "must lie below the min_value"),
        ("{type: contains, value: x}", "asks about replies, and this is a circuit"),
        ('{type: not-success-probability, bitstrings: ["0"]}', "circuits have no opposite"),
    ],
)
def test_assertions_that_make_no_sense_are_told_with_their_line(complaint, gate: str, said: str) -> None:
    found = complaint(gate=gate)
    assert said in found
    assert ":1: " in found


def test_a_reply_is_not_asked_about_outcomes(project) -> None:
    found = project.complaints(
        'tests: [{id: t, function: "app.py:answer", noise: brisbane,'
        ' assert: [{type: distribution, expected: {"0": 1.0}}]}]'
    )
    assert any("asks about a circuit's outcomes" in line for line in found)
    assert any("'noise' speaks of circuits" in line for line in found)
