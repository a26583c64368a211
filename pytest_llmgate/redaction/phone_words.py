"""Whether the words before a number make it a telephone number."""

from __future__ import annotations

import re

# Words of identifiers too: phoneNumber, user_phone.
_WORD = re.compile(r"[A-Z]?[a-zà-öø-ÿ]+|[A-Z]+")
_PHONES = frozenset(
    {
        "phone", "phones", "telephone", "telephones", "telefon", "telefono", "teléfono", "telefone",
        "téléphone", "tel", "tél", "cellphone", "smartphone", "iphone", "mobile", "mobil", "móvil", "movil",
        "cell", "cellular", "cellulare", "fax", "handy", "whatsapp", "viber", "sms", "hotline", "helpline",
        "landline", "line", "desk", "direct", "dial", "ring", "pager", "beeper", "voicemail",
    }
)  # fmt: skip
_VERBS = frozenset(
    {
        "call", "called", "calling", "calls", "text", "texted", "texting", "texts", "reach", "reached",
        "contact", "contacted", "ring", "phone", "phoned", "dial", "dialled", "answer", "answering", "answers",
        "answered", "message", "messages", "messaged",
    }
)  # fmt: skip
_LEADING = frozenset({"at", "on", "under", "via", "to", "from"})
_PEOPLE = frozenset({"me", "us", "him", "her", "them"})
_OWNERS = frozenset({"my", "your", "his", "her", "their", "our"})
_OTHERS = frozenset(
    {
        "order", "orders", "invoice", "invoices", "account", "accounts", "acct", "ref", "reference", "ticket",
        "tickets", "case", "cases", "id", "ids", "isbn", "issn", "tracking", "serial", "iban", "bank", "card",
        "zip", "postcode", "price", "total", "amount", "pin", "code", "flight", "model", "sku", "version",
        "date", "year", "ssn", "social", "passport", "license", "licence", "customer", "policy", "booking",
        "coordinate", "coordinates", "latitude", "longitude",
    }
)  # fmt: skip


def speak_of_phones(before: str) -> bool | None:
    """Whether the nearest telling word speaks of telephones; None where none tells. before: in its sentence."""
    words = [word.lower() for word in _WORD.findall(before)]
    for place in range(len(words) - 1, -1, -1):
        word = words[place]
        if word in _PHONES:
            return True
        if word in _OTHERS:
            return False
        if word in _VERBS and _leads_on(words, place):
            return True
        if word == "number" and not _OWNERS.isdisjoint(words[max(0, place - 2) : place]):
            return True
    return None


def _leads_on(words: list[str], place: int) -> bool:
    """Whether a verb reaches the number: `call me`, `answering in the evening at`, `texted`."""
    following = words[place + 1 : place + 7]
    return not following or following[0] in _PEOPLE or not _LEADING.isdisjoint(following)
