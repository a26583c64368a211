"""Prometheus' text format: what a textfile collector reads, one family after another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from pytest_llmgate.reports.escape import visible

Number = int | float | Decimal
Labels = tuple[tuple[str, str], ...]


def measured(value: Any) -> Number | None:
    """A figure of a record as a number; None for what was not measured, or is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = Decimal(value)
        except ArithmeticError:
            return None
    if not isinstance(value, (int, float, Decimal)):
        return None
    return value if math.isfinite(value) and value >= 0 else None


def labels(**values: object) -> Labels:
    """Labels of a series, in the order given."""
    return tuple((name, str(value)) for name, value in values.items())


@dataclass(slots=True)
class Family:
    """One metric. kind: as its TYPE line says. Samples: by suffix and labels, such as `_sum`."""

    name: str
    kind: Literal["counter", "gauge", "histogram", "summary"]
    meaning: str
    samples: dict[tuple[str, Labels], Number] = field(default_factory=dict)

    def put(self, of: Labels, value: Any, suffix: str = "") -> None:
        """The value of a series; nothing where it was not measured."""
        number = measured(value)
        if number is not None:
            self.samples[suffix, of] = number

    def add(self, of: Labels, value: Any, suffix: str = "") -> None:
        """Add to a series, which begins with the first figure that was measured."""
        number = measured(value)
        if number is not None:
            self.samples[suffix, of] = _sum(self.samples.get((suffix, of), 0), number)

    def observe(self, of: Labels, value: Any) -> None:
        """One more observation of a summary."""
        if measured(value) is not None:
            self.add(of, value, "_sum")
            self.add(of, 1, "_count")


def histogram(
    family: Family, counts: Mapping[Labels, list[int]], sums: Mapping[Labels, float], to: tuple[float, ...]
) -> None:
    """Fill a histogram. counts: observations by bucket; the last one holds what is above all bounds of `to`."""
    for of, found in counts.items():
        below = 0
        for bound, count in zip((*to, math.inf), found, strict=True):
            below += count
            text = "+Inf" if bound == math.inf else f"{bound:g}"
            family.put((*of, ("le", text)), below, "_bucket")
        family.put(of, sums[of], "_sum")
        family.put(of, below, "_count")


def exposition(families: Iterable[Family]) -> str:
    """The text of all families that have samples; the same families give the same bytes."""
    return "".join(_family(family) for family in families if family.samples)


def _family(family: Family) -> str:
    head = f"# HELP {family.name} {family.meaning}\n# TYPE {family.name} {family.kind}\n"
    lines = [f"{family.name}{suffix}{_labels(of)} {_number(value)}\n" for (suffix, of), value in family.samples.items()]
    return head + "".join(lines)


def _labels(of: Labels) -> str:
    return "{" + ",".join(f'{name}="{_quoted(value)}"' for name, value in of) + "}" if of else ""


def _quoted(text: str) -> str:
    """A label's value. What hides or steers is shown as an escape, two different texts never as the same one."""
    shown = visible(text.replace("\\", "\\\\"))
    return shown.replace("\\", "\\\\").replace('"', '\\"')


def _number(value: Number) -> str:
    return format(value, "f") if isinstance(value, Decimal) else repr(value)


def _sum(left: Number, right: Number) -> Number:
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        return Decimal(str(left)) + Decimal(str(right))
    return left + right
