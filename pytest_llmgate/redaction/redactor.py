"""Replaces private passages of a text by stand-ins, until there is nothing left to replace."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from unicodedata import decimal

from pytest_llmgate.core import private_kinds as kinds
from pytest_llmgate.core.reply import Redaction
from pytest_llmgate.redaction.addresses import find_ips, find_urls
from pytest_llmgate.redaction.cards import find_cards
from pytest_llmgate.redaction.denied import deny_finder
from pytest_llmgate.redaction.emails import find_emails
from pytest_llmgate.redaction.finds import COVER, Find, covered, disjoint
from pytest_llmgate.redaction.ibans import find_ibans
from pytest_llmgate.redaction.licences import find_licences
from pytest_llmgate.redaction.names import name_finder
from pytest_llmgate.redaction.phones import find_phones
from pytest_llmgate.redaction.pseudonyms import stand_in, stand_ins
from pytest_llmgate.redaction.rules import Rules
from pytest_llmgate.redaction.secrets import find_secrets

Finder = Callable[[str], Iterator[Find]]

DEFAULT_KEY = b"pytest-llmgate public default"
"""Public, so it hides nothing from someone who guesses: a project with private data gives a key of its own."""

_DIGIT = re.compile(r"[0-9]")
_ANY_DIGIT = re.compile(r"\d|\uff20")
_DENSE = re.compile(r"[0-9](?:[^0-9]{0,4}[0-9]){4}|::")  # every number that we know holds one of them
_LOOKALIKES = (("\uff20", "@"), ("\u200b", " "), ("\u2060", " "), (COVER, " "))
_SHORTEST = 6  # a@b.cd
_PASSES = 16  # two are enough for all but contrived text, where a replacement completes another passage


class Redactor:
    """Replaces keys and tokens, e-mail addresses, numbers of cards, telephones, accounts and the like.

    key: 1 to 64 bytes; the same secret has the same stand-in wherever the key is the same, across runs too.
    rules: what a project says about it; a key in them comes before `key`.
    Raises ValueError for a key of another length, LlmgateError for a pattern of the rules that is not RE2.
    """

    __slots__ = ("_allow", "_denied", "_key", "_letters", "_named", "_numbers", "_plain")

    def __init__(self, key: bytes = DEFAULT_KEY, rules: Rules = Rules()) -> None:  # noqa: B008 - frozen
        key = key if rules.key is None else rules.key
        if not 1 <= len(key) <= 64:
            raise ValueError(f"a redaction key has 1 to 64 bytes, not {len(key)}")
        self._key = key
        self._allow = rules.allow
        denied = deny_finder(rules.deny, rules.patterns)
        named = name_finder() if kinds.NAME in rules.kinds else None
        self._denied = (denied,) if denied else ()
        self._named = (named,) if named else ()  # last, or it would take the name out of an address
        self._letters, self._numbers = _wanted(_LETTERS, rules.kinds), _wanted(_NUMBERS, rules.kinds)
        self._plain = rules.kinds <= set(kinds.ORDINARY) and not denied

    def redact(self, text: str) -> tuple[str, tuple[Redaction, ...]]:
        """The text with stand-ins, and where they are in it.

        Idempotent: redacting the result gives the same text and the same list, so that a recorded reply is
        judged as the live one was.
        """
        if self._plain and "@" not in text and not (_DIGIT if text.isascii() else _ANY_DIGIT).search(text):
            return text, ()  # everything that we know holds one of them
        finds = self._scan(text)
        if not finds:
            return text, ()
        for _ in range(_PASSES):
            if all(find.done for find in finds):
                break
            text = "".join(self._replaced(text, finds))
            finds = self._scan(text)
        return text, tuple(Redaction(find.kind, find.start, find.end, text[find.start : find.end]) for find in finds)

    def _replaced(self, text: str, finds: Iterable[Find]) -> Iterator[str]:
        at = 0
        for find in finds:
            passage = text[find.start : find.end]
            yield text[at : find.start]
            yield passage if find.done else stand_in(find.kind, passage, self._key)
            at = find.end
        yield text[at:]

    def _scan(self, text: str) -> list[Find]:
        """Stand-ins and private passages in order, none overlapping another.

        What one finder has found is covered before the next one looks, so that all see whole words around theirs
        and none sees a half of another's.
        """
        if len(text) < _SHORTEST and self._plain:
            return []
        plain = text if text.isascii() and COVER not in text else _in_ascii(text)
        found = stand_ins(plain)
        if found:
            plain = covered(plain, found)
        numbers = self._numbers if _DENSE.search(plain) else ()
        for finder in (*self._denied, *self._letters, *numbers, *self._named):
            fresh = list(finder(plain))
            if not fresh:
                continue
            fresh = [find for find in disjoint(fresh) if text[find.start : find.end].casefold() not in self._allow]
            plain = covered(plain, fresh)
            found += fresh
        found.sort()
        return found


_Finders = tuple[tuple[Finder, frozenset[str]], ...]
_LETTERS: _Finders = (
    (find_secrets, frozenset({kinds.SECRET})),
    (find_emails, frozenset({kinds.EMAIL})),
    (find_urls, frozenset({kinds.URL})),
)
_NUMBERS: _Finders = (
    (find_ibans, frozenset({kinds.IBAN})),
    (find_licences, frozenset({kinds.LICENCE, kinds.PASSPORT, kinds.NATIONAL_ID})),
    (find_cards, frozenset({kinds.CARD})),
    (find_ips, frozenset({kinds.IP})),
    (find_phones, frozenset({kinds.PHONE, kinds.SSN})),
)


def _wanted(finders: _Finders, wanted: frozenset[str]) -> tuple[Finder, ...]:
    return tuple(_only(finder, of, wanted) for finder, of in finders if not wanted.isdisjoint(of))


def _only(finder: Finder, of: frozenset[str], wanted: frozenset[str]) -> Finder:
    """A finder of several kinds, held to those that are wanted."""
    if of <= wanted:
        return finder
    return lambda text: (find for find in finder(text) if find.kind in wanted)


def _in_ascii(text: str) -> str:
    """ASCII for digits and the @ of other scripts, so that `４１１１` is seen; every place stays the same."""
    chars = set(text)
    meant = {ord(char): str(decimal(char)) for char in chars if char > "\x7f" and char.isdecimal()}
    meant |= {ord(char): plain for char, plain in _LOOKALIKES if char in chars}
    return text.translate(meant) if meant else text
