"""Verdicts on circuits in words: distances instead of rates, shots instead of trials, causes instead of replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pytest_llmgate.core.plan import EQUIVALENT, UNRATED
from pytest_llmgate.reports.numbers import counted, figure, money

MOST_NOISE = 8
"""The factor of the noise up to which headroom is looked for."""

TOO_MANY = "they were too many to simulate"
"""Why some changes were not tried."""

_NEVER = 1e-9  # a TVD below this: the same distribution
_METHODS = {"exact": "exact probabilities", "given": "counts that the test returned", "hardware": "measured"}

Row = Mapping[str, Any]


def is_figure(gate: Row) -> bool:
    """Whether a gate asks for a distance or a value, where others ask for a rate."""
    return gate["type"] in UNRATED and not gate.get("compared")


# ---- what was drawn


def drawn(test: Row) -> str:
    """`1,216 shots in 14 chunks, exact probabilities under brisbane (2026-03-02), 5 qubits, depth 7`."""
    circuit = test["circuit"]
    jobs = test["usage"]["calls"]
    chunks = counted(jobs, "job") if jobs else counted(test["trials"], "chunk")
    cost = [money(test["usage"]["cost_usd"])] if jobs else []
    cases = [f"{test['cases']:,} of {counted(test['cases_total'], 'case')}"] if test["cases_total"] > 1 else []
    shots = f"{counted(circuit.get('shots'), 'shot')} in {chunks}" if circuit.get("shots") else "no shots"
    return ", ".join([shots, *cases, *_source(circuit), *size(circuit.get("shape") or {}), *cost])


def _source(circuit: Row) -> list[str]:
    """How shots were drawn, and under which noise."""
    if not circuit.get("shots"):
        return []
    how = " and ".join(_METHODS.get(method, f"method {method}") for method in circuit.get("methods", ())) or "drawn"
    if circuit.get("fallback"):
        return [f"{how} by the stand-in"]
    if circuit.get("backend", "aer") == "given":
        return [how]
    if circuit.get("backend", "aer") != "aer":
        return [f"{how} on {device(circuit)}"]
    noise = (circuit.get("described") or {}).get("noise", "none")
    return [f"{how} without noise" if noise == "none" else f"{how} under {noise}"]


def device(circuit: Row) -> str:
    """The backend that was asked for."""
    return ":".join(part for part in (circuit.get("backend"), circuit.get("device")) if part)


def size(shape: Row) -> list[str]:
    """`5 qubits`, `depth 7`."""
    found = [counted(shape["qubits"], "qubit")] if "qubits" in shape else []
    return [*found, *([f"depth {shape['depth']:,}"] if "depth" in shape else [])]


def fallback(test: Row) -> str:
    """That a stand-in drew the shots, or nothing."""
    circuit = test.get("circuit") or {}
    if circuit.get("fallback") and circuit.get("backend") == "given":
        return "fallback: these counts were not drawn on the device, but by its stand-in"
    return f"fallback: not drawn on {device(circuit)}, but by its stand-in" if circuit.get("fallback") else ""


class Shots(NamedTuple):
    """What all circuit tests of a run took."""

    tests: int
    shots: int
    chunks: int
    jobs: int

    def words(self, cost: str | None) -> list[str]:
        """`1,216 shots of 3 circuits`; jobs of devices and, where it is theirs alone, their cost."""
        found = [f"{counted(self.shots, 'shot')} of {counted(self.tests, 'circuit')}"]
        return found + ([counted(self.jobs, "job"), money(cost)] if self.jobs else [])


def shots_in_all(tests: Sequence[Row]) -> Shots | None:
    """Shots of all circuit tests, None where there is none."""
    found = [test for test in tests if test.get("circuit")]
    if not found:
        return None
    return Shots(
        len(found),
        sum(test["circuit"].get("shots") or 0 for test in found),
        sum(test["trials"] for test in found),
        sum(test["usage"]["calls"] or 0 for test in found),
    )


# ---- what was measured


def measured(gate: Row) -> str:
    """`TVD 0.0312, interval 0.012 to 0.051`; of an expectation its value, of an equivalence the fidelity."""
    if gate["type"] == EQUIVALENT:
        fidelity = gate.get("fidelity")
        return "nothing measured" if fidelity is None else f"fidelity {fidelity:.6g}"
    if gate["estimate"] is None:
        return "nothing measured"
    name = "" if gate["type"] == "expectation" else "TVD "
    if gate["interval"] is None:
        return name + figure(gate["estimate"])
    low, high = gate["interval"]
    return f"{name}{figure(gate['estimate'])}, interval {figure(low)} to {figure(high)}"


def says_it_all(gate: Row) -> bool:
    """Whether the sentence of a gate has its figures: nothing was drawn for it, or it has no limits to be named."""
    if not is_figure(gate):
        return False
    return not gate["n"] or (gate["threshold"] is None and gate["verdict"] == "fail")


def limits(gate: Row) -> str:
    """What counts as good and as bad; nothing where no shot decides."""
    good, bad = gate["threshold"], gate["bad"]
    if gate["type"] == "expectation" and good is not None:
        sides = ("at or above", "at or below") if bad < good else ("at or below", "at or above")
        return f"good {sides[0]} {figure(good)}, bad {sides[1]} {figure(bad)}"
    if good is not None:
        return f"good at or below TVD {figure(good)}, bad at or above {figure(bad)}"
    return f"good: as {gate['against']}" if gate.get("against") else ""


def headroom(gate: Row) -> str:
    """How much more noise the assertion would bear; nothing where that was not computed, or it fails already."""
    if "headroom" not in gate or gate["verdict"] == "fail" or gate.get("arms"):
        return ""  # of several streams it is that of one
    factor = gate["headroom"]
    if factor is None:
        return f"bears more than × {MOST_NOISE} of this noise"
    return f"bears × {figure(factor)} of this noise" if factor > 1 else "bears no more noise than this"


def levels(gate: Row) -> str:
    """The level of noise at which an assertion first fails, or nothing where it was asked at one level only."""
    if "first_failing_noise_scale" not in gate:
        return ""
    level = gate["first_failing_noise_scale"]
    return "fails at none of these levels of noise" if level is None else f"first fails at noise × {figure(level)}"


def unresolved(gate: Row, most: int) -> list[str]:
    """What a pass of this gate does not rule out: changes too near, those that no shot can show, those not tried."""
    near, never = too_near(gate), never_seen(gate)
    found = [f"too near to be told apart: {listed(near, most)}"] if near else []
    found += [f"never revealed by this measurement: {listed(never, most)}"] if never else []
    left_out = gate.get("left_out")
    return found + ([f"{counted(left_out, 'further change')} not tried: {TOO_MANY}"] if left_out else [])


def too_near(gate: Row) -> list[str]:
    """Changes that move the outcomes too little to be seen, with how far."""
    return [f"{row['name']} (TVD {figure(row['tvd'])})" for row in gate.get("unresolved", ()) if row["tvd"] >= _NEVER]


def never_seen(gate: Row) -> list[str]:
    """Changes that leave the outcomes as they are."""
    return [row["name"] for row in gate.get("unresolved", ()) if row["tvd"] < _NEVER]


def listed(names: Sequence[str], most: int) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
