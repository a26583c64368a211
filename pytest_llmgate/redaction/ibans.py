"""Finds international bank account numbers: the length of their country, and right check digits (ISO 13616)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b

from pytest_llmgate.core.private_kinds import IBAN
from pytest_llmgate.redaction.finds import Find

_TABLE = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
    "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
    "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
    "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
LENGTHS: Mapping[str, int] = {entry[:2]: int(entry[2:]) for entry in _TABLE.split()}
"""Characters of an IBAN by country: the registry of SWIFT."""

# Begins at the digits, which are rarer than letters, and looks back.
_CHECK = re.compile(r"[0-9](?<=[A-Za-z]{2}.)(?<![A-Za-z0-9][A-Za-z]{2}.)[0-9](?=[ \u00a0-]?[A-Za-z0-9]{3})")
_WHOLE = {
    length: re.compile(rf"(?:[ \u00a0-]?[A-Za-z0-9]){{{length}}}(?![A-Za-z0-9])") for length in set(LENGTHS.values())
}


def find_ibans(text: str) -> Iterator[Find]:
    """IBANs in a text, in one block or in groups, and our stand-ins for them."""
    left = 0
    for check in _CHECK.finditer(text):
        start = check.start() - 2
        if start < left:
            continue
        length = LENGTHS.get(text[start : start + 2].upper())
        found = _WHOLE[length].match(text, start) if length else None
        if found and checks(_compact(found[0])):
            yield Find(*found.span(), IBAN, done=is_iban_stand_in(found[0]))
            left = found.end()


def checks(iban: str) -> bool:
    """Whether the check digits of an IBAN without blanks are right."""
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


def iban_stand_in(private: str, key: bytes) -> str:
    """An IBAN of the same country and form, with right check digits, of a bank that cannot be."""
    iban = _compact(private)
    noise = blake2b(iban.encode(), key=key, digest_size=32).digest()
    drawn = [_drawn(char, noise[place]) for place, char in enumerate(iban[4:])]
    drawn[:4] = [_head(char) for char in iban[4:8]]
    drawn[-2:] = _mark("".join(drawn[:-2]), iban[-2:])
    body = "".join(drawn)
    check = 98 - int("".join(str(int(char, 36)) for char in f"{body}{iban[:2]}00")) % 97
    fresh = iter(f"{iban[:2]}{check:02}{body}")
    made = (next(fresh) if char.isalnum() else char for char in private)
    return "".join(new.lower() if old.islower() else new for new, old in zip(made, private, strict=True))


def is_iban_stand_in(passage: str) -> bool:
    """Whether an IBAN with right check digits is of our making."""
    body = _compact(passage)[4:]
    return [*body[:4]] == [_head(char) for char in body[:4]] and [*body[-2:]] == _mark(body[:-2], body[-2:])


def _compact(passage: str) -> str:
    return "".join(filter(str.isalnum, passage)).upper()


def _head(char: str) -> str:
    return "9" if char.isdecimal() else "Z"


def _drawn(char: str, value: int) -> str:
    return str(value % 10) if char.isdecimal() else chr(65 + value % 26)


def _mark(body: str, like: str) -> list[str]:
    """Two characters that tell our numbers from others."""
    return [
        _drawn(char, value) for char, value in zip(like, blake2b(body.encode(), digest_size=2).digest(), strict=True)
    ]
