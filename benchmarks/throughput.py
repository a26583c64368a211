"""Calls to a server of 50 ms at concurrency 64, beside a bare aiohttp loop in the same round."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import projects
from benchmarks.child import run
from benchmarks.figures import Figure, Row
from benchmarks.gate_run import GateRun, gate_run
from benchmarks.options import Options

CALLS, FEW, CONCURRENCY, LATENCY_MS = 2_000, 200, 64, 50
TESTS = 100
MOST_RATIO, MOST_RATIO_TESTS, MOST_MS = 1.25, 1.5, 0.5


def measure(folder: Path, given: Options) -> list[Row]:
    """The same calls by the gate and by a bare loop, in turn."""
    projects.create(folder)
    rounds = 2 if given.quick else 5
    rows = _measure(folder, None, "", rounds)
    return rows + (_measure(folder, given.mock, "the given mock server", rounds) if given.mock else [])


def _measure(folder: Path, script: Path | None, note: str, rounds: int) -> list[Row]:
    one: list[float] = []
    many: list[float] = []
    raw_s: list[float] = []
    ours_s: list[float] = []
    cpu: list[float] = []
    with _server(script) as url:
        for _ in range(rounds):
            raw = _raw(url)
            whole = _gate(folder, url, 1, CALLS)
            few = _gate(folder, url, 1, FEW)
            tests = _gate(folder, url, TESTS, CALLS // TESTS)
            raw_s.append(raw)
            ours_s.append(whole.result["execution"]["wall_s"])
            one.append(ours_s[-1] / raw)
            many.append(tests.result["execution"]["wall_s"] / raw)
            cpu.append((whole.used.cpu_s - few.used.cpu_s) / (CALLS - FEW) * 1000.0)
        most = _most_in_flight(url)
    calls, at = f"{CALLS:,} calls", f"{LATENCY_MS} ms, {CONCURRENCY} at once"
    return [
        _figure(f"wall of {calls} against bare aiohttp", one, note, MOST_RATIO, "×"),
        _figure(f"wall of {TESTS} tests × {CALLS // TESTS} trials against the same", many, note, MOST_RATIO_TESTS, "×"),
        _figure("CPU per call, whole process", cpu, note, MOST_MS, "ms"),
        _figure(f"wall of {calls} ({at})", ours_s, note, None, "s"),
        _figure("the same with bare aiohttp", raw_s, note, None, "s"),
        _figure("most requests in flight at the server", [float(most)], note, None, ""),
    ]


def _figure(name: str, values: list[float], note: str, most: float | None, unit: str) -> Figure:
    return Figure(part="throughput", name=name, values=values, most=most, unit=unit, note=note)


def _gate(folder: Path, url: str, tests: int, trials: int) -> GateRun:
    suite = projects.server(folder, tests, trials, url)
    return gate_run(folder, suite, "--llm-record=live", f"--llm-concurrency={CONCURRENCY}", trials=tests * trials)


def _raw(url: str) -> float:
    command = [sys.executable, "-m", "benchmarks.raw_loop", url, str(CALLS), str(CONCURRENCY)]
    return float(json.loads(run(command, Path.cwd()).output)["wall_s"])


def _most_in_flight(url: str) -> int:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats") as answer:
        return int(json.load(answer)["max_inflight"])


@contextmanager
def _server(script: Path | None) -> Iterator[str]:
    """A mock server under way: ours, or another one's script."""
    port = _free_port()
    started = [str(script)] if script else ["-m", "benchmarks.mock_server"]
    command = [sys.executable, *started, "--port", str(port), "--latency-ms", str(LATENCY_MS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()  # says that it listens
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
