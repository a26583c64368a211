"""Baseline files, and circuit baselines: approved outcome distributions, and how a circuit of today stands to one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import fsum, isfinite
from typing import Any, Literal

from pytest_llmgate.core.baseline_key import BaselineKey
from pytest_llmgate.core.compared import ReplyBaseline
from pytest_llmgate.core.plan import SUITE_SUFFIX

BASELINE_SUFFIX = ".baseline.json"
PARTS = 10**12
"""Exact probabilities are kept as whole parts of this, so that a file holds integers only and they add up exactly."""

Kind = Literal["probabilities", "counts"]
Standing = Literal["same", "circuit-changed", "stale-noise", "stale-transpile", "other-widths"]

_DUST = 1e-9
_SUM_SLACK = 1e-6


def baseline_file(file: str) -> str:
    """The baseline file beside a suite file or test module; both relative to the root."""
    return file.removesuffix(SUITE_SUFFIX).removesuffix(".py") + BASELINE_SUFFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitIdentity:
    """What a distribution belongs to.

    widths: of the classical registers in printing order, leftmost first. shape: at least `gates` (number by name),
    `depth` and `two_qubit`. noise_digest: None without noise. transpile_digest: of the settings, not of what they
    made of the circuit; None where nothing is transpiled.
    """

    widths: tuple[int, ...]
    circuit_digest: str
    shape: Mapping[str, Any]
    noise_digest: str | None = None
    transpile_digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBaseline:
    """The approved distribution of one arm of a gate.

    outcomes: parts of PARTS where kind is `probabilities`, shots where it is `counts`, by bitstring; those of 0 are
    left out. total: their sum. backend: the provider that drew it. reason, author: of its acceptance; empty and None
    in a proposal. The other fields are those of CircuitIdentity.
    """

    test: str
    gate: str
    arm: str = ""
    kind: Kind
    widths: tuple[int, ...]
    outcomes: Mapping[str, int]
    total: int
    circuit_digest: str
    shape: Mapping[str, Any]
    noise_digest: str | None = None
    transpile_digest: str | None = None
    backend: str = "aer"
    reason: str = ""
    author: str | None = None

    @property
    def key(self) -> BaselineKey:
        return BaselineKey(self.test, self.gate, self.arm)

    @property
    def identity(self) -> CircuitIdentity:
        return CircuitIdentity(
            widths=self.widths,
            circuit_digest=self.circuit_digest,
            shape=self.shape,
            noise_digest=self.noise_digest,
            transpile_digest=self.transpile_digest,
        )

    @property
    def shots(self) -> int | None:
        """Shots that were counted; None for exact probabilities."""
        return self.total if self.kind == "counts" else None

    def probabilities(self) -> dict[str, float]:
        """Shares by outcome. Only those of kind `probabilities` are exact: counts are a sample."""
        return {outcome: number / self.total for outcome, number in self.outcomes.items()}


AnyBaseline = CircuitBaseline | ReplyBaseline
"""One entry of a baseline file."""


def parts(probabilities: Mapping[str, float]) -> dict[str, int]:
    """Probabilities as whole parts that sum to PARTS exactly, by largest remainder; what rounds to 0 is left out.

    probabilities: finite, at least 0 up to dust of -1e-9, with a sum of 1 ± 1e-6; else ValueError. Off by less than
    1 / PARTS each, after dividing by their sum. Ties go to the smaller bitstring: the result is the same everywhere.
    """
    if not all(isfinite(p) and p >= -_DUST for p in probabilities.values()):
        raise ValueError("probabilities are finite and at least 0")
    if abs(fsum(probabilities.values()) - 1.0) > _SUM_SLACK:
        raise ValueError(f"probabilities sum to 1, not to {fsum(probabilities.values())!r}")
    exact = {outcome: Fraction(max(p, 0.0)) for outcome, p in probabilities.items()}
    whole = sum(exact.values())
    shares = {outcome: p * PARTS / whole for outcome, p in exact.items()}
    floors = {outcome: int(share) for outcome, share in shares.items()}
    missing = PARTS - sum(floors.values())
    for outcome in sorted(shares, key=lambda name: (floors[name] - shares[name], name))[:missing]:
        floors[outcome] += 1
    return {outcome: number for outcome, number in sorted(floors.items()) if number}


@dataclass(frozen=True, slots=True)
class BaselineState:
    """How a circuit stands to its baseline; sentences: what differs, for the verdict."""

    standing: Standing
    sentences: tuple[str, ...] = ()

    @property
    def stale(self) -> bool:
        """Whether no comparison can pass: inconclusive."""
        return self.standing in ("stale-noise", "stale-transpile")


def compare(baseline: CircuitBaseline, now: CircuitIdentity) -> BaselineState:
    """How today's circuit stands to its baseline; the worst difference gives the standing, each one its sentence.

    `other-widths` is another distribution: the gate fails. `stale-*`: inconclusive, never a pass. `circuit-changed`
    is compared all the same, and named.
    """
    found: list[tuple[Standing, str]] = []
    if baseline.widths != now.widths:
        found.append(("other-widths", _widths_differ(baseline.widths, now.widths)))
    if baseline.noise_digest != now.noise_digest:
        found.append(("stale-noise", f"stale baseline: {_noise_differs(baseline.noise_digest, now.noise_digest)}"))
    if baseline.transpile_digest != now.transpile_digest:
        found.append(("stale-transpile", "stale baseline: it was transpiled with other settings"))
    if baseline.circuit_digest != now.circuit_digest:
        changes = ", ".join(shape_changes(baseline.shape, now.shape)) or "same gates and depth, other angles or wiring"
        found.append(("circuit-changed", f"circuit changed since the baseline ({changes})"))
    if not found:
        return BaselineState("same")
    return BaselineState(found[0][0], tuple(sentence for _, sentence in found))


def shape_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """What differs between two shapes: `cx: 4 → 3`, `depth: 7 → 6`, `two-qubit gates: 4 → 3`."""
    gates = [
        (name, old["gates"].get(name, 0), new["gates"].get(name, 0)) for name in sorted({*old["gates"], *new["gates"]})
    ]
    rest = [("depth", old["depth"], new["depth"]), ("two-qubit gates", old["two_qubit"], new["two_qubit"])]
    return tuple(f"{name}: {before} → {after}" for name, before, after in [*gates, *rest] if before != after)


def distance(one: CircuitBaseline, other: CircuitBaseline) -> float:
    """Total variation distance of two recorded distributions, 0 to 1; of counts it is that of the samples."""
    outcomes = {*one.outcomes, *other.outcomes}
    apart = sum(
        abs(one.outcomes.get(name, 0) * other.total - other.outcomes.get(name, 0) * one.total) for name in outcomes
    )
    return apart / (2 * one.total * other.total)


def _widths_differ(old: tuple[int, ...], new: tuple[int, ...]) -> str:
    was, now = (" + ".join(map(str, widths)) or "none" for widths in (old, new))
    return f"the baseline has classical registers of {was} bits, the circuit of {now}: another distribution"


def _noise_differs(old: str | None, new: str | None) -> str:
    if old is None:
        return "it was taken without noise"
    return "it was taken with noise, and there is none now" if new is None else "it was taken under other noise"
