"""The sources as an index of sentences, and the best evidence in them for a sentence (BM25)."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pytest_llmgate.detectors.grounding.lexicon import weak_keys
from pytest_llmgate.detectors.grounding.passages import Passage, passages_of
from pytest_llmgate.detectors.grounding.quantities import Quantity, agree, rough_keys

TOP = 3
K1, B = 1.2, 0.4  # Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009, section 3.4
_WEAK = 0.5  # what a synonym or a derived word counts against the word itself
_ENOUGH = 12
_MOST_WORDS, _MOST_POSTINGS = 40, 200  # rarest words of a sentence, places of a word: bounds the work


@dataclass(frozen=True)
class Evidence:
    """Indexed sources. documents: name of the source of each passage. postings: stem → places of its passages.

    nearest: places of the passages nearest to a sentence by their vectors, best first; None without vectors.
    """

    passages: tuple[Passage, ...]
    documents: tuple[str, ...]
    postings: Mapping[str, Sequence[int]]
    mean_length: float
    nearest: Callable[[Passage], Sequence[int]] | None = None

    @cached_property
    def weak_postings(self) -> Mapping[str, Sequence[int]]:
        """Keys of synonyms and roots → places of passages."""
        found: dict[str, set[int]] = defaultdict(set)
        for word, places in self.postings.items():
            for key in weak_keys(word):
                found[key].update(places)
        return {key: sorted(places) for key, places in found.items()}

    @cached_property
    def by_start(self) -> Mapping[str, Sequence[str]]:
        """First four letters → stems that begin with them."""
        found: dict[str, list[str]] = defaultdict(list)
        for word in self.postings:
            found[word[:4]].append(word)
        return dict(found)

    @cached_property
    def quantities(self) -> Mapping[str, Sequence[tuple[int, Quantity]]]:
        """Rough values → numbers, dates and times of about that value with the places of their passages."""
        found: dict[str, list[tuple[int, Quantity]]] = defaultdict(list)
        for place, passage in enumerate(self.passages):
            for quantity in passage.quantities:
                for key in rough_keys(quantity):
                    found[key].append((place, quantity))
        return dict(found)

    def saying(self, quantity: Quantity) -> list[int]:
        """Places of passages that say a quantity, the first few."""
        found: dict[int, None] = {}
        for key in sorted(rough_keys(quantity)):
            for place, other in self.quantities.get(key, ())[:_MOST_POSTINGS]:
                if place not in found and agree(quantity, other):
                    found[place] = None
                    if len(found) == _ENOUGH:
                        return list(found)
        return list(found)

    @cached_property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """Neighbouring stems with content."""
        return frozenset(pair for passage in self.passages for pair in pairs(passage))

    def surely_named(self, word: str) -> bool:
        """Whether a stem is part of a name where an ordinary word would have a small letter."""
        return any(
            not name.weak and any(token.stem == word for token in name.tokens)
            for place in self.postings.get(word, ())[:_MOST_POSTINGS]
            for name in self.passages[place].names
        )

    @cached_property
    def initials(self) -> frozenset[str]:
        """First letters of names of several words, so that UN is found in United Nations."""
        names = (name.tokens for passage in self.passages for name in passage.names)
        return frozenset("".join(token.word[0] for token in tokens) for tokens in names if len(tokens) > 1)

    def idf(self, known: int) -> float:
        """How telling a word is that stands in so many passages."""
        return math.log(1.0 + (len(self.passages) - known + 0.5) / (known + 0.5))

    def holds(self, word: str) -> bool:
        """Whether a stem stands anywhere in the sources."""
        return word in self.postings

    def hints(self, word: str) -> bool:
        """Whether a synonym or a derived word of a stem does."""
        return any(key in self.weak_postings for key in weak_keys(word))

    def best(self, claim: Passage, top: int = TOP) -> list[int]:
        """Places of the passages that share most with a sentence, best first; equal ones in order."""
        scores: dict[int, float] = defaultdict(float)
        for word in sorted(claim.stems, key=lambda word: (len(self.postings.get(word, ())), word))[:_MOST_WORDS]:
            self._add(scores, self.postings.get(word, ()), 1.0)
            for key in weak_keys(word):
                self._add(scores, self.weak_postings.get(key, ()), _WEAK, word)
        return heapq.nsmallest(top, scores, key=lambda place: (-scores[place], place))

    def candidates(self, claim: Passage) -> list[int]:
        """Places of the best passages by words, then of those that only vectors find."""
        alike = () if self.nearest is None else self.nearest(claim)
        return list(dict.fromkeys([*self.best(claim), *alike]))

    def _add(self, scores: dict[int, float], places: Sequence[int], weight: float, instead_of: str = "") -> None:
        gain = weight * self.idf(len(places)) * (K1 + 1.0)
        for place in places[:_MOST_POSTINGS]:
            stems = self.passages[place].stems
            if instead_of not in stems:
                scores[place] += gain / (1.0 + K1 * (1.0 - B + B * len(stems) / self.mean_length))


def index(sources: Iterable[tuple[str, str]]) -> Evidence:
    """The index of sources, given as (name, text)."""
    passages: list[Passage] = []
    documents: list[str] = []
    for name, text in sources:
        found = passages_of(text)
        passages += found
        documents += [name] * len(found)
    postings: dict[str, list[int]] = defaultdict(list)
    for place, passage in enumerate(passages):
        for word in passage.stems:
            postings[word].append(place)
    total = sum(len(passage.stems) for passage in passages)
    return Evidence(tuple(passages), tuple(documents), dict(postings), max(total / max(len(passages), 1), 1.0))


def pairs(passage: Passage) -> list[tuple[str, str]]:
    """Neighbouring stems with content."""
    stems = [token.stem for token in passage.tokens if token.content]
    return list(itertools.pairwise(stems))
