"""Finds payment card numbers: 12 to 19 digits of an issuer, in one block or in groups, with a right check
digit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_llmgate.core.private_kinds import CARD
from pytest_llmgate.redaction.finds import Find, words_before
from pytest_llmgate.redaction.pseudonyms import is_card_stand_in, luhn

_GAP = " \u00a0\u2009\u202f\u2010\u2011\u2013-"
_LIKELY = re.compile(rf"[0-9](?:[{_GAP}]?[0-9]){{11}}")
# Not after or before a decimal point: the digits of a fraction are no card.
_RUN = re.compile(rf"[0-9](?<![0-9].)(?<![0-9]\..)[0-9]*+(?:[{_GAP}][0-9]++)*+(?!\.[0-9])")
_GROUP = re.compile(r"[0-9]+")
# First digits of payment cards and the lengths of their numbers: Visa, Mastercard, American Express, Diners, Discover,
# JCB, UnionPay, Maestro, Mir and RuPay.
_ISSUERS = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"
    r"|3[47][0-9]{13}|3(?:0[0-5]|09|[689][0-9])[0-9]{11,16}|(?:6011|64[4-9][0-9]|65[0-9]{2})[0-9]{12,15}"
    r"|35[0-9]{14,17}|(?:2131|1800)[0-9]{11}|(?:62|81|82|60)[0-9]{14,17}"
    r"|(?:50|5[6-8]|6[0-9])[0-9]{10,17}|220[0-4][0-9]{12,15}"
)
_CARD_WORD = re.compile(r"\b(?:card|cc|visa|mastercard|amex|maestro|pan)\b", re.IGNORECASE)
_LOOK_BACK = 40
_SHORTEST = 12

Span = tuple[int, int]


def find_cards(text: str) -> Iterator[Find]:
    """Card numbers, and our stand-ins for them, in a text."""
    if not _LIKELY.search(text):
        return
    for run in _RUN.finditer(text):
        if run.end() - run.start() >= _SHORTEST:
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
    if stand_in and text[start] != "9":
        return 0
    if _SHORTEST <= end - start <= 19:
        return int(_valid(text, start, text[start:end], stand_in))
    digits, best = "", 0
    for count, (left, right) in enumerate(groups[at : at + 6], 1):
        digits += text[left:right] if 3 <= right - left <= 6 else "x" * 20
        if len(digits) > 19:
            break
        if count >= 3 and len(digits) >= _SHORTEST and _valid(text, start, digits, stand_in):
            best = count
    return best


def _valid(text: str, start: int, digits: str, stand_in: bool) -> bool:
    """A right check digit, and an issuer's number or the word for it shortly before."""
    if stand_in:
        return is_card_stand_in(digits)
    if len(set(digits)) == 1 or not luhn(digits):
        return False
    known = _ISSUERS.fullmatch(digits) is not None
    return known or _CARD_WORD.search(words_before(text, start, _LOOK_BACK)) is not None
