"""Figures with what is wanted of them, and the table that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.options import Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure.

    values: one a round, none where it could not be measured (`note` says why). most: the largest value of the
    median that is wanted; None: for information. shown: how a value is written.
    """

    part: str
    name: str
    values: Sequence[float]
    most: float | None = None
    unit: str = ""
    digits: int = 2
    note: str = ""

    @property
    def short(self) -> bool:
        """Whether a wanted figure is missed, or was not measured."""
        return self.most is not None and (not self.values or median(self.values) > self.most)

    def row(self) -> tuple[str, str, str, str]:
        """Name, what is wanted, what was measured, and whether that will do."""
        name = f"{self.name} ({self.note})" if self.note else self.name
        return name, self._wanted(), self._measured(), self._word()

    def _wanted(self) -> str:
        return "" if self.most is None else f"≤ {self._number(self.most)}{self._unit()}"

    def _measured(self) -> str:
        if not self.values:
            return "not measured"
        middle = f"{self._number(median(self.values))}{self._unit()}"
        if len(self.values) == 1:
            return middle
        return f"{middle} [{self._number(min(self.values))} – {self._number(max(self.values))}]"

    def _word(self) -> str:
        if self.most is None:
            return ""
        return "short" if self.short else "ok"

    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""

    def _number(self, value: float) -> str:
        text = f"{value:.{self.digits}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A figure that is yes or no."""

    part: str
    name: str
    holds: bool | None
    note: str = ""

    @property
    def short(self) -> bool:
        return not self.holds

    def row(self) -> tuple[str, str, str, str]:
        """As `Figure.row`."""
        said = {True: "yes", False: "no", None: "not measured"}[self.holds]
        name = f"{self.name} ({self.note})" if self.note else self.name
        return name, "yes", said, "ok" if self.holds else "short"


Row = Figure | Check
Part = Callable[[Path, Options], list[Row]]
HEADER = ("figure", "wanted", "measured: median [min – max]", "")


def plain_table(rows: Sequence[Row]) -> str:
    """The table for a terminal."""
    cells = [HEADER, *(row.row() for row in rows)]
    widths = [max(len(cell[column]) for cell in cells) for column in range(len(HEADER))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(cell, widths, strict=True)) for cell in cells)


def markdown_rows(rows: Sequence[Row], measured: str) -> dict[str, list[str]]:
    """Lines of the table for the documentation by part; measured: when and on what."""
    found: dict[str, list[str]] = {}
    for row in rows:
        lines = found.setdefault(row.part, [f"| **{row.part}** | | {measured} | |"])
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in row.row())} |")
    return found


def parts_of(table: str) -> dict[str, list[str]]:
    """Lines by part of a table that stands in the documentation."""
    found: dict[str, list[str]] = {}
    part = ""
    for line in table.splitlines():
        if line.startswith("| **"):
            part = line.removeprefix("| **").partition("**")[0]
        if part and line.startswith("|"):
            found.setdefault(part, []).append(line)
    return found


def markdown_table(parts: Iterable[Sequence[str]]) -> str:
    """The table for the documentation, of the lines of its parts."""
    lines = [line for part in parts for line in part]
    return "\n".join([f"| {' | '.join(HEADER)} |", "|---|---|---|---|", *lines])
