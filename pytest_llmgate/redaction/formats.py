"""Stand-ins that keep the format of a number: digits stay digits, letters letters, and all else stays as it is.

Such a stand-in begins with characters that no real number of its kind begins with, and ends with one or two that
follow from the others. So it is known as ours wherever it turns up, and is not replaced again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from string import ascii_lowercase, ascii_uppercase, digits

from pytest_llmgate.core.private_kinds import LICENCE, NATIONAL_ID, PASSPORT, PHONE, SSN

HEADS: Mapping[str, str] = {
    PHONE: "100",  # no country code with a number behind it, and no area code begins so
    SSN: "666",  # an area that is never given
    LICENCE: "999",
    PASSPORT: "999",
    NATIONAL_ID: "000",
}
"""First digits of a stand-in; a letter in their place becomes a Z. Where a number of JSON may stand, no zero leads."""


def keeps_format(kind: str) -> bool:
    """Whether stand-ins of this kind are made here."""
    return kind in HEADS


def in_format(kind: str, private: str, key: bytes) -> str:
    """The stand-in of a number in the format of the number. private: at least five letters and digits."""
    counts = _counting(kind)
    places = [place for place, char in enumerate(private) if counts(char)]
    plain = "".join(private[place] for place in places).casefold()
    noise = blake2b(f"{kind}\0{plain}".encode("utf-8", "surrogatepass"), key=key, digest_size=64).digest()
    head, body = HEADS[kind], len(places) - _mark_size(len(places))
    fresh: list[str] = []
    for order, place in enumerate(places[:body]):
        char = private[place]
        fresh.append(_like(char, int(head[order])) if order < len(head) else _drawn(char, noise[order % 64]))
    for place, value in zip(places[body:], _mark("".join(fresh)), strict=False):
        fresh.append(_drawn(private[place], value))
    made = list(private)
    for place, char in zip(places, fresh, strict=True):
        made[place] = char
    return "".join(made)


def is_in_format(kind: str, passage: str) -> bool:
    """Whether a passage is a stand-in of this kind."""
    chars = list(filter(_counting(kind), passage))
    head, body = HEADS[kind], len(chars) - _mark_size(len(chars))
    if len(chars) <= len(head) or any(
        char != _like(char, int(digit)) for char, digit in zip(chars, head, strict=False)
    ):
        return False
    return all(
        char == _drawn(char, value) for char, value in zip(chars[body:], _mark("".join(chars[:body])), strict=False)
    )


def _counting(kind: str) -> Callable[[str], bool]:
    """Which characters are the number: in `+1 618 226 1460 ext. 12` the digits."""
    return str.isdecimal if kind == PHONE else str.isalnum


def _mark_size(size: int) -> int:
    """How many characters tell our numbers from others; short numbers need theirs to differ from each other."""
    return 2 if size >= 9 else 1


def _mark(body: str) -> bytes:
    return blake2b(body.encode(), digest_size=2).digest()


def _like(char: str, digit: int) -> str:
    """The given digit, or where a letter stands a Z."""
    return digits[digit] if char.isdecimal() else "z" if char.islower() else "Z"


def _drawn(char: str, value: int) -> str:
    letters = ascii_lowercase if char.islower() else ascii_uppercase
    return digits[value % 10] if char.isdecimal() else letters[value % 26]
