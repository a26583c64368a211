"""Small models of noisy circuits, and streams of shots folded through a rule: for tests and for benchmarks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.stats.shots.rule import Floats, Seen, ShotsRule

MIXED, FLIP = 0.008, 0.015  # of a device like today's: what one cx depolarises, readout error


def ghz(qubits: int, *, angle: float = 0.0, noise: float = 1.0, reached: int | None = None) -> dict[str, float]:
    """A noisy GHZ state, measured.

    angle: added to the first rotation. noise: factor on both errors. reached: qubits that the chain of cx gets to
    (None: all), so that one gate is missing.
    """
    size = 2**qubits
    ones = qubits if reached is None else reached
    p = np.zeros(size)
    p[0] = math.cos(math.pi / 4 + angle / 2) ** 2
    p[(2**ones - 1) << (qubits - ones)] += 1.0 - p[0]
    mixed = 1.0 - (1.0 - MIXED) ** (noise * (qubits - 1))
    p = (1.0 - mixed) * p + mixed / size
    flip = 0.5 * (1.0 - (1.0 - 2.0 * FLIP) ** noise)
    readout = np.array([[1.0 - flip, flip], [flip, 1.0 - flip]])
    cube = p.reshape((2,) * qubits)
    for axis in range(qubits):
        cube = np.moveaxis(np.tensordot(readout, cube, (1, axis)), 0, axis)
    return named(cube.ravel())


def ghz_faults(qubits: int, *, both_angles: bool) -> list[tuple[str, str, dict[str, float]]]:
    """Declared alternatives of a GHZ circuit: each cx missing, the angle off, the noise doubled."""
    found = [(f"cx {i} missing", "gate-missing", ghz(qubits, reached=i)) for i in range(1, qubits)]
    found.append(("angle + 0.1", "angle", ghz(qubits, angle=0.1)))
    if both_angles:
        found.append(("angle - 0.1", "angle", ghz(qubits, angle=-0.1)))
    return [*found, ("noise doubled", "noise-doubled", ghz(qubits, noise=2.0))]


def uniform(outcomes: int) -> dict[str, float]:
    return named(np.full(outcomes, 1.0 / outcomes))


def sparse() -> dict[str, float]:
    """4 big outcomes and a tail of 60 that are hardly ever seen."""
    return named(np.array([(1.0 - 60e-4) / 4] * 4 + [1e-4] * 60))


def tilted(p: Mapping[str, float], distance: float) -> dict[str, float]:
    """Mass `distance` moved from every other outcome to its neighbours, in proportion."""
    values = np.array(list(p.values()))
    odd = np.arange(len(values)) % 2 == 1
    factor = np.where(odd, 1.0 - distance / values[odd].sum(), 1.0 + distance / values[~odd].sum())
    return dict(zip(p, (values * factor).tolist(), strict=True))


def named(p: Floats) -> dict[str, float]:
    """Probabilities by bitstring-like names."""
    return {format(i, f"0{max(1, (len(p) - 1).bit_length())}b"): float(value) for i, value in enumerate(p)}


class Stop(NamedTuple):
    outcome: Outcome
    reason: str
    shots: int


def stream(rule: ShotsRule, law: Floats, rng: np.random.Generator) -> Stop:
    """One stream of shots with distribution `law`, folded look by look as a run does it."""
    seen, before = Seen.none(len(rule.outcomes)), 0
    for ordinal, look in enumerate(rule.looks):
        seen = seen.plus(rng.multinomial(look - before, law), even=ordinal % 2 == 0)
        before = look
        if (decision := rule.decide(seen)) is not None:
            return Stop(decision.outcome, decision.stop_reason, look)
    raise AssertionError("undecided at the last look")


class Tallied(NamedTuple):
    """Parts of the streams that failed and passed, and the mean shots of all."""

    failed: float
    passed: float
    shots: float

    @classmethod
    def of(cls, rule: ShotsRule, law: Floats, runs: int, seed: int) -> Tallied:
        rng = np.random.default_rng(seed)
        stops = [stream(rule, law, rng) for _ in range(runs)]
        failed = sum(stop.outcome is Outcome.FAIL for stop in stops) / runs
        passed = sum(stop.outcome is Outcome.PASS for stop in stops) / runs
        return cls(failed, passed, sum(stop.shots for stop in stops) / runs)


def allowed(rate: float, runs: int) -> float:
    """A rate and three standard errors of a simulation that is exactly at it."""
    return rate + 3.0 * math.sqrt(rate * (1.0 - rate) / runs)
