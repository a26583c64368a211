"""False alarms and misses of the rules on distributions, and the shots that they take."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from qiskit import qasm3

from benchmarks.circuits_bench import Bench, Made, Tallied, tallied
from benchmarks.circuits_samples import MODELS
from benchmarks.figures import Figure, Row
from benchmarks.options import Options
from pytest_llmgate.stats.shots.hypotheses import Alternative, align, tvd
from pytest_llmgate.stats.shots.identity_plan import plan_identity
from pytest_llmgate.stats.shots.minp import FixedIdentityRule
from pytest_llmgate.stats.shots.rule import Floats, ShotsRule
from pytest_llmgate.stats.shots.walks import walk

PART = "circuits-rates"
ALPHA, BETA, CEILING = 0.01, 0.05, 20_000
FAR, NEAR = 0.05, 0.95  # of a declared alternative that must be caught, and how often
NULLS: Mapping[str, Floats] = {
    "uniform 2": np.full(2, 0.5),
    "GHZ-3": np.array([0.455, 0.02, 0.01, 0.015, 0.015, 0.01, 0.02, 0.455]),
    "uniform 1,024": np.full(1024, 1 / 1024),
    "4 big + 60 × 1e-4": np.array([(1 - 60e-4) / 4] * 4 + [1e-4] * 60),
}
PASS_SHOTS = {"Bell": 800, "GHZ-5": 800, "GHZ-5 turned": 800, "QFT-6": 250, "Grover-3": 250, "random-10": 250}
NOISES = {
    "Brisbane noise": "brisbane",
    "parametric noise": "{depolarizing_1q: 3.0e-4, depolarizing_2q: 8.0e-3, readout: 0.015}",
}
DRAWS, STREAMS = 4_000, 1_000


class Null(NamedTuple):
    """False alarms of one rule on one distribution."""

    model: str
    kind: str
    runs: int


def measure(folder: Path, given: Options) -> list[Row]:
    """Simulated with fixed seeds: distributions that are written down, then circuits from their suite files."""
    runs, streams = (400, 100) if given.quick else (DRAWS, STREAMS)
    jobs = [Null(model, kind, runs) for model in NULLS for kind in KINDS]
    with ProcessPoolExecutor(2) as pool:
        rows = list(pool.map(_alarms, jobs))
    for number, (title, noise) in enumerate(NOISES.items()):
        rows += list(_circuits(folder / str(number), title, noise, streams))
    return rows


# ---- distributions that are written down


def _alarms(job: Null) -> Row:
    """Part of good streams that fail."""
    p = {f"{number:010b}": float(share) for number, share in enumerate(NULLS[job.model])}
    rule = KINDS[job.kind](p)
    law = rule.reference.p
    seed = [list(NULLS).index(job.model), list(KINDS).index(job.kind)]
    found = tallied(rule, law, job.runs, seed)
    allowed = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / job.runs)
    return Figure(
        part=PART, name=f"{job.model}: false alarms, {job.kind}", values=(found.fail_rate,), most=allowed, digits=4,
        note=f"{job.runs:,} runs, mean {found.shots:.0f} shots",
    )  # fmt: skip


def _fixed(shots: int) -> Any:
    def rule(p: Mapping[str, float]) -> ShotsRule:
        reference, _ = align(p)
        return FixedIdentityRule(reference=reference, shots=shots, alpha=ALPHA, seed=1)

    return rule


def _sequential(screen: Any) -> Any:
    def rule(p: Mapping[str, float]) -> ShotsRule:
        """Declared are two changes of TVD 0.05 on opposite sides."""
        moved = [("more", "angle", _moved(p, 0.05)), ("less", "angle", _moved(p, -0.05))]
        reference, others = align(p, moved)
        return plan_identity(reference, others, alpha=ALPHA, beta=BETA, ceiling=CEILING, screen=screen, seed=1).rule

    return rule


def _moved(p: Mapping[str, float], mass: float) -> dict[str, float]:
    """Mass moved from every other outcome to the others, in proportion."""
    odd = sum(list(p.values())[1::2])
    factors = (1 + mass / (1 - odd), 1 - mass / odd)
    return {outcome: share * factors[number % 2] for number, (outcome, share) in enumerate(p.items())}


KINDS: Mapping[str, Any] = {
    "fixed at 1,024": _fixed(1024),
    "fixed at 2,000": _fixed(2000),
    "sequential, screen quick": _sequential("quick"),
    "sequential, screen full": _sequential("full"),
}


# ---- circuits


def _circuits(root: Path, title: str, noise: str, streams: int) -> Iterator[Row]:
    """Each circuit against itself: what a good one takes, and what is caught of its declared alternatives."""
    bench = Bench(root)
    for name, maker in MODELS.items():
        (root / "suites" / f"{_file(name)}.qasm").write_text(qasm3.dumps(maker()), encoding="utf-8")
    quick, full = (bench.suite(screen, _suite(screen, noise)) for screen in ("quick", "full"))
    for name, first, second in zip(MODELS, quick, full, strict=True):
        yield from _model(f"{name}, {title}", name, bench.made(first), bench.made(second), streams)


def _suite(screen: str, noise: str) -> str:
    tests = [
        f"  - {{id: {_file(name)}, circuit: {_file(name)}.qasm, "
        f"assert: [{{type: distribution, reference: {_file(name)}.qasm}}]}}"
        for name in MODELS
    ]
    head = [f"suite: {screen}", "error_control: none", f"defaults: {{noise: {noise}, screen: {screen}}}", "tests:"]
    return "\n".join([*head, *tests])


def _file(name: str) -> str:
    return name.lower().replace(" ", "-")


def _model(title: str, name: str, quick: Made, full: Made, streams: int) -> Iterator[Row]:
    rule: Any = quick.rule
    screened: Any = full.rule
    p = rule.reference.p
    good, whole = tallied(rule, p, streams, [1]), tallied(screened, p, streams, [1])
    floor = max((_wald(p, other.p) for other in rule.declared), default=0.0)
    note = f"{len(rule.declared)} declared, Wald's bound for the nearest {floor:.0f}"
    yield _figure(f"{title}: mean shots of a pass, screen quick", good.shots, PASS_SHOTS[name], note)
    most = 1.1 * max(good.shots, screened.screen_at)
    yield _figure(f"{title}: the same, screen full", whole.shots, most, f"N = {screened.screen_at}")
    yield _percent(f"{title}: good circuits that do not pass, either screen", _open(good, whole), 100 * BETA)
    yield from _caught(title, rule, streams)


def _open(*each: Tallied) -> float:
    return 100 * max(1 - one.passed / one.runs for one in each)


def _wald(p: Floats, q: Floats) -> float:
    """Fewest mean shots under p of any test that lets q pass in at most beta, with no false alarm (Wald 1945)."""
    away = walk(p, p, q)
    return 0.0 if away.sudden or away.drift <= 0.0 else -math.log(BETA) / away.drift


def _caught(title: str, rule: Any, streams: int) -> Iterator[Row]:
    """Declared alternatives, all with as many streams; the worst of those that are far enough counts."""
    found = [(other, tallied(rule, other.p, max(20, streams // 5), [2])) for other in rule.declared]
    p = rule.reference.p
    far = [(other, one) for other, one in found if tvd(p, other.p) >= FAR]
    yield _missed(f"{title}: declared with TVD ≥ {FAR:g}, the worst: not caught", far)
    missing = [one for other, one in far if other.kind == "gate-missing"]
    yield _figure(f"{title}: mean shots until a missing gate is found", _mean(missing), 300, f"{len(missing)} gates")
    if "turned" in title:
        for kind, most in (("angle", 1_800), ("noise-doubled", 300)):
            these = [(other, one) for other, one in found if other.kind == kind]
            yield _missed(f"{title}: {kind}, not caught", these)
            yield _figure(f"{title}: {kind}, mean shots until it is caught", _mean([one for _, one in these]), most)


def _missed(name: str, found: Sequence[tuple[Alternative, Tallied]]) -> Figure:
    worst = min(found, key=lambda item: item[1].fail_rate, default=None)
    values = () if worst is None else (100 * (1 - worst[1].fail_rate),)
    said = "" if worst is None else f"{len(found)} alternatives; {worst[0].name}"
    allowed = 100 * (1 - NEAR) if worst is None else 100 * _allowed(1 - NEAR, worst[1].runs)
    return Figure(part=PART, name=name, values=values, most=allowed, unit="%", digits=1, note=said)


def _allowed(rate: float, runs: int) -> float:
    return rate + 3 * math.sqrt(rate * (1 - rate) / runs)


def _figure(name: str, value: float, most: float, note: str = "") -> Figure:
    return Figure(part=PART, name=name, values=(value,), most=most, digits=0, note=note)


def _percent(name: str, value: float, most: float) -> Figure:
    return Figure(part=PART, name=name, values=(value,), most=most, unit="%", digits=1)


def _mean(some: Sequence[Tallied]) -> float:
    return sum(one.shots for one in some) / max(1, len(some))
