"""Stand-ins: each keeps the format of what it replaces, is the same for the same secret, and is known as one.

Being known is what makes redaction idempotent: a stand-in is reported again, and never replaced again.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from pytest_llmgate.redaction.finds import CARD, EMAIL, SECRET, Find

STAND_IN = re.compile(
    r"eyJREDACTED0[a-p]{15}\.eyJREDACTED\.REDACTED|REDACTED0[a-p]{15}|user-[0-9a-f]{12}@example\.invalid"
)
_CARD_START = "9999"  # no payment card begins with 9, and a JSON number may not begin with 0


def stand_ins(text: str) -> list[Find]:
    """Stand-ins for secrets and e-mails in a text; recognised by their letters alone, whatever is around them."""
    if "REDACTED" not in text and "@example.invalid" not in text:
        return []
    return [
        Find(found.start(), found.end(), EMAIL if found[0].startswith("user-") else SECRET, done=True)
        for found in STAND_IN.finditer(text)
    ]


def stand_in(kind: str, private: str, key: bytes) -> str:
    """The stand-in for a private passage; `key` keeps it from being guessed back."""
    if kind == CARD:
        return _card(private, key)
    if kind == EMAIL:
        return f"user-{_digest(private.casefold(), key)[:12]}@example.invalid"
    prefix = _prefix(private)
    # One digit, so that it is looked at at all; the rest are letters, so that no card number passes for it.
    body = f"{prefix}REDACTED0{_digest(private, key)[:15].translate(_LETTERS)}"
    return f"{body}.eyJREDACTED.REDACTED" if prefix == "eyJ" else body


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
_PREFIX = re.compile(
    r"sk-(?:ant-|proj-)?|[srp]k_(?:live|test)_|gh[pousr]_|github_pat_|glpat-|A[KS]IA|AIza|xox[abeoprs]-|hf_|gsk_|eyJ"
)


def _prefix(private: str) -> str:
    """The part of a key that only says whose key it is."""
    found = _PREFIX.match(private)
    return found[0] if found else ""


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
