"""WordPiece tokens of uncased BERT models, from a `vocab.txt` (Devlin and others, 2019, section 3)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

UNKNOWN, BEGIN, END = "[UNK]", "[CLS]", "[SEP]"
_LONGEST_WORD = 100
_IDEOGRAPHS = (
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF), (0x2A700, 0x2B81F), (0x2B820, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WordPiece:
    """Splits texts into the numbers of a vocabulary. numbers: by piece; a piece within a word begins with `##`."""

    numbers: Mapping[str, int]

    @classmethod
    def of(cls, vocabulary: str) -> WordPiece:
        """From the text of a `vocab.txt`, one piece a line; raises KeyError where BERT's own pieces are missing."""
        numbers = {piece: number for number, piece in enumerate(vocabulary.split("\n")) if piece}
        for piece in (UNKNOWN, BEGIN, END):
            numbers[piece]
        return cls(numbers)

    def ids(self, text: str) -> list[int]:
        """The numbers of a text's pieces, without the marks at its begin and end."""
        return [number for word in _words(text) for number in self._pieces(word)]

    def framed(self, ids: list[int]) -> list[int]:
        """Numbers between the marks of a text's begin and end."""
        return [self.numbers[BEGIN], *ids, self.numbers[END]]

    def _pieces(self, word: str) -> list[int]:
        """The longest known pieces from the left; a word that cannot be made of them is unknown as a whole."""
        if len(word) > _LONGEST_WORD:
            return [self.numbers[UNKNOWN]]
        found: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                number = self.numbers.get(prefix + word[start:end])
                if number is not None:
                    found.append(number)
                    start = end
                    break
            else:
                return [self.numbers[UNKNOWN]]
        return found


def _words(text: str) -> Iterator[str]:
    """Lower-case words without accents; every punctuation mark and every ideograph is a word of its own."""
    cleaned = "".join(_cleaned(sign) for sign in text)
    bare = "".join(sign for sign in unicodedata.normalize("NFD", cleaned) if unicodedata.category(sign) != "Mn").lower()
    for word in bare.split():
        start = 0
        for place, sign in enumerate(word):
            if _is_mark(sign):
                if place > start:
                    yield word[start:place]
                yield sign
                start = place + 1
        if start < len(word):
            yield word[start:]


def _cleaned(sign: str) -> str:
    """Blanks for white space, nothing for control signs, ideographs between blanks."""
    if sign in "\t\n\r" or unicodedata.category(sign) == "Zs":
        return " "
    code = ord(sign)
    if code in (0, 0xFFFD) or unicodedata.category(sign).startswith("C"):
        return ""
    if code >= 0x3400 and any(low <= code <= high for low, high in _IDEOGRAPHS):
        return f" {sign} "
    return sign


def _is_mark(sign: str) -> bool:
    code = ord(sign)
    ascii_mark = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return ascii_mark or unicodedata.category(sign).startswith("P")
