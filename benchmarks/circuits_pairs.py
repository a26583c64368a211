"""Pairs of circuits, one a reference and one changed: which are told apart, which are let pass, and at what cost."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from qiskit import qasm3

from benchmarks.circuits_bench import Bench, Made, stream
from benchmarks.circuits_samples import pairs
from benchmarks.figures import Figure, Row
from benchmarks.options import Options
from pytest_llmgate.core.decision import Outcome

PART = "circuits-pairs"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "circuits"
DIFFERENT, EQUAL = 0.05, 0.002
SHOTS = 20_000
_Source = Path | tuple[str, str, str]  # of a file `fixed.qasm`, or name and both texts
EACH = 4  # changes of a kind to each circuit


class Seen(NamedTuple):
    """How one pair was decided."""

    name: str
    tvd: float
    verdict: str
    shots: int
    cpu_s: float


def measure(folder: Path, given: Options) -> list[Row]:
    """Pairs that lie beside the repository, and pairs made here; each set is one suite, with noise and without."""
    sets: dict[str, Sequence[_Source]] = {
        "made here": _made_here(1 if given.quick else EACH),
        "QASMBench": sorted(DATA.glob("*/fixed.qasm")),
    }
    rows: list[Row] = []
    for number, (name, found) in enumerate(sets.items()):
        for noise in ("none", "brisbane"):
            title = f"{name}, {'without noise' if noise == 'none' else 'Brisbane noise'}"
            if not found:
                rows.append(Figure(part=PART, name=title, values=(), note="skipped: the set is not here"))
                continue
            root = folder / f"{number}-{noise}"
            rows += _rows(title, _decided(_bench(root, found), noise))
    return rows


def _made_here(each: int) -> Sequence[tuple[str, str, str]]:
    return [(pair.name, qasm3.dumps(pair.fixed), qasm3.dumps(pair.changed)) for pair in pairs(each, seed=1)]


def _bench(root: Path, found: Iterable[_Source]) -> Bench:
    bench = Bench(root)
    for one in found:
        if isinstance(one, Path):
            shutil.copytree(one.parent, root / "suites" / one.parent.name)
            continue
        name, fixed, changed = one
        (root / "suites" / name).mkdir()
        (root / "suites" / name / "fixed.qasm").write_text(fixed, encoding="utf-8")
        (root / "suites" / name / "buggy.qasm").write_text(changed, encoding="utf-8")
    return bench


def _decided(bench: Bench, noise: str) -> list[Seen]:
    names = sorted(path.parent.name for path in (bench.root / "suites").glob("*/fixed.qasm"))
    tests = [
        f"  - {{id: {name}, circuit: {name}/buggy.qasm, "
        f"assert: [{{type: distribution, reference: {name}/fixed.qasm}}]}}"
        for name in names
    ]
    head = ["suite: pairs", f"defaults: {{noise: {noise}, shots: {SHOTS}}}", "tests:"]
    return [_seen(bench.made(plan)) for plan in bench.suite("pairs", "\n".join([*head, *tests]))]


def _seen(made: Made) -> Seen:
    decider = made.planned.decider
    if decider is None:  # other registers: no shot is needed
        return Seen(made.name, 1.0, made.planned.question.verdict, 0, made.cpu_s)
    rule, law = made.rule, made.law
    theirs = np.array([*(made.planned.expected.get(outcome, 0.0) for outcome in rule.outcomes), 0.0])
    outcome, shots = stream(rule, law, np.random.default_rng([int.from_bytes(made.name.encode()[-6:], "big")]))
    return Seen(made.name, float(np.abs(law - theirs).sum()) / 2, outcome.value, shots, made.cpu_s)


def _rows(title: str, seen: Sequence[Seen]) -> list[Row]:
    different = [one for one in seen if one.tvd >= DIFFERENT]
    equal = [one for one in seen if one.tvd <= EQUAL]
    between = [one for one in seen if EQUAL < one.tvd < DIFFERENT]
    missed = [one for one in different if one.verdict != Outcome.FAIL]
    alarms = [one for one in equal if one.verdict == Outcome.FAIL]
    still_open = [one for one in equal if one.verdict != Outcome.PASS]
    cpu = sum(one.cpu_s for one in seen)
    _list(title, between)
    return [
        _part(f"{title}: of {len(different)} with TVD ≥ {DIFFERENT:g} not failed", missed, different, 3.0),
        _part(f"{title}: of {len(equal)} with TVD ≤ {EQUAL:g} failed", alarms, equal, 0.0),
        _part(f"{title}: of those not passed", still_open, equal, 5.0),
        Figure(part=PART, name=f"{title}: between", values=(len(between),), note=_ends(between), digits=0),
        Figure(part=PART, name=f"{title}: mean shots of a fail", values=(_mean(different),), digits=0),
        Figure(part=PART, name=f"{title}: mean shots of a pass", values=(_mean(equal),), digits=0),
        Figure(part=PART, name=f"{title}: CPU to make {len(seen)} tests ready", values=(cpu,), unit="s"),
    ]  # fmt: skip


def _part(name: str, some: Sequence[Seen], of: Sequence[Seen], most: float) -> Figure:
    note = ", ".join(f"{one.name} {one.verdict} at TVD {one.tvd:.3f}" for one in some)
    return Figure(
        part=PART, name=name, values=(100 * len(some) / max(1, len(of)),), most=most, unit="%", digits=1, note=note
    )


def _ends(between: Sequence[Seen]) -> str:
    ends = Counter(one.verdict for one in between)
    return ", ".join(f"{number} {verdict}" for verdict, number in sorted(ends.items()))


def _list(title: str, between: Sequence[Seen]) -> None:
    """Print the pairs that may be decided either way: too many for a table."""
    print(f"{title}: between")
    for one in sorted(between, key=lambda one: one.tvd):
        print(f"  {one.name:32} TVD {one.tvd:.4f}  {one.verdict} after {one.shots:,} shots")


def _mean(some: Sequence[Seen]) -> float:
    return sum(one.shots for one in some) / max(1, len(some))
