"""Proposing, accepting and comparing baselines: the same bytes for any workers, and how long 2,000 tests take."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

from benchmarks import projects
from benchmarks.figures import Check, Figure, Row
from benchmarks.gate_run import gate_run
from benchmarks.options import Options
from pytest_llmgate.core.compared import DIGESTS, ReplyBaseline
from pytest_llmgate.session import baseline_words, baselines
from pytest_llmgate.session.baseline_diff import diff
from pytest_llmgate.store.baseline_lines import encode
from pytest_llmgate.store.baselines import read_baselines
from pytest_llmgate.store.proposals import write_proposals
from pytest_llmgate.store.rundir import RunDir

_TESTS, _CASES = 2000, 10
_SUITE = """
suite: b
models: {m: {provider: python, target: "models.py:reply"}}
prompts: {p: {text: "{{q}}"}}
defaults: {model: m, cases: [{q: a}, {q: bb}, {q: ccc}, {q: dddd}]}
tests:
"""
_TEST = """
- id: t%d
  prompt: p
  baseline_trials: 40
  assert: [{type: min-length, value: 2, baseline: true}, {type: cost-regression}]
"""
_MODEL = """
import random
from pytest_llmgate import Reply

def reply(request):
    drawn = random.Random(request.seed)
    return Reply("yes" if drawn.random() < 0.9 else "", input_tokens=5, output_tokens=50 + drawn.randrange(9))
"""
_FILE = "suites/b.baseline.json"


def measure(folder: Path, given: Options) -> list[Row]:
    """Bytes of accepted baselines by number of workers; seconds of a diff."""
    return [*_same_bytes(folder / "bytes"), *_seconds(folder / "diff", 3 if given.quick else 7)]


def _same_bytes(folder: Path) -> list[Row]:
    root = projects.create(folder)
    suite = root / "suites/b.suite.yaml"
    suite.parent.mkdir(exist_ok=True)
    suite.write_text(_SUITE + "".join(_TEST % number for number in range(8)))
    (suite.parent / "models.py").write_text(_MODEL)
    found = {}
    for workers in ("0", "2", "4"):
        if workers != "0" and find_spec("xdist") is None:
            continue
        (root / _FILE).unlink(missing_ok=True)
        gate_run(
            root, "suites/b.suite.yaml", "--llm-baseline=propose", "-n", workers, keep=("xdist", "xdist.looponfail")
        )
        baselines.accept(root, None, (), reason="bench", changed=True, environ={})
        found[workers] = hashlib.sha256((root / _FILE).read_bytes()).hexdigest()
    name = "the accepted file has the same bytes at -n0, -n2 and -n4"
    holds = len(set(found.values())) == 1 if len(found) == 3 else None
    return [Check(part="baselines", name=name, holds=holds, note="" if len(found) == 3 else "needs pytest-xdist")]


def _seconds(root: Path, rounds: int) -> list[Row]:
    """A suite of 2,000 tests with 10 cases each: the proposals of a run against the file of the checkout."""
    (root / "suites").mkdir(parents=True)
    (root / "suites/b.suite.yaml").write_text(_SUITE)
    (root / _FILE).write_bytes(encode(_entries(passed=9)))
    run = RunDir.create(root)
    (run.path / "run.json").write_text('{"schema": "llmgate.run/1"}')
    write_proposals(run, _entries(passed=8))
    old = read_baselines(root / _FILE, root).entries
    seconds = []
    for _ in range(rounds):
        began = perf_counter()
        found = _diffed(root, run)
        seconds.append(perf_counter() - began)
        assert found > len(old)  # a line a change at least
    return [Figure(part="baselines", name="diff of a suite of 2,000 tests", values=seconds, most=2.0, unit="s")]


def _diffed(root: Path, run: RunDir) -> int:
    """Lines of the diff, read and compared anew."""
    run.write_result(
        {"schema": "llmgate.result/1", "verdict": "pass", "run": {}, "totals": {}, "tests": [], "execution": {}}
    )
    (run.path / "run.json").write_text(_MANIFEST % run.id)
    found = diff(root, str(run.path), None, {})
    return len(baseline_words.lines(found.title, found.changes, found.loosened))


_MANIFEST = (
    '{"schema": "llmgate.run/1", "id": "%s", "seed": 0, "plan_digest": "", "record": "new", "commit": null, '
    '"dirty": null, "started": "", "tests": [], "finished": true}'
)


def _entries(passed: int) -> list[ReplyBaseline]:
    cases = {f"case-{number}": {"passed": passed, "n": 10} for number in range(_CASES)}
    return [
        ReplyBaseline(
            test=f"suites/b.suite.yaml::t{number}", gate="contains", kind="quality", cases=cases,
            figures={"passed": passed * _CASES, "n": 10 * _CASES}, digests=dict.fromkeys(DIGESTS),
        )
        for number in range(_TESTS)
    ]  # fmt: skip
