"""Quantities of a text, in whatever format, and whether one says what another says."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pytest_llmgate.detectors.grounding import units
from pytest_llmgate.detectors.grounding.dates import DATE_WORDS, Day, find_dates, same_day
from pytest_llmgate.detectors.grounding.numerals import (
    ONE_WORDS,
    ORDINAL_ENDINGS,
    ORDINAL_WORDS,
    SHARE_WORDS,
    SPELLED_WORDS,
    Numeral,
    find_digits,
    find_ordinals,
    find_shares,
    find_single,
    find_spelled,
)

_HEDGE = re.compile(
    r"\b(?:about|around|roughly|approximately|approx\.?|nearly|almost|over|more than|under|less than|at least|"
    r"up to|some|circa|ca\.|c\.|close to|just|fewer than|upwards of|beyond)\s?(?:the\s|a\s)?[$€£¥~]?$"
    r"|[~≈><≥≤]\s?[$€£¥]?$",
    re.IGNORECASE,
)
_CITATION = re.compile(
    r"\[\s?\d{1,3}(?:\s?[,–-]\s?\d{1,3})*\s?\]|\(\s?\d{1,2}\s?\)|(?m:^\s*\d{1,2}[.)](?=\s))|(?m:^\s*#+\s)"
)
_UNIT = re.compile(
    r"\s?-?(?:(?:business|working|calendar|full|whole|consecutive|square)\s(?=days|years|hours|weeks|months))?(?P<unit>[A-Za-z°%²µ/$€£¥][A-Za-z²/0-9$]*\.?)"
)
_DECADE = re.compile(r"['’]?s\b")
_SIGNS = ("us$", "$", "€", "£", "¥", "₹", "usd", "eur", "gbp", "chf", "jpy")
_NEAR = 0.005  # two roundings of one figure in different units


class Quantity(NamedTuple):
    """A number, date or time at a place. options: its readings, (kind, value in the base unit). raw: as written."""

    start: int
    end: int
    options: tuple[tuple[str, Any], ...]
    raw: tuple[float, ...]
    step: float = 0.0
    hedged: bool = False
    word: bool = False
    scaled: bool = False


def find_quantities(text: str) -> tuple[Quantity, ...]:
    """All quantities of a text in order, without citation marks and list numbers."""
    found: list[Quantity] = []
    taken: list[tuple[int, int]] = []
    for quantity in _candidates(text):
        taken = taken or [(0, 0), *(mark.span() for mark in _CITATION.finditer(text))]
        if all(quantity.end <= start or quantity.start >= end for start, end in taken):
            taken.append((quantity.start, quantity.end))
            found.append(quantity)
    return tuple(_shared_units(text, sorted(found)))


def _shared_units(text: str, found: list[Quantity]) -> Iterator[Quantity]:
    """ "75 to 90 million euros": the first number of a range has the unit of the second."""
    for one, other in zip(found, [*found[1:], None], strict=False):
        if other is None or not _RANGE.fullmatch(text, one.end, other.start) or one.options[0][0] not in _BARE_KINDS:
            yield one
        elif one.raw and other.raw and other.raw[0] and not one.scaled and isinstance(other.options[0][1], float):
            factor = other.options[0][1] / other.raw[0]
            scale = other.step / max(_unscaled_step(text, other), 1e-12)
            more = tuple((kind, raw * scale * factor) for kind, _ in other.options[:1] for raw in one.raw)
            yield one._replace(options=one.options + more, raw=one.raw + tuple(raw * scale for raw in one.raw))
        else:
            yield one


def _unscaled_step(text: str, quantity: Quantity) -> float:
    return next((numeral.step for numeral in find_digits(text[quantity.start : quantity.end])), quantity.step)


_BARE_KINDS = frozenset({"number", "usd", "eur", "gbp", "jpy", "inr"})
_PHRASE = re.compile("|".join(map(re.escape, units.PHRASES)), re.IGNORECASE)
_RANGE = re.compile(r"\s?(?:to|-|–|—|and|or)\s?(?:US)?[$€£¥]?")
_WORD = re.compile(r"[a-z]+")
_DIGIT = re.compile(r"\d")
_IN_DIGITS = re.compile(r"\d[/.:-]\d")


def _candidates(text: str) -> Iterator[Quantity]:
    """Numbers of every kind; each search is made only where one of its words stands, as most sentences have none."""
    words = frozenset(_WORD.findall(text.lower()))
    digits = _DIGIT.search(text) is not None
    if not words.isdisjoint(DATE_WORDS) or (digits and _IN_DIGITS.search(text)):
        for dated in find_dates(text):
            options: tuple[tuple[str, Any], ...] = tuple(("date", day) for day in dated.days)
            options += () if dated.minute is None else (("time", dated.minute),)
            yield Quantity(dated.start, dated.end, options, ())
    if not words.isdisjoint(SHARE_WORDS) or (digits and "/" in text):
        for share in find_shares(text):
            kinds = (("percent", share.values[0]),)
            yield Quantity(share.start, share.end, kinds, (), 2.0, _hedged(text, share), True, True)
    if not words.isdisjoint(ORDINAL_WORDS) or (digits and not words.isdisjoint(ORDINAL_ENDINGS)):
        yield from _ordinals(text)
    if not words.isdisjoint(SPELLED_WORDS):
        for numeral in find_spelled(text):
            yield _with_unit(text, numeral)
    if not words.isdisjoint(ONE_WORDS):
        for numeral in find_single(text):
            yield _with_unit(text, numeral)
    if digits:
        for numeral in find_digits(text):
            yield _with_unit(text, numeral)


def _ordinals(text: str) -> Iterator[Quantity]:
    for ordinal in find_ordinals(text):
        century = re.match(r"[\s-]centur", text[ordinal.end : ordinal.end + 8])
        kind = "century" if century else "ordinal"
        end = ordinal.end + (8 if century else 0)
        yield Quantity(ordinal.start, end, ((kind, ordinal.values[0]),), (), word=ordinal.word)


def _with_unit(text: str, numeral: Numeral) -> Quantity:
    before = text[max(0, numeral.start - 4) : numeral.start].rstrip().lower()
    sign = next((sign for sign in _SIGNS if before.endswith(sign)), "")
    money = units.CURRENCIES.get(sign, "")
    end, scale, kinds = _suffix(text, numeral, bool(money))
    values = tuple(value * scale for value in numeral.values)
    if money:
        kinds = [(money, 1.0)]
    options = tuple((kind, _base(kind, value, size)) for value in values for kind, size in kinds)
    if _DECADE.match(text, numeral.end) and values[0] % 10 == 0 and not numeral.word:
        options, end = (("decade", values[0]),), numeral.end
    hedged = _hedged(text, numeral)
    start = text.lower().rindex(sign, 0, numeral.start) if sign else numeral.start
    return Quantity(start, end, options, values, numeral.step * scale, hedged, numeral.word, scale != 1.0)


def _base(kind: str, value: float, size: float) -> float:
    return units.celsius(value) if kind == "fahrenheit" else value * size


def _suffix(text: str, numeral: Numeral, money: bool) -> tuple[int, float, list[tuple[str, float]]]:
    """End, scale and the possible units of a number."""
    end, scale, plain = numeral.end, 1.0, [("number", 1.0)]
    found = _UNIT.match(text, end)
    if found is None:
        return end, scale, plain
    word = found["unit"].rstrip(".")
    low = word.lower()
    if low in units.SCALES and not (
        low in units.BARE
        and (text[end] == " " or (word.isupper() and low != "k" and not money and low != "m" and low != "b"))
    ):
        if low in units.PAIRED_UNITS and not money:
            size = units.PAIRED_UNITS[low]
            return found.end(), 1.0, [size, ("number", units.SCALES[low])]
        end, scale = found.end("unit"), units.SCALES[low]
        found = _UNIT.match(text, end)
        if found is None:
            return end, scale, plain
        low = found["unit"].rstrip(".").lower()
    return _unit(text, found, end, scale, low)


def _unit(
    text: str, found: re.Match[str], end: int, scale: float, low: str
) -> tuple[int, float, list[tuple[str, float]]]:
    start = found.start("unit")
    phrase = _PHRASE.match(text, start)
    if phrase is not None:
        return phrase.end(), scale, [units.PHRASES[phrase[0].lower()]]
    if low in units.CURRENCIES:
        return found.end(), scale, [(units.CURRENCIES[low], 1.0)]
    if low in ("cent", "cents"):
        return found.end(), scale, [(kind, 0.01) for kind in ("usd", "eur")]
    if low in ("pounds", "pound"):
        return found.end(), scale, [units.UNITS[low], ("gbp", 1.0)]
    if low in units.UNITS and not (low == "in" and text[start - 1] == " "):
        return found.end("unit"), scale, [units.UNITS[low]]
    if low[:1] == "%":
        return start + 1, scale, [("percent", 1.0)]
    return end, scale, [("number", 1.0)]


def _hedged(text: str, numeral: Numeral) -> bool:
    return bool(_HEDGE.search(text[max(0, numeral.start - 24) : numeral.start]))


def agree(said: Quantity, known: Quantity, *, strictly: bool = False) -> bool:
    """Whether a quantity is what another one says: same value, or a rounding of it; dates may say less.

    strictly: a number without a unit does not say what one with a unit says.
    """
    bare = {"number"} in ({kind for kind, _ in said.options}, {kind for kind, _ in known.options})
    if strictly and bare and not same_kind(said, known):
        return False
    return any(
        _same(mine, value, theirs, other, said, known)
        for mine, value in said.options
        for theirs, other in known.options
    )


def rough_keys(quantity: Quantity) -> frozenset[str]:
    """What two quantities that agree share, whatever their format: values on a coarse scale, with neighbours."""
    keys: set[str] = set()
    for kind, value in quantity.options:
        if kind == "date":
            keys |= {f"{part}:{number}" for part, number in zip("ymd", value, strict=True) if number is not None}
            keys |= {f"n:{_rung(float(number))}" for number in (value[0], value[2]) if number is not None}
        elif kind in ("decade", "century"):
            keys |= {"n:" + str(_rung(value * 100.0 - 50.0 if kind == "century" else value))}
        elif value:
            keys |= {f"n:{_rung(value) + step}" for step in (-1, 0, 1)}
        else:
            keys.add("n:0")
    return frozenset(keys | {f"n:{_rung(raw) + step}" for raw in quantity.raw if raw for step in (-1, 0, 1)})


def _rung(value: float) -> int:
    return round(math.log(abs(value)) * 8.0) if value else 0


def same_kind(said: Quantity, known: Quantity) -> bool:
    """Whether two quantities could be values of one thing."""
    kinds = {kind for kind, _ in known.options}
    return any(kind in kinds for kind, _ in said.options)


def supported(said: Quantity, known: Iterable[Quantity]) -> bool:
    """Whether some quantity says the same."""
    return any(agree(said, other) for other in known)


def _same(kind: str, value: Any, other_kind: str, other: Any, said: Quantity, known: Quantity) -> bool:
    if kind == "date":
        if other_kind == "date":
            return same_day(value, other)
        return other_kind == "number" and value[1] is None and value[0] == other
    if other_kind == "date":
        return _in_date(kind, value, other)
    if kind in ("decade", "century") or other_kind in ("decade", "century"):
        return _in_period(kind, value, other_kind, other)
    if {kind, other_kind} == {"celsius", "fahrenheit"}:
        return bool(abs(value - other) <= 0.6)
    if kind == other_kind:
        return _close(value, other, said, known)
    if "number" in (kind, other_kind) and not {"time", "ordinal"} & {kind, other_kind}:
        return any(_close(mine, theirs, said, known) for mine in said.raw for theirs in known.raw)
    return {kind, other_kind} == {"number", "ordinal"} and value == other


def _in_date(kind: str, value: Any, day: Day) -> bool:
    if kind == "decade":
        return day[0] is not None and _decade(day[0], value)
    if kind == "century":
        return day[0] is not None and (day[0] - 1) // 100 + 1 == value
    return (kind == "number" and value in (day[0], day[2])) or (kind == "ordinal" and value == day[2])


def _in_period(kind: str, value: float, other_kind: str, other: float) -> bool:
    if kind == other_kind:
        return value % 100 == other % 100 if min(value, other) < 100 and kind == "decade" else value == other
    if kind == "decade":
        return other_kind == "number" and _decade(other, value)
    if kind == "century":
        return other_kind in ("number", "decade") and 1000 <= other < 2200 and (other - 1) // 100 + 1 == value
    return False


def _decade(year: float, decade: float) -> bool:
    return year // 10 * 10 == decade or (decade < 100 and year % 100 // 10 * 10 == decade)


def _close(value: float, other: float, said: Quantity, known: Quantity) -> bool:
    """Equal, or equal after the rounding that the way of writing shows."""
    if value == other:
        return True
    gap = abs(value - other)
    size = max(abs(value), abs(other))
    if said.raw and value and known.raw and value != said.raw[0]:
        unit = abs(value / said.raw[0]) if said.raw[0] else 1.0
        return gap <= max(0.51 * said.step * unit, _NEAR * size)  # converted
    coarse = said.hedged or said.scaled or said.step < 1.0
    if coarse and gap <= 0.51 * said.step and known.step <= said.step:
        return True
    return said.hedged and known.step < said.step and gap <= 0.1 * size
