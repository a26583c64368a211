"""The page's drawings: inline SVG without script, style attributes or outside references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from markupsafe import Markup

from pytest_llmgate.reports.bar import WIDTH, bar_of
from pytest_llmgate.reports.escape import visible

_WORDS = {"good": 27.0, "bad": 21.0}  # the widest that these are at their size, in units of the drawing
_APART = 4.0  # between the two words


class Word(NamedTuple):
    """The word at a limit. place: of its line; start: where the word begins."""

    word: str
    place: float
    start: float

    @property
    def end(self) -> float:
        return self.start + _WORDS[self.word]


def interval(gate: Mapping[str, Any], said: str) -> Markup:
    """The interval of a gate between its limits, on a scale that holds all of them; empty where there is none.

    said: the same in words, for those who do not see it.
    """
    bar = bar_of(gate)
    if bar is None:
        return Markup("")
    marks = [] if bar.good is None or bar.bad is None else [_limit(word) for word in limits(bar.good, bar.bad)]
    return Markup(
        '<svg class="interval" viewBox="0 0 {width:g} 46" role="img" aria-label="{said}">'
        '<path class="axis" d="M8 24H{end:g}"/>'
        '<rect class="span" x="{bar.low:g}" y="19" width="{bar.width:g}" height="10" rx="3"/>{marks}'
        '<circle class="dot" cx="{bar.estimate:g}" cy="24" r="4.5"/>'
        '<text x="8" y="44">{bar.first}</text><text class="end" x="{end:g}" y="44">{bar.last}</text></svg>'
    ).format(width=WIDTH, end=WIDTH - 8, bar=bar, said=visible(said), marks=Markup("").join(marks))


def limits(good: float, bad: float) -> tuple[Word, Word]:
    """The words of two limits, each away from the other one, side by side and within the drawing however near they are.

    good, bad: places of the limits.
    """
    (left, first), (right, last) = sorted([("good", good), ("bad", bad)], key=lambda limit: limit[1])
    start = min(last - 2, WIDTH - _WORDS[right])
    begin = max(min(first + 2, start - _APART) - _WORDS[left], 0.0)
    return Word(left, first, begin), Word(right, last, max(start, begin + _WORDS[left] + _APART))


def _limit(own: Word) -> Markup:
    """The line of a limit, which ends above the labels of the axis, and its word."""
    # The word may be narrower than its room: it stands at the end that is nearer to its line.
    after = own.place < own.start + _WORDS[own.word] / 2
    side, at = ("start", own.start) if after else ("end", own.end)
    return Markup(
        '<path class="{own.word}" d="M{own.place:g} 13V32"/>'
        '<text class="{side} {own.word}" x="{at:g}" y="10">{own.word}</text>'
    ).format(own=own, side=side, at=round(at, 1))


def share(value: float) -> Markup:
    """A share from 0 to 1 as a small bar; the figure stands beside it."""
    return Markup(
        '<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="axis" width="100" height="8"/><rect class="dot" width="{:g}" height="8"/></svg>'
    ).format(round(100 * value, 1))


def pair(expected: float, observed: float) -> Markup:
    """Two bars, widths in percent: what was expected above what was seen; the figures stand beside them.

    What is longer than the drawing ends in a gap with a stub behind it.
    """
    return Markup(
        '<svg class="pair" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">{}{}</svg>'
    ).format(_bar("expected", 0, expected), _bar("observed", 8, observed))


def _bar(name: str, y: int, width: float) -> Markup:
    bar = Markup('<rect class="{}" y="{}" width="{:g}" height="6"/>')
    if width <= 100:
        return bar.format(name, y, width)
    return bar.format(name, y, 93) + Markup('<rect class="{}" x="96" y="{}" width="4" height="6"/>').format(name, y)


def picture(name: str, box: str, said: str, *parts: Markup) -> Markup:
    """An SVG picture with a description. box: its view box, in its own units."""
    return Markup('<svg class="{}" viewBox="{}" role="img" aria-label="{}">{}</svg>').format(
        name, box, visible(said), Markup("").join(parts)
    )
