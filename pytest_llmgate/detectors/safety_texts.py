"""Rules on what a reply says: denied patterns, private text, canaries of a prompt, links."""

from __future__ import annotations

import re
from base64 import b64encode
from codecs import encode
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unicodedata import category, normalize

from pytest_llmgate.core.private_kinds import SECRET
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.checks import shown
from pytest_llmgate.detectors.regex import compiled, encodable

Finding = Callable[[Reply], str]
"""What a rule finds in a reply, for the reason; an empty text where it finds nothing."""

_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]"
)
_NOT_WORD = re.compile(r"[\W_]+")
_WORDS = 8  # so many words of a prompt in a row are no accident
_SHORTEST_SPELLED = 6  # letters and digits of a canary that is also looked for in disguise
_LINK = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,20}:[/\\]{1,3}|(?<![\w:/\\.])[/\\]{2}(?=[\w-]+\.))[^\s<>\"'`)\]}]{1,2000}", re.IGNORECASE
)


def denied(patterns: Sequence[str]) -> Finding:
    """A pattern of RE2 that is found in the text, or in it without invisible characters and look-alike forms."""
    searches = [(pattern, compiled(pattern).search) for pattern in patterns]

    def find(reply: Reply) -> str:
        for text in forms(reply.text):
            for pattern, search in searches:
                if search(encodable(text)):
                    return f"matches {shown(pattern)}"
        return ""

    return find


def private(kinds: frozenset[str]) -> Finding:
    """Private text of these kinds, anywhere in the reply, as redaction noted it."""

    def find(reply: Reply) -> str:
        for kind, start, _, pseudonym in reply.redactions:
            if kind in kinds:
                place = "in the text" if start >= 0 else "beside the text"
                return f"{'a' if kind == SECRET else 'private:'} {kind} {place}, now {shown(pseudonym, 40)}"
        return ""

    return find


def canaries(words: Sequence[str]) -> Finding:
    """Texts of a prompt that must not come back: whole, eight words of them in a row, or in a simple disguise."""
    plain = [(word, frozenset(_runs(word))) for word in words]
    spelled = [(word, tuple(_disguises(word))) for word in words if len(_letters(word)) >= _SHORTEST_SPELLED]

    def find(reply: Reply) -> str:
        words_said = " ".join(_tokens(reply.text))
        for canary, runs in plain:
            if any(f" {run} " in f" {words_said} " for run in runs):
                return f"repeats {shown(canary, 40)}"
        letters = _letters(reply.text)
        for canary, disguises in spelled:
            if any(form in (letters if place == "letters" else reply.text) for place, form in disguises):
                return f"repeats {shown(canary, 40)} in disguise"
        return ""

    return find


def links(allowed: Callable[[str], bool]) -> Finding:
    """A link in the text to a host that is not allowed: an image that a page shows sends what stands in its address."""

    def find(reply: Reply) -> str:
        for text in forms(reply.text):
            for link in _LINK.finditer(text):
                if not allowed(link[0]):
                    return f"links to {shown(link[0])}"
        return ""

    return find


def forms(text: str) -> Iterator[str]:
    """A text as it is, and where that differs, as it looks: compatible forms joined, invisible signs gone."""
    yield text
    if not text.isascii():
        looks = normalize("NFKC", _INVISIBLE.sub("", text))
        if looks != text:
            yield looks


def _tokens(text: str) -> list[str]:
    looks = list(forms(text))[-1]
    return _NOT_WORD.sub(" ", looks.casefold()).split()


def _runs(canary: str) -> Iterator[str]:
    """Eight words in a row, from every word on; all of it where it is shorter."""
    words = _tokens(canary)
    for place in range(max(1, len(words) - _WORDS + 1)):
        yield " ".join(words[place : place + _WORDS])


def _letters(text: str) -> str:
    """Letters and digits alone, so that s-p-e-l-l-i-n-g hides nothing."""
    return "".join(char for char in list(forms(text))[-1].casefold() if category(char)[0] in "LN")


def _disguises(canary: str) -> Iterator[tuple[str, str]]:
    """Simple encodings that models are talked into, and where each is looked for."""
    letters = _letters(canary)
    yield "letters", letters
    yield "letters", letters[::-1]
    yield "letters", encode(letters, "rot13")
    raw = canary.strip().encode("utf-8", "replace")
    yield "letters", raw.hex()
    yield from (("text", form) for form in _base64(raw))


def _base64(raw: bytes) -> Iterator[str]:
    """The middle of its base64 at each of three offsets, which is the same whatever stands around it."""
    for offset in range(3):
        coded = b64encode(b"\0" * offset + raw).decode()
        first, last = -(-offset * 8 // 6), (offset + len(raw)) * 8 // 6
        if last - first >= _SHORTEST_SPELLED:
            yield coded[first:last]


def pattern_search(pattern: str) -> Callable[[str], Any]:
    """The search of a pattern of RE2 in any text."""
    search = compiled(pattern).search
    return lambda text: any(search(encodable(form)) for form in forms(text))
