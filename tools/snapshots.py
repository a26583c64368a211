"""Writes fixtures/noise/*.json from the fake backends of qiskit-ibm-runtime.

For development only: `pip install qiskit-ibm-runtime`, then `python tools/snapshots.py`. The package itself reads the
files that this writes and never needs qiskit-ibm-runtime.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from qiskit_ibm_runtime import fake_provider

FOLDER = Path(__file__).parents[1] / "fixtures" / "noise"
DEVICES = ("Manila", "Brisbane", "Torino", "Sherbrooke")
QUBIT_COLUMNS = ["t1_us", "t2_us", "p01", "p10", "error_1q", "ns_1q"]
EDGE_COLUMNS = ["control", "target", "error_2q", "ns_2q"]
PAIR_GATES = ("cx", "cz", "ecr")


def short(value: float) -> float:
    """Four significant digits: finer than a calibration repeats, and a whole number where it is one."""
    rounded = float(f"{value:.4g}")
    return int(rounded) if rounded == int(rounded) else rounded


def qubit_row(backend: Any, qubit: int) -> list[float]:
    """T1, T2 (µs), P(1 read | 0), P(0 read | 1), error and duration (ns) of sx, which x shares."""
    properties, gate = backend.properties(), backend.target["sx"][(qubit,)]
    read = properties.qubit_property(qubit)
    assert backend.target["x"][(qubit,)].error == gate.error, "x is calibrated apart from sx"
    return [
        short(properties.t1(qubit) * 1e6),
        short(properties.t2(qubit) * 1e6),
        short(read["prob_meas1_prep0"][0]),
        short(read["prob_meas0_prep1"][0]),
        short(gate.error),
        short(gate.duration * 1e9),
    ]


def edge_row(pair: tuple[int, int], gate: Any) -> list[float]:
    """Control, target, error and duration (ns) of the two-qubit gate; error 1 is a pair that was not calibrated."""
    return [*pair, short(gate.error), short(gate.duration * 1e9)]


def snapshot_text(name: str) -> str:
    """The file of one device, one line for each qubit and each pair."""
    backend = getattr(fake_provider, f"Fake{name}" if name != "Manila" else "FakeManilaV2")()
    target = backend.target
    (pair_gate,) = set(target.operation_names) & set(PAIR_GATES)
    head = {
        "schema": "llmgate.noise/1",
        "name": name.lower(),
        "source": f"qiskit-ibm-runtime {version('qiskit-ibm-runtime')} {type(backend).__name__}",
        "calibrated": backend.properties().last_update_date.date().isoformat(),
        "two_qubit_gate": pair_gate,
    }
    qubits = [qubit_row(backend, qubit) for qubit in range(target.num_qubits)]
    edges = [edge_row(pair, gate) for pair, gate in sorted(target[pair_gate].items())]
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    lines += table("qubit", QUBIT_COLUMNS, qubits, ",") + table("edge", EDGE_COLUMNS, edges, "")
    return "\n".join(["{", *lines, "}", ""])


def table(what: str, columns: list[str], rows: list[list[float]], end: str) -> list[str]:
    """The lines of a table: its columns, then a line for each row."""
    lines = [f'  "{what}_columns": {json.dumps(columns)},', f'  "{what}s": [']
    lines += [f"    {json.dumps(row)}," for row in rows]
    return [*lines[:-1], lines[-1].rstrip(","), f"  ]{end}"]


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in DEVICES:
        text = snapshot_text(name)
        json.loads(text)
        (FOLDER / f"{name.lower()}.json").write_text(text, encoding="utf-8")
        print(f"{name.lower()}.json: {len(text)} bytes")


if __name__ == "__main__":
    main()
