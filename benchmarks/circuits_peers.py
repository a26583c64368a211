"""Beside other packages on the same circuits: wall of a suite, false alarms, detections, shots."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, qasm2

from benchmarks.child import pytest_command, run
from benchmarks.circuits_bench import EMPTY_PROJECT, Bench, Made, tallied
from benchmarks.circuits_samples import ghz, inverse_qft, random_circuit
from benchmarks.figures import Figure, Row
from benchmarks.options import Options
from pytest_llmgate.quantum.lab import Job, Lab

PART = "circuits-peers"
CHILD = Path(__file__).with_name("circuits_peers_child.py")
SUITE, SHOTS, MOST = 60, 4096, 1 / 3
NEAR, FAR = 0.05, 0.35  # max_tvd of the tests without noise, and of those with
RUNS = 1_000
_QONTINUUM = """\
from pathlib import Path
from qiskit import QuantumCircuit
from qontinuum import assert_distribution, qtest
"""
_QONTINUUM_TEST = """

@qtest(shots={shots}{backend})
def {name}():
    return QuantumCircuit.from_qasm_str(Path("{folder}/{name}.qasm").read_text())


@{name}.check
def {name}_close(result):
    assert_distribution(result, {expected}, tvd_threshold={most})
"""


def measure(folder: Path, given: Options) -> list[Row]:
    """Needs `--peers VENV`, an environment with qontinuum, pytest-quantum and qcoherence."""
    folder.mkdir(parents=True)
    if given.peers is None:
        return [Figure(part=PART, name="beside other packages", values=(), note="skipped: no --peers VENV was given")]
    rounds, runs = (1, 100) if given.quick else (3, RUNS)
    return [*_walls(folder, given.peers, rounds), *_errors(folder / "errors", given.peers, runs)]


# ---- wall of a suite


def small_circuits() -> dict[str, QuantumCircuit]:
    """60 circuits of 2 to 5 qubits, no two the same."""
    makers: tuple[Callable[[int], QuantumCircuit], ...] = (
        lambda number: random_circuit(2 + number % 4, 2, number),
        lambda number: inverse_qft(3 + number % 2, number % 8),
        lambda number: _turned(2 + number % 4, 0.05 * number),
    )
    return {f"c{number:02}": makers[number % 3](number) for number in range(SUITE)}


def _turned(n: int, angle: float) -> QuantumCircuit:
    circuit = QuantumCircuit(n, n)
    circuit.ry(angle, n - 1)
    return circuit.compose(ghz(n))


def _walls(folder: Path, peers: Path, rounds: int) -> Iterator[Row]:
    """Suites in turn. Ours asks the same as theirs: a distance from the same distribution; and its own default."""
    qont = peers / "bin" / "qont"
    if not qont.is_file():
        yield Figure(part=PART, name="wall of a suite beside qontinuum", values=(), note=f"skipped: none in {peers}")
        return
    circuits = small_circuits()
    theirs = _theirs(folder / "qontinuum", circuits)
    spent: dict[str, list[float]] = {"ours": [], "qontinuum": [], "own": []}
    for number in range(rounds):
        same, own = (_ours(folder / f"{kind}{number}", circuits, kind) for kind in ("same", "own"))
        spent["qontinuum"].append(_wall([str(qont), "test", "."], theirs))
        spent["ours"].append(_wall(pytest_command("--llm-suite"), same))
        spent["own"].append(_wall(pytest_command("--llm-suite"), own))
    pairs = list(zip(spent["ours"], spent["own"], spent["qontinuum"], strict=True))
    named = f"wall of {SUITE} small circuits, half with Manila noise"
    yield Figure(
        part=PART, name=f"{named}, over qontinuum's", values=[ours / other for ours, _, other in pairs], most=MOST,
        unit="×", note=f"max_tvd {NEAR:g} and {FAR:g} on both sides",
    )  # fmt: skip
    yield Figure(
        part=PART, name=f"{named}: against a reference, its faults declared, over qontinuum's", unit="×",
        values=[own / other for _, own, other in pairs],
    )  # fmt: skip
    for title, values in (("ours", spent["ours"]), ("qontinuum", spent["qontinuum"])):
        yield Figure(part=PART, name=f"{named}: {title}", values=values, unit="s")


def _wall(command: list[str], folder: Path) -> float:
    began = time.monotonic()
    run(command, folder)
    return time.monotonic() - began


def _noisy(name: str) -> bool:
    return int(name[1:]) % 2 == 1


def _theirs(folder: Path, circuits: Mapping[str, QuantumCircuit]) -> Path:
    folder.mkdir(parents=True)
    text = [_QONTINUUM]
    for name, circuit in circuits.items():
        (folder / f"{name}.qasm").write_text(qasm2.dumps(circuit), encoding="utf-8")
        text.append(
            _QONTINUUM_TEST.format(
                shots=SHOTS, name=name, folder=folder, expected=_ideal(circuit), most=FAR if _noisy(name) else NEAR,
                backend=', backend="ibm:manila"' if _noisy(name) else "",
            )
        )  # fmt: skip
    (folder / "q_test_circuits.py").write_text("".join(text), encoding="utf-8")
    return folder


def _ours(root: Path, circuits: Mapping[str, QuantumCircuit], kind: str) -> Path:
    """kind: `same` asks for a distance from the ideal distribution, `own` compares with a reference."""
    (root / "suites").mkdir(parents=True)
    (root / "pyproject.toml").write_text(EMPTY_PROJECT, encoding="utf-8")
    lines = ["suite: s", "tests:"]
    for name, circuit in circuits.items():
        (root / "suites" / f"{name}.qasm").write_text(qasm2.dumps(circuit), encoding="utf-8")
        most = f"max_tvd: {FAR if _noisy(name) else NEAR}"
        asked = f"expected: {json.dumps(_ideal(circuit))}, {most}" if kind == "same" else f"reference: {name}.qasm"
        noise = "noise: manila, " if _noisy(name) else ""
        lines.append(f"  - {{id: {name}, circuit: {name}.qasm, {noise}assert: [{{type: distribution, {asked}}}]}}")
    (root / "suites" / "s.suite.yaml").write_text("\n".join(lines), encoding="utf-8")
    return root


def _ideal(circuit: QuantumCircuit) -> dict[str, float]:
    (found,) = Lab().exact([Job(circuit)])
    assert found is not None
    return {outcome: share for outcome, share in found.as_dict().items() if share > 1e-9}


# ---- errors on the same circuits


def _errors(root: Path, peers: Path, runs: int) -> Iterator[Row]:
    """False alarms and misses of each assertion at its defaults, on noisy circuits and their declared faults."""
    bench = Bench(root)
    made = {name: bench.made(plan) for name, plan in _noisy_tests(bench)}
    models = {name: _laws(one) for name, one in made.items()}
    asked = {"runs": runs, "shots": SHOTS, "seed": 1, "models": models}
    path = root / "asked.json"
    path.write_text(json.dumps(asked), encoding="utf-8")
    found = json.loads(run([str(peers / "bin" / "python"), str(CHILD), str(path)], root).output.splitlines()[-1])
    for name, one in made.items():
        yield from _side_by_side(name, one, models[name], found, runs)


def _noisy_tests(bench: Bench) -> Iterator[tuple[str, Any]]:
    circuits = {"ghz5": ghz(5, turned=True), "qft6": inverse_qft(6, 13), "random6": random_circuit(6, 3, 3)}
    lines = ["suite: s", "error_control: none", "defaults: {noise: brisbane}", "tests:"]
    for name, circuit in circuits.items():
        (bench.root / "suites" / f"{name}.qasm").write_text(qasm2.dumps(circuit), encoding="utf-8")
        lines.append(
            f"  - {{id: {name}, circuit: {name}.qasm, assert: [{{type: distribution, reference: {name}.qasm}}]}}"
        )
    return zip(circuits, bench.suite("s", "\n".join(lines)), strict=True)


def _laws(made: Made) -> dict[str, dict[str, float]]:
    """The circuit itself, and of its declared faults the one that is nearest among those with TVD 0.05 or more."""
    rule: Any = made.rule
    p = rule.reference.p
    distances = [(float(abs(p - other.p).sum()) / 2, number) for number, other in enumerate(rule.declared)]
    _, nearest = min(item for item in distances if item[0] >= NEAR)
    laws = {"good": p, "nearest": rule.declared[nearest].p}
    return {law: dict(zip(rule.outcomes, shares.tolist(), strict=False)) for law, shares in laws.items()}


def _side_by_side(name: str, made: Made, laws: Any, found: Any, runs: int) -> Iterator[Row]:
    rule: Any = made.rule
    shares = {law: np.array([*(p[outcome] for outcome in rule.outcomes), 0.0]) for law, p in laws.items()}
    for law, wanted in (("good", "false alarms"), ("nearest", "nearest fault with TVD ≥ 0.05 caught")):
        ours = tallied(rule, shares[law], runs, [3])
        title = f"{name}, Brisbane noise: {wanted}"
        yield Figure(
            part=PART, name=f"{title}, ours", values=(100 * ours.fail_rate,), unit="%", digits=1,
            note=f"mean {ours.shots:.0f} shots",
        )  # fmt: skip
        for other, rates in found.items():
            rate = rates[name][law]
            values = () if rate is None else (100 * rate,)
            note = "it refuses to decide" if rate is None else f"{SHOTS:,} shots"
            yield Figure(part=PART, name=f"{title}, {other}", values=values, unit="%", digits=1, note=note)
