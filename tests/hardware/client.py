"""What one process does against a localqpu server: every scenario in turn, its outcome as one JSON line.

Run by test_localqpu.py in a process of its own, as connecting changes the environment. Arguments: port, folder, and
what to do: `die` after a submission, then `all` scenarios, the first of which resumes the run that died.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import localqpu
import qiskit_ibm_runtime
from localqpu.control_client import LocalqpuControl
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister

from pytest_llmgate.core.circuit import BackendPlan, CircuitFailed, HardwareBudget
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.quantum.backends import open_ibm
from pytest_llmgate.quantum.hardware import Hardware, HardwareRooms, build
from pytest_llmgate.store.shot_ledger import FileShotLedger

PORT, FOLDER, WHAT = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
CONTROL = LocalqpuControl(f"http://127.0.0.1:{PORT}")
SERVICE = localqpu.connect(port=PORT)
# The account is the one thing that a local server cannot have.
qiskit_ibm_runtime.QiskitRuntimeService = lambda **_: SERVICE  # type: ignore[misc, assignment]
JOBS = "/api/v1/jobs"


def bell() -> QuantumCircuit:
    """Two classical registers, so that all of them are seen to be read."""
    qubits, left, right = QuantumRegister(2, "q"), ClassicalRegister(1, "left"), ClassicalRegister(1, "right")
    circuit = QuantumCircuit(qubits, left, right)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure(qubits, [left[0], right[0]])
    return circuit


def hardware(  # every scenario is a run of its own
    scope: str, *, name: str = "ibm_brisbane", approved: bool = True, deadline_s: float = 60.0, sleep: Any = None
) -> Hardware:
    plan = BackendPlan(
        provider="ibm",
        name=name,
        options={"usd_per_shot": "0.001", "poll_s": 0.2},
        budget=HardwareBudget(shots=1000, seconds=60, usd="5"),
        deadline_s=deadline_s,
        approval_env="LLMGATE_APPROVE_HARDWARE",
    )
    rooms = HardwareRooms(
        environ={"LLMGATE_APPROVE_HARDWARE": "1" if approved else ""},
        ledger=FileShotLedger(FOLDER / "hardware.json", scope), scope=scope, run=scope, redact=str, sleep=sleep,
    )  # fmt: skip
    return build(plan, SuiteFiles(FOLDER, FOLDER), rooms, open_ibm)


def drawn(backend: Hardware, key: str = "bell#0") -> dict[str, Any]:
    try:
        result = backend.sample(bell(), 200, 7, key=key)
    except CircuitFailed as failed:
        return {"kind": failed.kind, "message": failed.message, "fatal": failed.fatal, "job": failed.job}
    except LlmgateError as fault:
        return {"kind": fault.problems[0].code, "message": str(fault)}
    return {"kind": "ok", **result._asdict()}


def die_while_waiting() -> None:
    """Submit a job, and be killed while it is waited for."""
    CONTROL.reset()
    CONTROL.set_scenario({"queue": {"polls_before_running": 50}})
    backend = hardware("killed", sleep=lambda seconds: os._exit(9))
    backend.sample(bell(), 200, 7, key="bell#0")


def resume() -> None:
    """The same chunk of the same run, in another process."""
    CONTROL.set_scenario({})
    told("killed", [drawn(hardware("killed"))], 0.0)


def played(scope: str, scenario: Mapping[str, Any], chunks: int = 1, **how: Any) -> None:
    """One scenario: what `sample` gave, what the server saw, what the ledger holds."""
    CONTROL.reset()
    CONTROL.set_scenario(scenario)
    backend = hardware(scope, **how)
    started = time.monotonic()
    draws = [drawn(backend, f"bell#{ordinal}") for ordinal in range(chunks)]
    told(scope, draws, time.monotonic() - started)


def told(scope: str, draws: list[dict[str, Any]], took: float) -> None:
    posts = [row for row in CONTROL.requests() if row["method"] == "POST" and row["path"] == JOBS]
    scopes = json.loads((FOLDER / "hardware.json").read_text() or '{"scopes": {}}')["scopes"]
    book = scopes.get(scope, {"open": {}, "spent": {}})
    shots = sum(cost["shots"] for cost in book["spent"].values())
    ledger = {"open": list(book["open"]), "shots": shots}
    row = {"draws": draws, "posts": len(posts), "jobs": CONTROL.jobs(), "took_s": round(took, 2), **ledger}
    print(json.dumps({"scenario": scope, **row}), flush=True)


def fault(**how: Any) -> dict[str, Any]:
    return {"http_faults": [{"method": "POST", "path": JOBS, **how}]}


def main() -> None:
    resume()
    played("unapproved", {}, approved=False)
    played("unknown", {}, name="ibm_brisbame")
    played("plain", {"noise": False}, chunks=2)
    played("slow-queue", {"queue": {"delay_seconds": 60}}, chunks=2, deadline_s=2.0)
    played("failed", {"next_jobs": [{"outcome": "failed", "reason": "the cryostat is warm"}]})
    played(
        "passing", {"next_jobs": [{"outcome": "failed", "reason": "QPU calibration in progress", "reason_code": 1517}]}
    )
    played("failing-twice", {"next_jobs": 2 * [{"outcome": "failed", "reason": "QPU calibration in progress"}]})
    played("cancelled-there", {"next_jobs": [{"outcome": "cancelled"}]})
    played("lost-reply", fault(status=503, phase="after"))
    played("dropped-reply", fault(drop_connection=True, phase="after"))
    played("outage", fault(status=503))
    played("over-limit", {"usage": {"limit_seconds": 600, "consumed_seconds": 600}})
    played("deaf", {"http_faults": [{"method": "GET", "path": f"{JOBS}/*", "drop_connection": True, "times": 3}]})
    played("refused", fault(status=400))
    played("budget", {}, chunks=6)


{"all": main, "die": die_while_waiting}[WHAT]()
os._exit(0)  # threads of abandoned calls must not hold the process
