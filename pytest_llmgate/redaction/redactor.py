"""Replaces private passages of a text by stand-ins, until there is nothing left to replace."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pytest_llmgate.core.reply import Redaction
from pytest_llmgate.redaction.cards import find_cards
from pytest_llmgate.redaction.emails import find_emails
from pytest_llmgate.redaction.finds import Find, disjoint
from pytest_llmgate.redaction.pseudonyms import stand_in, stand_ins
from pytest_llmgate.redaction.secrets import find_secrets

DEFAULT_KEY = b"pytest-llmgate public default"
"""Public, so it hides nothing from someone who guesses: a project with private data gives a key of its own."""

_DIGIT = re.compile(r"[0-9]")
_SHORTEST = 6  # a@b.cd
_PASSES = 16  # two are enough for all but contrived text, where a replacement completes another passage


class Redactor:
    """Redacts API keys and tokens (`secret`), e-mail addresses (`email`) and card numbers (`card`).

    key: 1 to 64 bytes; the same secret has the same stand-in wherever the key is the same, across runs too.
    Raises ValueError for a key of another length.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes = DEFAULT_KEY) -> None:
        if not 1 <= len(key) <= 64:
            raise ValueError(f"a redaction key has 1 to 64 bytes, not {len(key)}")
        self._key = key

    def redact(self, text: str) -> tuple[str, tuple[Redaction, ...]]:
        """The text with stand-ins, and where they are in it.

        Idempotent: redacting the result gives the same text and the same list, so that a recorded reply is
        judged as the live one was.
        """
        if "@" not in text and not _DIGIT.search(text):
            return text, ()  # everything that we know holds one of them
        finds = _scan(text)
        if not finds:
            return text, ()
        for _ in range(_PASSES):
            if all(find.done for find in finds):
                break
            text = "".join(self._replaced(text, finds))
            finds = _scan(text)
        return text, tuple(Redaction(find.kind, find.start, find.end, text[find.start : find.end]) for find in finds)

    def _replaced(self, text: str, finds: Iterable[Find]) -> Iterator[str]:
        at = 0
        for find in finds:
            passage = text[find.start : find.end]
            yield text[at : find.start]
            yield passage if find.done else stand_in(find.kind, passage, self._key)
            at = find.end
        yield text[at:]


def _scan(text: str) -> list[Find]:
    """Stand-ins and private passages in order, none overlapping another."""
    known = stand_ins(text)
    if not known:
        return _private(text)
    finds, at = [], 0
    for find in [*known, Find(len(text), len(text), "")]:
        finds += [part._replace(start=part.start + at, end=part.end + at) for part in _private(text[at : find.start])]
        finds.append(find)
        at = find.end
    return finds[:-1]


def _private(text: str) -> list[Find]:
    """Private passages, and stand-ins for cards, in a text without other stand-ins."""
    if len(text) < _SHORTEST:
        return []
    finds = [*find_secrets(text), *find_cards(text)]
    if "@" in text:
        finds += find_emails(text)
    return disjoint(finds) if finds else finds
