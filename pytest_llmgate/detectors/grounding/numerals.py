"""Numbers as they are written: digits with separators, and words such as "twenty-five" or "two thirds"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_CARDINALS: Mapping[str, int] = {
    **{word: value for value, word in enumerate(_ONES)},
    **{word: 10 * place for place, word in enumerate(_TENS, start=2)},
}
_BIG: Mapping[str, int] = {
    "dozen": 12,
    "hundred": 100,
    "thousand": 1000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
_ORDINALS: Mapping[str, int] = {
    word: value
    for value, word in enumerate(
        [
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
            "eleventh",
            "twelfth",
            "thirteenth",
            "fourteenth",
            "fifteenth",
            "sixteenth",
            "seventeenth",
            "eighteenth",
            "nineteenth",
            "twentieth",
        ],
        start=2,
    )
}
_SHARES: Mapping[str, float] = {
    "half": 0.5, "halves": 0.5, "third": 1 / 3, "thirds": 1 / 3, "quarter": 0.25, "quarters": 0.25, "fifths": 0.2,
    "fifth": 0.2, "tenths": 0.1, "tenth": 0.1,
}  # fmt: skip

SPELLED_WORDS = frozenset([*_CARDINALS, *_BIG])
ORDINAL_WORDS = frozenset(["first", *_ORDINALS])
SHARE_WORDS = frozenset(_SHARES)
ONE_WORDS = frozenset({"a", "an"})
ORDINAL_ENDINGS = frozenset({"st", "nd", "rd", "th"})
"""Words without one of which a search for numbers of a kind finds nothing."""

_WORD = "|".join(sorted([*_CARDINALS, *_BIG], key=len, reverse=True))
SPELLED = re.compile(rf"\b(?:{_WORD})\b(?:(?:[ -]|\sand\s)(?:{_WORD})\b){{0,12}}", re.IGNORECASE)
ORDINAL = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})[ -])?(?P<word>first|{'|'.join(_ORDINALS)})\b"
    r"|\b(?P<digits>\d{1,3})(?:st|nd|rd|th)\b",
    re.IGNORECASE,
)
SHARE = re.compile(
    r"\b(?:(?P<top>one|two|three|four|an?)[ -])?(?:(?P<half>half)(?! an?\b|[- ]?time| past)|"
    r"(?P<part>halves|thirds|fifths|tenths|quarters|(?:third|quarter|fifth|tenth)(?= of\b)))\b"
    r"|(?<![\d/.,$€£])(?P<over>[1-9])/(?P<under>[2-9])(?![\d/])",
    re.IGNORECASE,
)
_ONE = re.compile(
    r"\b(?P<half>half )?an?(?= (?:second|minute|hour|day|week|month|year|mile|kilomet(?:re|er)|kilogram|met(?:re|er)|"
    r"pound|dollar|euro|foot|inch)s?\b)",
    re.IGNORECASE,
)
_NTH = re.compile(r"(?:first|second|third|fourth|last|other|either|each|both)\s$", re.IGNORECASE)
_NAMED = re.compile(r"(?<![\w-])(?!(?:[Mm]id|[Pp]re|[Pp]ost|[Ll]ate|[Ee]arly|[Nn]on)-)[A-Z][A-Za-z]*-$")
DIGITS = re.compile(
    r"(?<![A-Za-z0-9_])(?P<sign>(?<![\w)])[-−])?"
    r"(?P<number>\d{1,3}(?:[,'’\u00a0\u202f\u2009 ]\d{3})+(?![\d])(?:\.\d+)?|\d{1,3}(?:\.\d{3}){2,}|"
    r"\d+(?:[.,]\d+)?|\.\d+)"
)


class Numeral(NamedTuple):
    """A number in a text. values: its readings. step: what its last written digit stands for. word: not in digits."""

    start: int
    end: int
    values: tuple[float, ...]
    step: float = 1.0
    word: bool = False


def find_digits(text: str) -> Iterator[Numeral]:
    """Numbers in digits, without what stands in the middle of a name such as COVID-19 or A380."""
    for found in DIGITS.finditer(text):
        written = found["number"]
        if len(written) > 40 or _NAMED.search(text[max(0, found.start() - 20) : found.start()]):
            continue
        sign = -1.0 if found["sign"] else 1.0
        values = tuple(sign * value for value in _readings(written))
        yield Numeral(found.start(), found.end(), values, _step(written))


def find_spelled(text: str) -> Iterator[Numeral]:
    """Cardinals in words and "a dozen"; what begins with "million" has its number elsewhere and is none."""
    for found in SPELLED.finditer(text):
        words = [word for word in re.split(r"[\s-]+", found[0].lower()) if word != "and"]
        if words[0] not in _BIG or words[0] == "dozen":
            yield Numeral(found.start(), found.end(), (float(_cardinal(words)),), 1.0, True)


def find_single(text: str) -> Iterator[Numeral]:
    """A week, half an hour: one or half of a unit in words."""
    for found in _ONE.finditer(text):
        yield Numeral(found.start(), found.end(), (0.5 if found["half"] else 1.0,), 1.0, True)


def find_ordinals(text: str) -> Iterator[Numeral]:
    """Ordinals, in words from "second" on and in digits; "first" is mostly no count."""
    for found in ORDINAL.finditer(text):
        if found["digits"]:
            yield Numeral(found.start(), found.end(), (float(found["digits"]),))
        elif found["word"].lower() != "first" or found["tens"]:
            tens = _CARDINALS[found["tens"].lower()] if found["tens"] else 0
            yield Numeral(
                found.start(), found.end(), (float(tens + _ORDINALS.get(found["word"].lower(), 1)),), 1.0, True
            )


def find_shares(text: str) -> Iterator[Numeral]:
    """Parts of a whole ("half of", "two thirds of", "2/3"), as percentages; without halves and quarters of time."""
    for found in SHARE.finditer(text):
        if found["over"]:
            share = int(found["over"]) / int(found["under"])
        else:
            if not found["top"] and _NTH.search(text[max(0, found.start() - 10) : found.start()]):
                continue
            top = (found["top"] or "one").lower()
            share = (1 if top in ("a", "an") else _CARDINALS[top]) * _SHARES[(found["half"] or found["part"]).lower()]
        yield Numeral(found.start(), found.end(), (100.0 * share,), 1.0, True)


def _cardinal(words: list[str]) -> int:
    total = group = 0
    for word in words:
        if word in _CARDINALS:
            group += _CARDINALS[word]
        elif word in ("hundred", "dozen"):
            group = max(group, 1) * _BIG[word]
        else:
            total += max(group, 1) * _BIG[word]
            group = 0
    return total + group


def _readings(written: str) -> tuple[float, ...]:
    plain = re.sub(r"['’\u00a0\u202f\u2009 ]", "", written)
    commas, dots = plain.count(","), plain.count(".")
    if dots > 1:
        return (float(plain.replace(".", "")),)
    if commas == 1 and not re.search(r",\d{3}(?!\d)", plain):
        return (float(plain.replace(",", ".")),)
    value = float(plain.replace(",", ""))
    if dots == 1 and not commas and re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", plain):
        return value, float(plain.replace(".", ""))  # 1.200 is twelve hundred in half of the world
    return (value,)


def _step(written: str) -> float:
    """Half of this is what rounding can have taken away."""
    tail = re.search(r"[.,](\d+)$", written)
    if tail and not (len(tail[1]) == 3 and "," in written):
        return float(10.0 ** -len(tail[1]))
    digits = re.sub(r"\D", "", written)
    return float(10.0 ** (len(digits) - len(digits.rstrip("0")))) if digits.strip("0") else 1.0
