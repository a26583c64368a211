"""Names of the kinds of private text, as redaction writes them and safety policies ask for them."""

from __future__ import annotations

SECRET = "secret"  # noqa: S105 - the name of a kind
EMAIL = "email"
CARD = "card"
PHONE = "phone"
SSN = "ssn"
IBAN = "iban"
IP = "ip"
LICENCE = "licence"
PASSPORT = "passport"
NATIONAL_ID = "national-id"
URL = "url"
DENIED = "denied"
NAME = "name"

ORDINARY = (SECRET, EMAIL, CARD, PHONE, SSN, IBAN, IP, LICENCE, PASSPORT, NATIONAL_ID)
"""Kinds that are looked for unless a project says otherwise."""
OPTIONAL = (URL, NAME, DENIED)
"""Kinds that a project asks for: web addresses are seldom private, names need an extra, a deny-list needs entries."""
