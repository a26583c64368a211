"""Counts out of results: every register, all shots, or an error; never silently fewer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.circuit import CircuitFailed


def sampled_counts(result: Any, circuit: Any, shots: int) -> dict[str, int]:
    """Counts of a sampler's result for one circuit, over all classical registers as Qiskit prints them.

    Raises CircuitFailed (`bad-result`) for other registers, widths or numbers of shots than were asked for.
    """
    registers = printed(circuit)
    data = result[0].data
    names = [register.name for register in registers]
    if sorted(data) != sorted(names):
        raise bad_result(f"the result has the registers {_listed(data)}, the circuit has {_listed(names)}")
    columns = []
    for register in registers:
        bits = data[register.name]
        if getattr(bits, "num_bits", None) != register.size:
            width = getattr(bits, "num_bits", None)
            raise bad_result(f"register {register.name!r} has {register.size} bits, its result has {width}")
        columns.append(bits.get_bitstrings())
    if any(len(column) != shots for column in columns):
        raise bad_result(f"{len(columns[0]):,} shots came back, {shots:,} were asked for")
    return dict(Counter(" ".join(row) for row in zip(*columns, strict=True)))


def backend_counts(result: Any, circuit: Any, shots: int) -> dict[str, int]:
    """Counts of a backend's result for one circuit; as `sampled_counts`."""
    widths = [register.size for register in printed(circuit)]
    found = result.get_counts()
    if not isinstance(found, Mapping):
        raise bad_result("the result holds several circuits, one was submitted")
    counts: Counter[str] = Counter()
    for outcome, count in found.items():
        if isinstance(count, bool) or int(count) != count or count < 0:
            raise bad_result(f"{count!r} is no number of shots")
        counts[_spaced(str(outcome), widths)] += int(count)
    if counts.total() != shots:
        raise bad_result(f"{counts.total():,} shots came back, {shots:,} were asked for")
    return {outcome: count for outcome, count in counts.items() if count}


def printed(circuit: Any) -> list[Any]:
    """The classical registers in the order in which Qiskit prints them: the last one first."""
    return [register for register in reversed(circuit.cregs) if register.size]


def _spaced(outcome: str, widths: list[int]) -> str:
    """An outcome with a space between registers, which some providers leave out."""
    digits = outcome.replace(" ", "")
    parts, start = [], 0
    for width in widths:
        parts.append(digits[start : start + width])
        start += width
    spaced = " ".join(parts)
    if set(digits) - {"0", "1"} or len(digits) != sum(widths) or outcome not in (digits, spaced):
        shape = " + ".join(str(width) for width in widths)
        raise bad_result(f"{outcome[:80]!r} is no outcome of a circuit with {shape} classical bits")
    return spaced


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"


def bad_result(message: str) -> CircuitFailed:
    """A result that is not what was asked for."""
    return CircuitFailed("bad-result", message)
