"""The page's drawings: inline SVG without script, style attributes or outside references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from pytest_llmgate.reports.bar import WIDTH, bar_of
from pytest_llmgate.reports.escape import visible

_LABEL = 30.0  # room that the word at a limit takes


def interval(gate: Mapping[str, Any], said: str) -> Markup:
    """The interval of a gate between its limits, on a scale that holds all of them; empty where there is none.

    said: the same in words, for those who do not see it.
    """
    bar = bar_of(gate)
    if bar is None:
        return Markup("")
    marks = []
    if bar.good is not None and bar.bad is not None:
        good_first = bar.good < bar.bad
        marks += [_limit("good", bar.good, before=good_first), _limit("bad", bar.bad, before=not good_first)]
    return Markup(
        '<svg class="interval" viewBox="0 0 {width:g} 44" role="img" aria-label="{said}">'
        '<path class="axis" d="M8 24H{end:g}"/>'
        '<rect class="span" x="{bar.low:g}" y="19" width="{bar.width:g}" height="10" rx="3"/>{marks}'
        '<circle class="dot" cx="{bar.estimate:g}" cy="24" r="4.5"/>'
        '<text x="8" y="42">{bar.first}</text><text class="end" x="{end:g}" y="42">{bar.last}</text></svg>'
    ).format(width=WIDTH, end=WIDTH - 8, bar=bar, said=visible(said), marks=Markup("").join(marks))


def _limit(word: str, place: float, *, before: bool) -> Markup:
    """A limit with its word on the side that faces away from the other one, where there is room."""
    if before and place < _LABEL:
        before = False
    elif not before and place > WIDTH - _LABEL:
        before = True
    side, at = ("end", place + 2) if before else ("start", place - 2)
    return Markup(
        '<path class="{word}" d="M{place:g} 13V35"/><text class="{side}" x="{at:g}" y="10">{word}</text>'
    ).format(word=word, place=place, side=side, at=at)


def share(value: float) -> Markup:
    """A share from 0 to 1 as a small bar; the figure stands beside it."""
    return Markup(
        '<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="axis" width="100" height="8"/><rect class="dot" width="{:g}" height="8"/></svg>'
    ).format(round(100 * value, 1))


def pair(expected: float, observed: float) -> Markup:
    """Two bars, widths in percent: what was expected above what was seen; the figures stand beside them."""
    return Markup(
        '<svg class="pair" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="expected" width="{:g}" height="6"/><rect class="observed" y="8" width="{:g}" height="6"/></svg>'
    ).format(expected, observed)


def picture(name: str, box: str, said: str, *parts: Markup) -> Markup:
    """An SVG picture with a description. box: its view box, in its own units."""
    return Markup('<svg class="{}" viewBox="{}" role="img" aria-label="{}">{}</svg>').format(
        name, box, visible(said), Markup("").join(parts)
    )
