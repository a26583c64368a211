"""Suites of circuits: alarms of unchanged ones, seconds of a verdict, and many circuits in one run of the simulator."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
from qiskit import QuantumCircuit, qasm3

from benchmarks.child import pytest_command, run
from benchmarks.circuits_bench import EMPTY_PROJECT, Bench, Made, stream
from benchmarks.circuits_samples import ghz, inverse_qft, measured, random_circuit
from benchmarks.figures import Figure, Row
from benchmarks.options import Options
from pytest_llmgate.core.circuit import NoisePlan
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.quantum.lab import Job, Lab

PART = "circuits-suites"
ROOT = Path(__file__).resolve().parents[1]
ALPHA, UNCHANGED, SUITES = 0.01, 100, 200
BATCH, SHOTS = 50, 1_000
BRISBANE = NoisePlan(snapshot="brisbane")


def measure(folder: Path, given: Options) -> list[Row]:
    """Alarms through approved baselines; seconds are CPU of whole processes."""
    rounds = 1 if given.quick else 3
    return [
        *_unchanged(folder / "unchanged", 20 if given.quick else SUITES),
        *_verdicts(folder / "verdicts", rounds),
        *_quick_start(folder / "start", rounds),
        *(row for n in (5, 10) for row in _batched(n, rounds)),
    ]


# ---- unchanged circuits


def _unchanged(root: Path, suites: int) -> Iterator[Row]:
    """100 noisy circuits against their approved baselines, the whole suite again and again with other shots."""
    root.mkdir(parents=True)
    circuits = {f"c{number:03}": random_circuit(2 + number % 4, 2, number) for number in range(UNCHANGED)}
    _write(root, circuits, "manila", "baseline: true")
    run(pytest_command("--llm-suite", "--llm-baseline=propose"), root)
    command = [sys.executable, "-m", "pytest_llmgate.cli", "baseline", "accept", "--reason", "measured"]
    run(command, root)
    bench = Bench(root)
    plans = bench.planner.suite(root / "suites" / "s.suite.yaml").tests
    made = [bench.made(plan) for plan in plans]
    red = sum(_any_red(made, number) for number in range(suites))
    allowed = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / suites)
    name = f"{UNCHANGED} unchanged noisy circuits against their baselines: P(any fails)"
    yield Figure(
        part=PART, name=name, values=(red / suites,), most=allowed, digits=4, note=f"{suites} suites, alpha 0.01"
    )


def _any_red(made: Sequence[Made], seed: int) -> bool:
    rng = np.random.default_rng([7, seed])
    return any(stream(one.rule, one.law, rng)[0] is Outcome.FAIL for one in made)


def _write(root: Path, circuits: dict[str, QuantumCircuit], noise: str, asked: str) -> None:
    """A project with one suite: a test a circuit."""
    (root / "suites").mkdir(parents=True, exist_ok=True)
    (root / "pyproject.toml").write_text(EMPTY_PROJECT, encoding="utf-8")
    lines = ["suite: s", f"defaults: {{noise: {noise}}}", "tests:"]
    for name, circuit in circuits.items():
        (root / "suites" / f"{name}.qasm").write_text(qasm3.dumps(circuit), encoding="utf-8")
        said = asked.replace("SELF", f"{name}.qasm")
        lines.append(f"  - {{id: {name}, circuit: {name}.qasm, assert: [{{type: distribution, {said}}}]}}")
    (root / "suites" / "s.suite.yaml").write_text("\n".join(lines), encoding="utf-8")


# ---- seconds


def _verdicts(folder: Path, rounds: int) -> Iterator[Row]:
    """CPU of a whole run with 21 tests less that of one with 1, over 20: nothing is kept from an earlier run."""
    many = {f"c{number:02}": _five_qubits(number) for number in range(21)}
    slopes = []
    for number in range(rounds):
        used = []
        for name, circuits in (("one", {"c00": many["c00"]}), ("many", many)):
            root = folder / f"{name}{number}"
            _write(root, circuits, "brisbane", "reference: SELF")
            used.append(run(pytest_command("--llm-suite"), root).cpu_s)
        slopes.append((used[1] - used[0]) / 20)
    yield Figure(
        part=PART, name="5 qubits, Brisbane noise: CPU of a verdict after the first", values=slopes, most=0.3, unit="s",
        note="another circuit each, its alternatives simulated too",
    )  # fmt: skip


def _five_qubits(number: int) -> QuantumCircuit:
    makers: Sequence[Callable[[], QuantumCircuit]] = (
        lambda: _star(number),
        lambda: inverse_qft(5, number + 1),
        lambda: random_circuit(5, 2, number),
    )
    return makers[number % 3]()


def _star(number: int) -> QuantumCircuit:
    """A GHZ state, a little turned so that no two are one circuit."""
    circuit = ghz(5).remove_final_measurements(inplace=False)
    found = QuantumCircuit(5, 5)
    found.compose(circuit, range(5), inplace=True)
    found.rx(0.01 * (1 + number), 4)
    return measured(found)


def _quick_start(root: Path, rounds: int) -> Iterator[Row]:
    """The suite that the quick start runs, nothing known from an earlier run."""
    spent = []
    for number in range(rounds):
        project = root / str(number)
        (project / "suites").mkdir(parents=True)
        (project / "pyproject.toml").write_text(EMPTY_PROJECT, encoding="utf-8")
        for name in ("quantum.suite.yaml", "quantum.baseline.json"):
            shutil.copy(ROOT / "suites" / name, project / "suites")
        shutil.copytree(ROOT / "fixtures" / "circuits", project / "fixtures" / "circuits")
        results = project / "out"
        spent.append(run(pytest_command("--llm-suite", f"--llm-results={results}"), project).cpu_s)
        tests = len(json.loads((results / "result.json").read_text(encoding="utf-8"))["tests"])
    yield Figure(
        part=PART, name="the quick start's quantum suite: CPU", values=spent, most=30.0, unit="s", note=f"{tests} tests"
    )


# ---- many circuits together


def _batched(n: int, rounds: int) -> Iterator[Row]:
    """The same circuits in one call, in one call each, and each with its shots by Aer; in turn, by CPU."""
    number = BATCH if n < 10 else BATCH // 5
    jobs = [Job(random_circuit(n, 2, seed), BRISBANE) for seed in range(number)]
    loops, shots = [], []
    for _ in range(rounds):
        together = _seconds(partial(_lab(jobs).exact, jobs))
        loops.append(_seconds(partial(_one_by_one, _lab(jobs), jobs)) / together)
        shots.append(_seconds(partial(_by_aer, jobs)) / together)
    named = f"{number} circuits of {n} qubits in one call: times as fast as"
    yield Figure(part=PART, name=f"{named} a call each", values=loops, unit="×")
    yield Figure(part=PART, name=f"{named} Aer in a plain loop, {SHOTS:,} shots each", values=shots, unit="×")


def _lab(jobs: Sequence[Job]) -> Lab:
    """A lab that knows the device, as after the first test of a suite."""
    lab = Lab()
    lab.exact([jobs[0]._replace(circuit=random_circuit(jobs[0].circuit.num_qubits, 1, 99))])
    return lab


def _one_by_one(lab: Lab, jobs: Sequence[Job]) -> None:
    for job in jobs:
        lab.exact([job])


def _by_aer(jobs: Sequence[Job]) -> None:
    """What a user writes: one noise model, every circuit compiled and run by itself."""
    from qiskit import transpile
    from qiskit_aer import AerSimulator

    lab = Lab()
    simulator = AerSimulator(noise_model=lab.device(jobs[0]).model, max_parallel_threads=1)
    for number, job in enumerate(jobs):
        circuit = transpile(job.circuit, simulator, optimization_level=1, seed_transpiler=1)
        simulator.run(circuit, shots=SHOTS, seed_simulator=7919 * number + 1).result()


def _seconds(work: Callable[[], object]) -> float:
    began = process_time()
    work()
    return process_time() - began
