"""Stand-ins: each keeps the format of what it replaces, is the same for the same secret, and is known as one.

Being known is what makes redaction idempotent: a stand-in is reported again, and never replaced again.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from pytest_llmgate.core.private_kinds import CARD, DENIED, EMAIL, IBAN, IP, NAME, SECRET, URL
from pytest_llmgate.redaction.addresses import ip_stand_in, url_stand_in
from pytest_llmgate.redaction.finds import Find
from pytest_llmgate.redaction.formats import in_format, keeps_format
from pytest_llmgate.redaction.ibans import iban_stand_in
from pytest_llmgate.redaction.secrets import PREFIX

STAND_IN = re.compile(
    r"eyJREDACTED0[a-p]{15}\.eyJREDACTED\.REDACTED|REDACTED([0-2])[a-p]{15}|user-[0-9a-f]{12}@example\.invalid"
)
_WORDLESS = (SECRET, DENIED, NAME)  # by the digit in their stand-ins, which have no format to keep
_CARD_START = "9999"  # no payment card begins with 9, and a JSON number may not begin with 0


def stand_ins(text: str) -> list[Find]:
    """Stand-ins of letters in a text; recognised by their letters alone, whatever is around them."""
    if "REDACTED" not in text and "@example.invalid" not in text:
        return []
    return [
        Find(found.start(), found.end(), _WORDLESS[int(found[1] or 0)] if "R" in found[0] else EMAIL, done=True)
        for found in STAND_IN.finditer(text)
    ]


def stand_in(kind: str, private: str, key: bytes) -> str:
    """The stand-in for a private passage; `key` keeps it from being guessed back."""
    if keeps_format(kind):
        return in_format(kind, private, key)
    if kind == EMAIL:
        address = private.replace("%40", "@").casefold()
        return f"user-{_digest(address, key)[:12]}@example.invalid"
    maker = {CARD: _card, IBAN: iban_stand_in, IP: ip_stand_in, URL: url_stand_in}.get(kind)
    return maker(private, key) if maker else _word(kind, private, key)


def luhn(digits: str) -> bool:
    """Whether the check digit of a card number is right."""
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, odd)) + sum(map(_DOUBLED.__getitem__, map(int, even)))) % 10 == 0


def is_card_stand_in(digits: str) -> bool:
    """Whether the digits of a card number are of our making."""
    body, mark = digits[4:-3], digits[-3:-1]
    return digits.startswith(_CARD_START) and mark == _mark(body) and luhn(digits)


_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def _word(kind: str, private: str, key: bytes) -> str:
    """A word in place of what has no format. Secrets keep the prefix that only says whose key it is."""
    # One digit, so that it is looked at at all; the rest are letters, so that no card number passes for it.
    if kind != SECRET:
        plain = " ".join(private.split()).casefold()
        return f"REDACTED{_WORDLESS.index(kind)}{_digest(plain, key)[:15].translate(_LETTERS)}"
    found = PREFIX.match(private)
    prefix = found[0] if found else ""
    body = f"{prefix}REDACTED0{_digest(private, key)[:15].translate(_LETTERS)}"
    return f"{body}.eyJREDACTED.REDACTED" if prefix == "eyJ" else body


def _card(private: str, key: bytes) -> str:
    """Digits of a card number replaced, its groups kept; the last digit makes it a well-formed number."""
    digits = "".join(filter(str.isdecimal, private))
    size = len(digits) - len(_CARD_START) - 3
    body = str(int(_digest(digits, key), 16) % 10**size).zfill(size)
    stem = _CARD_START + body + _mark(body)
    check = next(str(last) for last in range(10) if luhn(f"{stem}{last}"))
    fresh = iter(stem + check)
    return "".join(next(fresh) if char.isdecimal() else char for char in private)


def _mark(body: str) -> str:
    """Two digits that tell our numbers from other numbers."""
    return str(blake2b(body.encode(), digest_size=2).digest()[0] % 100).zfill(2)


def _digest(private: str, key: bytes) -> str:
    return blake2b(private.encode("utf-8", "surrogatepass"), key=key, digest_size=8).hexdigest()
