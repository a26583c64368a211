"""Texts with made-up private passages in known places, and ordinary texts full of numbers. All of it is our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import NamedTuple

from pytest_llmgate.redaction.ibans import LENGTHS
from pytest_llmgate.redaction.pseudonyms import luhn

TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "phone": (
        "You can reach our office in town at {}.", "I texted {} twice and nobody answered.", "Tel.: {}",
        "Name: A. Nowak\nMobile: {}\nCity: Gent", "My old number was {}, please delete it.", "Fax {} (weekdays only)",
        "Please ring {} before noon.", '{{"customer": {{"phone": "{}"}}}}', "WhatsApp me on {} :)",
    ),
    "card": (
        "I paid with {} and was charged twice.", "Card {} expires in May.", '{{"pan": "{}", "cvc": "***"}}',
        "The number on the front is {}; is that enough?", "Visa or not, {} was declined.",
    ),
    "email": ("Write to {} instead.", "<{}>", "From: {}\nTo: me", "Did {} ever answer?", "contact={}&x=1"),
    "ssn": ("SSN {}", "Her social security number, {}, was in the letter.", "Form W-4, line 2: {}"),
    "iban": ("IBAN: {}", "Send it to {} by Friday.", "Konto {} bei der Hausbank", "(account {})"),
    "ip": ("The request came from {} at night.", "ssh root@{}", "client={} status=200", "Blocked: {}."),
    "licence": ("My driver's license number is {}.", "Driving licence: {}", "driver license no. {} (expired)"),
}  # fmt: skip
ORDINARY = (
    "The meeting of {d}.{m}.{y} was moved to {y}-{m:02}-{d:02} at {h}:{n:02}.", "v{d}.{m}.{h}.{n} is out.",
    "Order {a} and invoice {y}-{b} are paid.", "The population grew from {a:,} to {b:,} in {y}.",
    "See section {d}.{m}.{h} and figure {n}.", "pi is 3.14159265358979 and e is 2.71828182845905.",
    "It costs ${a} or €{b}.{n:02} a year.", "Lot {b}-{d}, shelf {m}/{h}.", "Matrix: {d} {m} {h} {n} {d} {m}",
    "Between {y} and {y} the index rose by {n}.{d} %.", "for i in range({a}): total += i * {b}",
    "Coordinates: {n}.{b}, {d}.{a}", "Part no. {a}/{b}, batch {d}{m}{h}.",
    "ticket #{a}: closed after {n} days, {h} replies",
)  # fmt: skip
_NAMES = ("jo", "a.nowak", "mette_k", "t-ito", "o.brien+news", "QA.Team", "lena99")
_HOSTS = ("mail.org", "post.corp.io", "x-y.de", "uni.ac.uk", "example.co.jp")


class Marked(NamedTuple):
    """A text with the kind and the place of its private passage; no kind for none."""

    text: str
    kind: str = ""
    start: int = 0
    end: int = 0


def marked_texts(count: int, seed: int = 4) -> Iterator[Marked]:
    """`count` texts with one private passage each, of all kinds in turn."""
    random = Random(seed)
    kinds = list(TEMPLATES)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        before, _, behind = random.choice(TEMPLATES[kind]).partition("{}")
        before, passage = before.replace("{{", "{").replace("}}", "}"), _MADE[kind](random)
        text = before + passage + behind.replace("{{", "{").replace("}}", "}")
        yield Marked(text, kind, len(before), len(before) + len(passage))


def ordinary_texts(count: int, seed: int = 5) -> Iterator[Marked]:
    """`count` texts without anything private."""
    random = Random(seed)
    sizes = {"a": (1000, 99_999_999), "b": (1000, 999_999), "y": (1900, 2030), "d": (1, 28), "m": (1, 12)}
    for _ in range(count):
        drawn = {name: random.randint(*size) for name, size in {**sizes, "h": (0, 23), "n": (0, 59)}.items()}
        yield Marked(random.choice(ORDINARY).format(**drawn))


def _digits(random: Random, pattern: str) -> str:
    """A pattern with a random digit for each #, and none of them zero for each @."""
    drawn = {"#": lambda: str(random.randint(0, 9)), "@": lambda: str(random.randint(2, 9))}
    return "".join(drawn[char]() if char in drawn else char for char in pattern)


def _phone(random: Random) -> str:
    forms = (
        "+1 @##-@##-####", "(@##) @##-####", "@##.@##.####", "1-@##-@##-####", "+44 20 #### ####", "0@## ### ####",
        "+49 (0)@# ######", "0@##/#######", "+33 @ ## ## ## ##", "0@ ## ## ## ##", "+353 1 ### ####", "@## ## ###",
        "@###-####", "+61 @ #### ####", "0@-####-####", "+91-@#########", "00@1 ## #######", "@##-@##-####x##",
    )  # fmt: skip
    return _digits(random, random.choice(forms))


def _card(random: Random) -> str:
    body = _digits(random, random.choice(("4##############", "51#############", "34############", "6011###########")))
    number = body + next(str(last) for last in range(10) if luhn(f"{body}{last}"))
    gap = random.choice(("", " ", "-")) if len(number) == 16 else ""
    return gap.join(number[place : place + 4] for place in range(0, len(number), 4)) if gap else number


def _email(random: Random) -> str:
    return f"{random.choice(_NAMES)}{random.randint(1, 999)}@{random.choice(_HOSTS)}"


def _ssn(random: Random) -> str:
    return f"{random.randint(1, 665):03}-{random.randint(1, 99):02}-{random.randint(1, 9999):04}"


def _iban(random: Random) -> str:
    country = random.choice(("DE", "FR", "NL", "GB", "ES", "PL", "NO", "MT"))
    letters = {"NL": "ABNA", "GB": "MIDL", "MT": "VALL"}.get(country, "")
    body = letters + _digits(random, "#" * (LENGTHS[country] - 4 - len(letters)))
    rest = int("".join(str(int(char, 36)) for char in f"{body}{country}00")) % 97
    number = f"{country}{98 - rest:02}{body}"
    grouped = random.random() < 0.5
    return " ".join(number[place : place + 4] for place in range(0, len(number), 4)) if grouped else number


def _ip(random: Random) -> str:
    if random.random() < 0.3:
        return "2a02:" + ":".join(f"{random.randint(1, 0xFFFF):x}" for _ in range(7))
    return ".".join(str(random.randint(11, 126)) for _ in range(4))


def _licence(random: Random) -> str:
    return _digits(random, random.choice(("D#######", "S###-####-####", "########", "AB######", "W############")))


_MADE: Mapping[str, Callable[[Random], str]] = {
    "phone": _phone, "card": _card, "email": _email, "ssn": _ssn, "iban": _iban, "ip": _ip, "licence": _licence,
}  # fmt: skip
