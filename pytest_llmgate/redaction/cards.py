"""Finds payment card numbers: 13 to 19 digits, in one block or in groups, with a right check digit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_llmgate.redaction.finds import CARD, Find
from pytest_llmgate.redaction.pseudonyms import is_card_stand_in, luhn

_GAP = " \u00a0\u2009\u202f\u2010\u2011\u2013-"
_LIKELY = re.compile(rf"[0-9](?:[{_GAP}]?[0-9]){{12}}")
# Not after or before a decimal point: the digits of a fraction are no card.
_RUN = re.compile(rf"(?<![0-9])(?<![0-9]\.)[0-9]++(?:[{_GAP}][0-9]++)*+(?!\.[0-9])")
_GROUP = re.compile(r"[0-9]+")
_ISSUERS = "23456"  # first digits of payment cards

Span = tuple[int, int]


def find_cards(text: str) -> Iterator[Find]:
    """Card numbers, and our stand-ins for them, in a text."""
    if not _LIKELY.search(text):
        return
    for run in _RUN.finditer(text):
        if run.end() - run.start() >= 13:
            yield from _in_run(text, [found.span() for found in _GROUP.finditer(text, run.start(), run.end())])


def _in_run(text: str, groups: list[Span]) -> Iterator[Find]:
    """Stand-ins first: what is left between them is searched for cards."""
    rest: list[Span] = []
    at = 0
    while at < len(groups):
        size = _fits(text, groups, at, stand_in=True)
        if size:
            yield Find(groups[at][0], groups[at + size - 1][1], CARD, done=True)
            yield from _cards(text, rest)
            rest = []
        else:
            rest.append(groups[at])
        at += size or 1
    yield from _cards(text, rest)


def _cards(text: str, groups: list[Span]) -> Iterator[Find]:
    at = 0
    while at < len(groups):
        size = _fits(text, groups, at, stand_in=False)
        if size:
            yield Find(groups[at][0], groups[at + size - 1][1], CARD)
        at += size or 1


def _fits(text: str, groups: list[Span], at: int, *, stand_in: bool) -> int:
    """How many groups from `at` on make one number; 0 for none. The longest counts."""
    start, end = groups[at]
    if text[start] not in ("9" if stand_in else _ISSUERS):
        return 0
    if 13 <= end - start <= 19:
        return int(_valid(text[start:end], stand_in))
    digits, best = "", 0
    for count, (left, right) in enumerate(groups[at : at + 6], 1):
        digits += text[left:right] if 3 <= right - left <= 6 else "x" * 20
        if len(digits) > 19:
            break
        if count >= 3 and len(digits) >= 13 and _valid(digits, stand_in):
            best = count
    return best


def _valid(digits: str, stand_in: bool) -> bool:
    return is_card_stand_in(digits) if stand_in else luhn(digits)
