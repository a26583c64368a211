"""Words of a text with their places."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from pytest_llmgate.detectors.grounding.lexicon import lexicon, plain, stem

_HIDDEN = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
# A sign of a script without spaces is a word of its own; what joins letters stays inside a word.
_TOKEN = re.compile(
    r"[\u2e80-\u9fff\uac00-\ud7af\u0e00-\u0e7f\uff66-\uff9f]"
    r"|(?:[A-Za-z]\.){1,6}[A-Za-z]\b"
    rf"|(?:[^\W_]|[{_HIDDEN}])(?:[^\W_]|[\u0300-\u036f{_HIDDEN}]|['’&](?=[^\W_]))*"
)


class Token(NamedTuple):
    """A word: place, small letters, stem; content: no stop word and no digits; capital: begins with one."""

    start: int
    end: int
    word: str
    stem: str
    content: bool
    capital: bool


def tokenize(text: str) -> tuple[Token, ...]:
    """The words of a text."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        parts = _parts(match[0])
        if parts[0]:  # not signs alone that nobody sees
            found.append(_new(Token, (*match.span(), *parts)))
    return tuple(found)


@lru_cache(maxsize=65536)
def _parts(written: str) -> tuple[str, str, bool, bool]:
    word = plain(written)
    if "." in word:
        word = word.replace(".", "")
    content = word not in lexicon().stop and not word[:1].isdigit()
    return word, stem(word), content, written[0].isupper()


_new = tuple.__new__  # a third of the time of the constructor, and there are many words
