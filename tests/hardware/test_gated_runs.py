"""`pytest --llm-suite` on a device of IBM, as far as a server on loopback is one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .conftest import Equipped, ended

pytestmark = pytest.mark.slow

BELL = """OPENQASM 2.0;
include "qelib1.inc";
qreg q[2];
creg c[2];
h q[0];
cx q[0], q[1];
measure q -> c;
"""
ASSERT = 'assert: [{type: success-probability, bitstrings: ["00", "11"], min_rate: 0.9, bad_rate: 0.6}]'
BUDGET = 'budget: {shots: 2000, usd: 5}, options: {usd_per_shot: "0.001"}'
DEVICE = f"""
suite: device
defaults:
  shots: 400
  backend: {{provider: ibm, name: ibm_brisbane, {BUDGET}}}
tests:
  - id: broken
    circuit: bell.qasm
    fallback: {{backend: aer, noise: brisbane}}
    {ASSERT}
  - id: bell
    circuit: bell.qasm
    {ASSERT}
  - id: unapproved
    circuit: bell.qasm
    backend: {{provider: ibm, name: ibm_brisbane, approval_env: NOBODY_SAID_YES}}
    {ASSERT}
"""
FIRST_JOB_FAILS = {"noise": False, "next_jobs": [{"outcome": "failed", "reason": "the cryostat is warm"}]}
FAKE = f"""
suite: fake
tests:
  - id: bell
    circuit: bell.qasm
    shots: 400
    backend: {{provider: fake, name: brisbane}}
    {ASSERT}
"""
# The account is the one thing that a local server cannot have.
CONNECT = """
import json, os

import localqpu
import qiskit_ibm_runtime
from localqpu.control_client import LocalqpuControl

PORT = int(os.environ["LOCALQPU_PORT"])
SERVICE = localqpu.connect(port=PORT)
CONTROL = LocalqpuControl(f"http://127.0.0.1:{PORT}")
qiskit_ibm_runtime.QiskitRuntimeService = lambda **_: SERVICE

def pytest_sessionstart():
    CONTROL.reset()
    CONTROL.set_scenario(json.loads(os.environ["LOCALQPU_SCENARIO"]))

def pytest_unconfigure():
    with open("jobs.json", "w") as file:
        json.dump(CONTROL.jobs(), file)
"""


class Ran(NamedTuple):
    """A gated run: its exit code, what it printed, its result and trials, and the jobs that the server saw."""

    code: int
    text: str
    tests: dict[str, Any]
    rows: list[dict[str, Any]]
    jobs: list[dict[str, Any]]

    def rows_of(self, test: str) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["test"].endswith(f"::{test}")]

    def gate(self, test: str) -> dict[str, Any]:
        found: dict[str, Any] = self.tests[test]["gates"][0]
        return found


def project(folder: Path, suite: str, conftest: str) -> Path:
    files = {"bell.qasm": BELL, "q.suite.yaml": suite, "conftest.py": conftest, "pytest.ini": "[pytest]\n"}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def read(folder: Path, code: int, text: str) -> Ran:
    assert (folder / ".llmgate/latest").exists(), text
    run = folder / (folder / ".llmgate/latest").read_text()
    result = json.loads((run / "result.json").read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in (run / "trials.jsonl").read_text(encoding="utf-8").splitlines()]
    jobs = folder / "jobs.json"
    tests = {test["id"].split("::")[1]: test for test in result["tests"]}
    return Ran(code, " ".join(text.split()), tests, rows, json.loads(jobs.read_text()) if jobs.exists() else [])


@pytest.fixture(scope="module")
def on_device(equipped: Equipped, port: int, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Three tests, one after the other, on a device whose first job fails."""
    folder = project(tmp_path_factory.mktemp("device"), DEVICE, CONNECT)
    environ = {
        "LLMGATE_APPROVE_HARDWARE": "1", "LOCALQPU_PORT": str(port), "LOCALQPU_SCENARIO": json.dumps(FIRST_JOB_FAILS),
    }  # fmt: skip
    command = ("-m", "pytest", "--llm-suite", "--llm-concurrency=1", "-p", "no:localqpu")
    return read(folder, *equipped.run(*command, cwd=folder, **environ))


@pytest.fixture(scope="module")
def fake(equipped: Equipped, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A run on a fake device, begun early: its noise of 127 qubits takes a while to build."""
    folder = project(tmp_path_factory.mktemp("fake"), FAKE, "")
    process = equipped.start("-m", "pytest", "--llm-suite", "-p", "no:localqpu", cwd=folder)
    yield lambda: read(folder, *ended(process))
    process.kill()


@pytest.mark.usefixtures("fake")
def test_a_circuit_passes_on_the_device_and_its_job_is_on_record(on_device: Ran) -> None:
    gate = on_device.gate("bell")
    assert gate["verdict"] == "pass" and gate["estimate"] == 1.0
    (row,) = on_device.rows_of("bell")
    (job,) = [job for job in on_device.jobs if job["status"] == "Completed"]
    assert (row["outcome"]["job"]["id"], row["outcome"]["method"]) == (job["id"], "hardware")
    assert row["outcome"]["job"]["status"] == "done" and row["outcome"]["job"]["queue_s"] >= 0
    cost = f"{row['outcome']['shots'] * 0.001:.3f}"
    assert row["outcome"]["cost_usd"] == on_device.tests["bell"]["usage"]["cost_usd"] == cost
    assert "measured on ibm:ibm_brisbane" in on_device.text


def test_a_test_that_nobody_approved_is_an_error_and_submits_nothing(on_device: Ran) -> None:
    assert on_device.tests["unapproved"]["verdict"] == "error" and on_device.code == 1
    assert "NOBODY_SAID_YES=1 pytest --llm-suite" in on_device.text
    assert len(on_device.jobs) == 2, "those of the other tests"


def test_a_device_that_fails_is_replaced_by_its_stand_in_and_the_verdict_says_so(on_device: Ran) -> None:
    test = on_device.tests["broken"]
    assert test["verdict"] == "pass" and test["circuit"]["fallback"] is True
    assert "fallback: not drawn on ibm:ibm_brisbane, but by its stand-in" in on_device.text
    first, *others = on_device.rows_of("broken")
    assert first["error"].startswith("switched: fell back") and "the cryostat is warm" in first["error"]
    assert first["outcome"]["job"]["status"] == "failed"
    assert others and all(row["outcome"]["fallback"] for row in others)


def test_a_fake_device_of_ibm_needs_no_server_and_no_approval(fake: Any) -> None:
    ran = fake()
    assert ran.code == 0, ran.text
    assert ran.gate("bell")["verdict"] == "pass"
    assert {row["outcome"]["method"] for row in ran.rows} == {"simulator"}
    assert "method simulator on fake:brisbane" in ran.text
