"""What `llmgate plan` says of one gate on a rate: its trials, or shots, and its chances."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_llmgate.reports.numbers import rough
from pytest_llmgate.reports.words import percent


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFigures:
    """What one gate will take.

    rule: in a word, as `sequential`. good, bad: as reported, so rates of the unwanted event where `unwanted`.
    mean_n: rows (what the build's rate is, that rate as reported, E[N]). n95_good: 95th percentile of N at good.
    ceiling: the most trials. p_*: probabilities of each end at the good and the bad rate. fixed_n: size of the one-look
    sample of the same risks; curtailed: its E[N] at good and at bad if it stopped as soon as its answer is settled.
    never_blocks_good: whether no good build can fail it (zero tolerance). notes: sentences. repeats: trials of one case
    that are judged together; above 1, all sizes count such groups.
    """

    name: str
    type: str
    rule: str
    good: float
    bad: float
    bad_assumed: bool
    alpha_used: float
    beta: float
    mean_n: Sequence[tuple[str, float, float]]
    n95_good: float
    ceiling: int
    p_blocked_good: float
    p_pass_bad: float
    p_inconclusive_good: float
    p_inconclusive_bad: float
    fixed_n: int | None = None
    curtailed: tuple[float, float] | None = None
    never_blocks_good: bool = False
    family: int = 1
    unwanted: bool = False
    severity: str = "block"
    notes: Sequence[str] = ()
    repeats: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFigures:
    """What a gate that is compared with a baseline will take. said: sentences; expected: trials, at a good build."""

    name: str
    severity: str
    expected: float
    said: Sequence[str]
    notes: Sequence[str] = ()


def compared_lines(gate: ComparedFigures) -> Iterator[tuple[int, str]]:
    """Indents and sentences."""
    first, *rest = gate.said
    severity = "" if gate.severity == "block" else f" [{gate.severity}: does not block]"
    yield 2, f"{gate.name}{severity}: {first}"
    for sentence in rest:
        yield 4, sentence
    for note in gate.notes:
        yield 4, f"note: {note}"


def gate_lines(gate: GateFigures, unit: str = "trial") -> Iterator[tuple[int, str]]:
    """Indents and sentences. unit: what is drawn, one by one."""
    unit = unit if gate.repeats == 1 else "group"
    good, bad = ("at or below", "at or above") if gate.unwanted else ("at or above", "at or below")
    assumed = " (assumed: state bad_rate to choose it)" if gate.bad_assumed else ""
    severity = "" if gate.severity == "block" else f" [{gate.severity}: does not block]"
    yield 2, f"{gate.name}{severity}: good {good} {percent(gate.good)}, bad {bad} {percent(gate.bad)}{assumed}"
    yield 4, f"{gate.rule}: {_blocking_risk(gate)}; lets a bad one pass at {percent(gate.beta)}"
    yield (
        4,
        f"{unit}s to expect: "
        + ", ".join(f"{rough(mean)} if {label} ({percent(rate)})" for label, rate, mean in gate.mean_n),
    )
    decided = f"95 of 100 good builds are decided by {unit} {rough(gate.n95_good)}, the last by {gate.ceiling:,}"
    yield 4, decided + _fixed(gate)
    yield (
        4,
        (
            f"a build at the good rate: fail {chance(gate.p_blocked_good)}, inconclusive "
            f"{chance(gate.p_inconclusive_good)}; at the bad rate: pass {chance(gate.p_pass_bad)}, inconclusive "
            f"{chance(gate.p_inconclusive_bad)}"
        ),
    )
    for note in gate.notes:
        yield 4, f"note: {note}"


def _blocking_risk(gate: GateFigures) -> str:
    if gate.never_blocks_good:
        return "fails at the first violation, so never a good build"
    shared = f", 1 of {gate.family} that share it" if gate.family > 1 else ""
    return f"blocks a good build at {percent(gate.alpha_used)} risk{shared}"


def _fixed(gate: GateFigures) -> str:
    """The sample that one look would take, to compare with."""
    if gate.fixed_n is None:
        return ""
    found = f"; one fixed sample would take {gate.fixed_n:,}"
    if gate.curtailed is None:
        return found
    good, bad = (rough(mean) for mean in gate.curtailed)
    return f"{found}, or if it ended once settled {good} at the good rate and {bad} at the bad"


def chance(probability: float) -> str:
    """A probability in percent; what is possible is never `0 %`."""
    if 0 < probability < 0.0001:
        return "< 0.01 %"
    return percent(probability)
