"""The reviewer's page of a large run: bytes, elements, seconds to write, and seconds to open where a browser is."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.figures import Figure, Row
from benchmarks.options import Options

TESTS, TRIALS = 2000, 20


def measure(folder: Path, options: Options) -> list[Row]:
    """A synthetic run of 2,000 tests with 20 trials each, of which one in fifty fails."""
    from pytest_llmgate.extensions.registry import create_registry
    from pytest_llmgate.session.outputs import view_of, write_outputs
    from pytest_llmgate.store.rundir import RunDir

    folder.mkdir(parents=True)
    run = RunDir(folder, "synthetic")
    result = synthetic(folder)
    registry = create_registry()
    began = perf_counter()
    outputs = write_outputs(result, view_of(run, folder, {}), registry, lambda name, renderer: name == "html")
    spent = perf_counter() - began
    assert not outputs.warnings, outputs.warnings
    page = (folder / "report.html").read_text("utf-8")
    return [
        Figure(part="report", name="bytes of the page", values=(len(page.encode()) / 1e6,), unit="MB", most=5.0),
        Figure(part="report", name="elements", values=(page.count("<") - page.count("</"),), digits=0, most=75_000),
        Figure(part="report", name="2,000 tests of 20 trials written in", values=(spent,), unit="s", most=3.0),
        *_opened(folder / "report.html"),
    ]


def synthetic(folder: Path) -> dict[str, Any]:
    """Plan, trials and transcripts of such a run on disk, and its result."""
    draw = random.Random(7)
    result: dict[str, Any] = {
        "schema": "llmgate.result/1", "verdict": "fail", "run": {"id": "synthetic", "seed": 7}, "tests": [],
        "totals": {"tests": TESTS, "trials": TESTS * TRIALS, "calls": TESTS * TRIALS, "input_tokens": None,
                   "output_tokens": None, "cost_usd": None, "redactions": {}},
        "execution": {},
    }  # fmt: skip
    with (folder / "trials.jsonl").open("w") as trials, (folder / "transcripts.jsonl").open("w") as transcripts:
        for number in range(TESTS):
            test = _test(number, fails=number % 50 == 0)
            result["tests"].append(test)
            for index in range(TRIALS):
                good = test["verdict"] == "pass" or index % 2 == 0
                digest = f"{draw.getrandbits(128):032x}"
                trials.write(json.dumps(_trial(test["id"], index, digest, good)) + "\n")
                transcripts.write(json.dumps({"digest": digest, "text": "A refund takes 14 days. " * 20}) + "\n")
                if not good:
                    test["failing"].append({"gate": "contains", "case": f"c{index}", "repeat": 0, "index": index,
                                            "reason": "does not contain 'within'", "reply": digest})  # fmt: skip
    (folder / "plan.json").write_text("[]")
    return result


def _test(number: int, *, fails: bool) -> dict[str, Any]:
    good = TRIALS // 2 if fails else TRIALS
    usage = {"calls": TRIALS, "input_tokens": 900, "output_tokens": 400, "cost_usd": None}
    gate: dict[str, Any] = {
        "name": "contains", "type": "contains", "severity": "block", "verdict": "fail" if fails else "pass",
        "n": TRIALS, "successes": good, "holes": 0, "n_all": TRIALS, "successes_all": good,
        "estimate": good / TRIALS, "interval": [0.3, 0.7] if fails else [0.86, 1.0], "threshold": 0.95, "bad": 0.8,
        "bad_assumed": False, "alpha": 0.05, "alpha_used": 0.05, "family": 1, "beta": 0.05,
        "stop_reason": "boundary", "reason": f"{good} of {TRIALS}", "blocking": True, "quarantine": None,
        "figures": {},
    }  # fmt: skip
    return {
        "id": f"suites/s{number // 100}.suite.yaml::answers-{number}", "suite": f"s{number // 100}",
        "file": f"suites/s{number // 100}.suite.yaml", "line": 1, "kind": "prompt", "verdict": gate["verdict"],
        "target": "cases", "trials": TRIALS, "cases": TRIALS, "cases_total": TRIALS, "holes": 0,
        "distinct_replies": 1, "usage": usage, "gates": [gate], "problems": [], "warnings": [], "failing": [],
        "redactions": {},
    }  # fmt: skip


def _trial(test: str, index: int, digest: str, good: bool) -> dict[str, Any]:
    usage = {"calls": 1, "input_tokens": 45, "output_tokens": 20, "cost_usd": None}
    return {"test": test, "case": f"c{index}", "index": index, "repeat": 0, "seed": index,
            "verdicts": {"contains": good}, "scores": {}, "usage": usage, "latency_ms": 9.0, "queued_ms": 0.0,
            "replayed": False, "overrun": False, "error": None, "reply": digest}  # fmt: skip


def _opened(page: Path) -> list[Row]:
    """Seconds that the browser itself measures from navigation to the load event; nothing where none is installed."""
    browser = shutil.which("chromium")
    if browser is None:
        return []
    probe = page.with_name("probe.html")
    probe.write_text(_PROBE)
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
               "--disable-background-networking", "--allow-file-access-from-files", "--virtual-time-budget=20000",
               f"--user-data-dir={page.parent / 'profile'}", "--dump-dom", probe.as_uri()]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    spent = done.stdout.partition("<title>")[2].partition("<")[0]
    return [Figure(part="report", name="opened in Chromium in", values=(float(spent),), unit="s", most=2.0)]


_PROBE = """<!doctype html><title>-</title><iframe width=1200 height=900></iframe><script>
const frame = document.querySelector("iframe"), began = Date.now();
frame.onload = () => { document.title = (Date.now() - began) / 1000; }; frame.src = "report.html";
</script>"""
