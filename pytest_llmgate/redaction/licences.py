"""Finds numbers of licences, passports and national ids: by their check digits, or by the words before them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_llmgate.core.private_kinds import LICENCE, NATIONAL_ID, PASSPORT
from pytest_llmgate.redaction.finds import Find
from pytest_llmgate.redaction.formats import is_in_format

# As wide as stand-ins need; what is right is asked of each find.
_CHECKED = re.compile(
    r"(?<![A-Za-z0-9<])(?:"
    r"(?P<uk_licence>[A-Z][A-Z0-9]{4}[0-9]{6}[A-Z0-9]{3}[A-Z]{2})"
    r"|(?P<fiscal_code>[A-Z]{6}[0-9]{2}[A-Z][0-9]{2}[A-Z][0-9]{3}[A-Z])"
    r"|(?P<spain>(?:[0-9]{8}|[XYZ]-?[0-9]{7})-?[A-Z])"
    r"|(?P<uk_insurance>[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-Z])"
    r"|(?P<zone>[A-Z0-9<]{9}[0-9][A-Z<]{3}[0-9]{6}[0-9][A-Z<][0-9]{6}[0-9][A-Z0-9<]{2,16})"
    r")(?![A-Za-z0-9<])"
)
_HINT = re.compile(r"[0-9][ -]?[A-Z<](?![a-z])")  # stands in every number of these, and in few other texts
_UK_RIGHT = re.compile(r"[A-Z]{1,5}9{0,4}[0-9]{6}[A-Z][A-Z9][A-Z0-9][A-Z]{2}")
_FILLER = r"(?:[ \t\"'_:#=-]{0,3}(?:is|was|number|num|no|nr|id|card)\b\.?){0,3}[ \t\"':#=]{1,4}"
_ID = r"([A-Za-z0-9]{1,20}(?:[ -][A-Za-z]?[0-9]{2,8}){0,5})(?![A-Za-z0-9])"
_SAID_LICENCE = re.compile(
    r"\b(?i:(?:driv(?:er|ing)['’]?s?|operator['’]?s)[ _-]?(?:licen[cs]e|permit)"
    r"|(?:(?:my|your|his|her|their) )licen[cs]e|licen[cs]e(?= (?:no|num|id|#))|DL(?=[ #:]))"
    f"(?i:{_FILLER}){_ID}"
)
_SAID_PASSPORT = re.compile(rf"\b(?i:passport)(?i:{_FILLER}){_ID}")
_SPANISH = "TRWAGMYFPDXBNJZSQVHLCKE"
_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
         10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip


def find_licences(text: str) -> Iterator[Find]:
    """Licences, passports and national ids in a text, and our stand-ins for them."""
    lowered = text.lower()
    if "licen" in lowered or "permit" in lowered or "DL" in text:
        yield from _said(_SAID_LICENCE, LICENCE, text)
    if "passport" in lowered:
        yield from _said(_SAID_PASSPORT, PASSPORT, text)
    if not _HINT.search(text):
        return
    for found in _CHECKED.finditer(text):
        kind, right = _RIGHT[str(found.lastgroup)]
        ours = is_in_format(kind, found[0])
        if ours or right(found[0]):
            yield Find(*found.span(), kind, done=ours)


def _said(pattern: re.Pattern[str], kind: str, text: str) -> Iterator[Find]:
    for found in pattern.finditer(text):
        if sum(map(str.isdecimal, found[1])) >= 4 and 5 <= sum(map(str.isalnum, found[1])) <= 20:
            yield Find(*found.span(1), kind, done=is_in_format(kind, found[1]))


def _uk_licence(number: str) -> bool:
    """Month and day of birth within bounds; 5 is added to the month's first digit for women."""
    month, day = int(number[6:8]) % 50, int(number[8:10])
    return 1 <= month <= 12 and 1 <= day <= 31 and _UK_RIGHT.fullmatch(number) is not None


def _fiscal_code(code: str) -> bool:
    """The check letter of an Italian codice fiscale."""
    odd = sum(_ODD[char] for char in code[0:15:2])
    even = sum(int(char, 36) - (10 if char.isalpha() else 0) for char in code[1:15:2])
    return chr(65 + (odd + even) % 26) == code[15]


def _spain(number: str) -> bool:
    """The check letter of a Spanish DNI or NIE."""
    plain = number.replace("-", "")
    digits = str("XYZ".find(plain[0])) + plain[1:8] if plain[0] in "XYZ" else plain[:8]
    return _SPANISH[int(digits) % 23] == plain[-1]


def _uk_insurance(number: str) -> bool:
    """A British national insurance number: letters that are in use; it has no check digit."""
    prefix, suffix = number[:2], number[-1]
    unused = {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}
    return suffix in "ABCD" and not set(prefix) & set("DFIQUV") and prefix[1] != "O" and prefix not in unused


def _zone(line: str) -> bool:
    """The second line of a passport's machine readable zone (ICAO 9303): number, birth and expiry are checked."""
    parts = ((line[:9], line[9]), (line[13:19], line[19]), (line[21:27], line[27]))
    return line[20] in "MFX<" and all(str(_weighted(body)) == check for body, check in parts)


def _weighted(body: str) -> int:
    values = (0 if char == "<" else int(char, 36) for char in body)
    return sum(value * (7, 3, 1)[place % 3] for place, value in enumerate(values)) % 10


_RIGHT = {
    "uk_licence": (LICENCE, _uk_licence),
    "fiscal_code": (NATIONAL_ID, _fiscal_code),
    "spain": (NATIONAL_ID, _spain),
    "uk_insurance": (NATIONAL_ID, _uk_insurance),
    "zone": (PASSPORT, _zone),
}
