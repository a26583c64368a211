"""A sentence taken apart: words at once, and what costs more at first use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from pytest_llmgate.detectors.grounding.lexicon import weak_keys
from pytest_llmgate.detectors.grounding.names import Name, find_names
from pytest_llmgate.detectors.grounding.negation import negated, softened
from pytest_llmgate.detectors.grounding.quantities import Quantity, find_quantities
from pytest_llmgate.detectors.grounding.sentences import sentence_spans
from pytest_llmgate.detectors.grounding.tokens import Token, tokenize

_OPENING = re.compile(r"[,:(\[{]\s*[\"“](?=\w)")  # a quotation, or a text within JSON


@dataclass(frozen=True)
class Passage:
    """One sentence of a reply or a source. start: its place in the whole text; places of its parts count from it.

    stems: of its words with content. Not slotted, so that the parts can be kept once they are found.
    """

    start: int
    text: str
    tokens: tuple[Token, ...]
    stems: frozenset[str]

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """Numbers, dates and times."""
        return find_quantities(self.text)

    @cached_property
    def words(self) -> tuple[Token, ...]:
        """Words with content that are no part of a quantity."""
        spans = self._spans
        return tuple(token for token in self.tokens if token.content and not _within(token, spans))

    @cached_property
    def names(self) -> tuple[Name, ...]:
        """What looks like a name."""
        openings = frozenset([found.end() for found in _OPENING.finditer(self.text)])
        return find_names(self.tokens, self._spans, openings)

    @cached_property
    def negations(self) -> tuple[tuple[Token, tuple[Token, ...]], ...]:
        """Each negating word with the words in its reach."""
        return negated(self.text, self.tokens)

    @cached_property
    def softened(self) -> tuple[tuple[Token, tuple[Token, ...]], ...]:
        """Each word that may deny, with the words around it."""
        return softened(self.text, self.tokens)

    @cached_property
    def weak(self) -> frozenset[str]:
        """Keys of synonyms and roots."""
        return frozenset([key for word in self.stems for key in weak_keys(word)])

    @cached_property
    def _spans(self) -> tuple[tuple[int, int], ...]:
        return tuple((quantity.start, quantity.end) for quantity in self.quantities)


def passages_of(text: str) -> tuple[Passage, ...]:
    """The sentences of a text that hold a word or a number."""
    return tuple(_passages(text))


def passage_of(text: str, start: int = 0) -> Passage:
    """One sentence, taken apart."""
    tokens = tokenize(text)
    return Passage(start, text, tokens, frozenset([token.stem for token in tokens if token.content]))


def _passages(text: str) -> Iterator[Passage]:
    for start, end in sentence_spans(text):
        passage = passage_of(text[start:end], start)
        if passage.tokens:
            yield passage


def _within(token: Token, spans: tuple[tuple[int, int], ...]) -> bool:
    return any(start < token.end and token.start < end for start, end in spans)
