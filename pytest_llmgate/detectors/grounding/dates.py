"""Dates and times of day, whatever their format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<{0}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"(?P<{0}>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?P<{0}>[12]\d{{3}})"
_DATE = re.compile(
    rf"(?<![\w/.-])(?:"
    rf"{_DAY.format('d1')}(?:\s|-)(?:of\s)?{_MONTH.format('m1')}(?:(?:,?\s|-){_YEAR.format('y1')}\b)?"
    rf"|{_MONTH.format('m2')}\s?{_DAY.format('d2')}\b(?!\s?%|[.,:]\d)(?:\s?,?\s{_YEAR.format('y2')}\b)?"
    rf"|{_MONTH.format('m3')},?\s(?:of\s)?{_YEAR.format('y3')}\b"
    rf"|{_YEAR.format('y4')}[-/](?P<m4>[01]?\d)[-/](?P<d4>[0-3]?\d)\b"
    rf"|(?P<a5>[0-3]?\d)(?P<sep>[/.-])(?P<b5>[0-3]?\d)(?P=sep){_YEAR.format('y5')}\b"
    rf"|(?P<m6>0\d|1[0-2])/{_YEAR.format('y6')}\b"
    rf")",
    re.IGNORECASE,
)
_BARE_MONTH = re.compile(
    r"\b(?P<m>January|February|(?<=[iI]n )March|April|(?<=[iI]n )May|June|July|August|September|October|November|"
    r"December)\b"
)
_TIME = re.compile(
    r"(?<![\w:.])(?P<h>[012]?\d)(?:[:.](?P<min>[0-5]\d))?\s?(?P<half>[ap])\.?\s?m\b\.?"
    r"|(?<![\w:.])(?P<h2>[012]?\d):(?P<min2>[0-5]\d)(?![\d:])"
    r"|\b(?:12\s)?(?P<word>noon|midday|midnight)\b",
    re.IGNORECASE,
)

_LONG = "january february march april june july august september sept october november december"
DATE_WORDS = frozenset([*_MONTHS, *_LONG.split(), "noon", "midday", "midnight", "am", "pm", "m"])
"""Words without one of which a text has no date but in digits alone."""

Day = tuple[int | None, int | None, int | None]


class Dated(NamedTuple):
    """A date or time in a text. days: its readings (year, month, day), None where not said. minute: of the day."""

    start: int
    end: int
    days: tuple[Day, ...] = ()
    minute: int | None = None


def find_dates(text: str) -> Iterator[Dated]:
    """Dates of a text, then bare months, then times; they may overlap, the first is to be believed."""
    for found in _DATE.finditer(text):
        days = tuple(day for day in _readings(found) if _possible(day))
        if days:
            yield Dated(found.start(), found.end(), days)
    for found in _BARE_MONTH.finditer(text):
        yield Dated(found.start(), found.end(), ((None, _month(found["m"]), None),))
    for found in _TIME.finditer(text):
        minute = _minute(found)
        if minute is not None:
            yield Dated(found.start(), found.end(), (), minute)


def same_day(said: Day, known: Day) -> bool:
    """Whether all that `said` says is said by `known` too."""
    return all(mine is None or mine == theirs for mine, theirs in zip(said, known, strict=True))


def _readings(found: re.Match[str]) -> Iterator[Day]:
    if found["m1"]:
        yield _int(found["y1"]), _month(found["m1"]), int(found["d1"])
    elif found["m2"]:
        yield _int(found["y2"]), _month(found["m2"]), int(found["d2"])
    elif found["m3"]:
        yield int(found["y3"]), _month(found["m3"]), None
    elif found["m4"]:
        yield int(found["y4"]), int(found["m4"]), int(found["d4"])
    elif found["m6"]:
        yield int(found["y6"]), int(found["m6"]), None
    else:
        year, first, second = int(found["y5"]), int(found["a5"]), int(found["b5"])
        yield year, second, first
        if first != second and found["sep"] == "/":
            yield year, first, second


def _possible(day: Day) -> bool:
    _, month, date = day
    return (month is None or 1 <= month <= 12) and (date is None or 1 <= date <= 31)


def _minute(found: re.Match[str]) -> int | None:
    if found["word"]:
        return 0 if found["word"].lower() == "midnight" else 720
    if found["h2"]:
        hour, minute = int(found["h2"]), int(found["min2"])
        return hour * 60 + minute if hour < 24 else None
    hour, minute = int(found["h"]), int(found["min"] or 0)
    if not 1 <= hour <= 12:
        return None
    return (hour % 12 + (12 if found["half"].lower() == "p" else 0)) * 60 + minute


def _month(name: str) -> int:
    return _MONTHS.index(name[:3].lower()) + 1


def _int(digits: str | None) -> int | None:
    return int(digits) if digits else None
