"""Small tables of plain text, in as many columns as there is room for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pytest_llmgate.reports.escape import columns, harmless

_GAP = 2
_LEAST = 6  # columns of a name below which a table is not worth its columns


def table(head: Sequence[str], rows: Sequence[Sequence[str]], width: int, left: Collection[int] = (0,)) -> list[str]:
    """Lines of a table; text of others in it is made harmless.

    left: columns that begin at their left. Names in the first column are cut in the middle where they are too long;
    where there is no room for them at all, every row is a sentence.
    """
    cells = [[harmless(cell) for cell in row] for row in (head, *rows)]
    widths = [max(columns(row[place]) for row in cells) for place in range(len(head))]
    room = width - sum(widths[1:]) - _GAP * (len(head) - 1)
    if room < min(_LEAST, widths[0]):
        return [_sentence(cells[0], row) for row in cells[1:]]
    widths[0] = min(widths[0], room)
    return [_line([_cut(row[0], widths[0]), *row[1:]], widths, left) for row in cells]


def _sentence(head: Sequence[str], row: Sequence[str]) -> str:
    named = [f"{name} {cell}" for name, cell in zip(head[1:], row[1:], strict=True) if cell]
    return f"{row[0]}: {', '.join(named)}"


def _line(row: Sequence[str], widths: Sequence[int], left: Collection[int]) -> str:
    padded = []
    for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
        blank = " " * (width - columns(cell))
        padded.append(cell + blank if place in left else blank + cell)
    return (" " * _GAP).join(padded).rstrip()


def _cut(text: str, width: int) -> str:
    """At most `width` columns of a text, its middle left out."""
    if columns(text) <= width:
        return text
    head, tail = "", ""
    while True:
        side = len(head) <= len(tail)
        more = (head + text[len(head)], tail) if side else (head, text[-1 - len(tail)] + tail)
        if columns(more[0]) + columns(more[1]) + 1 > width:
            return f"{head}…{tail}"
        head, tail = more
