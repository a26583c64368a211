"""What was seen of a circuit, row by row: outcomes, the causes that would explain them, streams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pytest_llmgate.core.plan import EQUIVALENT
from pytest_llmgate.core.rates import percent
from pytest_llmgate.reports.circuit_words import Row, is_figure
from pytest_llmgate.reports.numbers import counted, figure

_SURELY = 300  # powers of ten beyond which nobody reads the exponent
_POWERS = 3  # from here on a factor is written as a power of ten


# ---- why


def causes(gate: Row, most: int = 3) -> str:
    """`most like: cx q1,q2 missing, 10^12 times as likely as the reference (TVD 0.49); then …`, or nothing."""
    known = [row for row in gate.get("causes") or () if explains(row)]
    if not known:
        return "no declared change explains this better than the reference does" if gate.get("causes") else ""
    first, *rest = known[:most]
    then = "".join(f"; then {row['name']}, {times(row)}" for row in rest)
    small = " and too small to explain it" if too_small(first, gate) else ""
    return f"most like: {first['name']}, {likelihood(first)}{small} (TVD {figure(first['tvd'])}){then}"


def too_small(cause: Row, gate: Row) -> bool:
    """Whether a change moves the outcomes less than they have surely moved: something else happened, or more."""
    interval = gate.get("tvd_interval")
    return interval is not None and bool(cause["tvd"] < interval[0])


def explains(cause: Row) -> bool:
    """Whether a change is likelier than the reference; no ratio: the reference excludes what was seen."""
    return cause["log10_ratio"] is None or cause["log10_ratio"] > 0


def likelihood(cause: Row) -> str:
    """How much likelier a change makes what was seen than the reference does."""
    if cause["log10_ratio"] is None:
        return "possible, where the reference excludes what was seen"
    return f"{times(cause)} as likely as the reference"


def times(cause: Row) -> str:
    """`10^12 times`, `7.8 times`; `possible` where the reference excludes what was seen."""
    power = cause["log10_ratio"]
    if power is None:
        return "possible"
    if power > _SURELY:
        return f"more than 10^{_SURELY} times"
    return f"10^{power:.0f} times" if power >= _POWERS else f"{figure(10**power)} times"


# ---- outcomes and arms


class OutcomeRow(NamedTuple):
    """One outcome to be shown. expected, observed: shares from 0 to 1. shots: those observed.

    deviations: standard deviations of a good circuit's count between the two, 0 where there is no such figure, None for
    an outcome that was seen though a good circuit never gives it. rest: all outcomes that have no row of their own.
    """

    name: str
    expected: float
    observed: float
    shots: int
    deviations: float | None
    rest: bool = False

    @property
    def residual(self) -> str:
        """`−4.2`, `impossible`."""
        if self.deviations is None:
            return "impossible"
        return f"{self.deviations:+.1f}".replace("-", "−") if self.deviations else ""

    @property
    def seen(self) -> str:
        """`40.13 % (488)`."""
        return f"{percent(self.observed)} ({self.shots:,})"


def outcomes(gate: Row, most: int | None = None) -> list[OutcomeRow]:
    """The table of outcomes. most: so many rows, those that are farthest off, in the order of the table."""
    table, shots = gate.get("outcomes") or (), gate["shots"] or 1
    named = [row for row in table if row["outcome"] is not None]
    rest = [row for row in table if row["outcome"] is None]
    farthest = sorted(named, key=lambda row: -abs(row["observed"] / shots - row["expected"]))
    return _told_apart(named, rest, farthest if most is None else farthest[:most], shots)


def largest(gate: Row, most: int) -> list[OutcomeRow]:
    """The same with the outcomes that are, or should be, seen most often; the others stand together in the last row."""
    table, shots = gate.get("outcomes") or (), gate["shots"] or 1
    named = [row for row in table if row["outcome"] is not None]
    often = sorted(named, key=lambda row: -max(row["observed"] / shots, row["expected"]))
    return _told_apart(named, [row for row in table if row["outcome"] is None], often[:most], shots)


def _told_apart(named: Sequence[Row], rest: Sequence[Row], chosen: Sequence[Row], shots: int) -> list[OutcomeRow]:
    """A row for each chosen outcome, in the order of the table, and one for all others."""
    kept = {row["outcome"] for row in chosen}
    rows = [_outcome(row, shots) for row in named if row["outcome"] in kept]
    left = [*(row for row in named if row["outcome"] not in kept), *rest]
    return [*rows, *([_others(left, shots)] if left else [])]


def _outcome(row: Row, shots: int) -> OutcomeRow:
    name = row["outcome"] or "unknown outcomes"  # what the rule does not know has an empty name
    return OutcomeRow(name, row["expected"], row["observed"] / shots, row["observed"], _deviations(row))


def _deviations(row: Row) -> float | None:
    if row["residual"] is None:
        return None if not row["expected"] and row["observed"] else 0.0
    return float(row["residual"])


def _others(rows: Sequence[Row], shots: int) -> OutcomeRow:
    number = sum(row.get("others", 1) for row in rows)
    seen = sum(row["observed"] for row in rows)
    name = counted(number, "other")
    return OutcomeRow(name, min(1.0, sum(row["expected"] for row in rows)), seen / shots, seen, 0.0, rest=True)


class ArmRow(NamedTuple):
    """One stream of a gate that was asked of several."""

    name: str
    verdict: str
    shots: int
    measured: str


def arms(gate: Row) -> list[ArmRow]:
    """The streams of a gate; what `quantity` says was measured of each."""
    return [ArmRow(row["arm"], row["verdict"], row["n"], _brief(gate, row)) for row in gate.get("arms") or ()]


def quantity(gate: Row) -> str:
    """What a gate measures, in a word."""
    return "rate" if not is_figure(gate) else {"distribution": "TVD", EQUIVALENT: "fidelity"}.get(gate["type"], "value")


def _brief(gate: Row, row: Row) -> str:
    """`0.0603 (0 to 0.136)`."""
    shown = figure if is_figure(gate) else percent
    if row["estimate"] is None:
        return "unknown"
    if row["interval"] is None:
        return shown(row["estimate"])
    low, high = row["interval"]
    return f"{shown(row['estimate'])} ({shown(low).removesuffix(' %')} to {shown(high)})"
