"""A sentence laid beside its best evidence: which of its words are there, and what stands in their place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pytest_llmgate.detectors.grounding.evidence import Evidence
from pytest_llmgate.detectors.grounding.lexicon import lexicon, weak_keys
from pytest_llmgate.detectors.grounding.passages import Passage
from pytest_llmgate.detectors.grounding.quantities import Quantity, supported
from pytest_llmgate.detectors.grounding.tokens import Token

_SAME_FACT = 0.5  # share of a sentence's words in a passage from which both are taken to speak of one fact
_PREFIXES = ("un", "non", "in", "im", "dis", "ir")
_NUMBERS = 8  # of one sentence, by which evidence is looked for
HALF = 0.6  # what a synonym or a derived word counts against the word itself


@dataclass(frozen=True)
class Alignment:
    """A sentence and its evidence. place: of the best passage, None where no word is shared. places: of all."""

    claim: Passage
    evidence: Evidence
    place: int | None
    places: tuple[int, ...]

    @property
    def best(self) -> Passage | None:
        return None if self.place is None else self.evidence.passages[self.place]

    @cached_property
    def near(self) -> tuple[Passage, ...]:
        """The best passages and the neighbours of the very best one, where names for its pronouns may stand."""
        if self.place is None:
            return ()
        around = {*self.places, max(self.place - 1, 0), min(self.place + 1, len(self.evidence.passages) - 1)}
        return tuple(self.evidence.passages[place] for place in sorted(around))

    @cached_property
    def near_quantities(self) -> tuple[Quantity, ...]:
        return tuple(quantity for passage in self.near for quantity in passage.quantities)

    @cached_property
    def in_best(self) -> tuple[float, ...]:
        """How far each word of the sentence is in the best passage: 1 itself, less a relative, 0 not."""
        return () if self.best is None else match(self.claim.words, (self.best,))

    @cached_property
    def in_near(self) -> tuple[float, ...]:
        """The same for the passages near the evidence."""
        return match(self.claim.words, self.near)

    @cached_property
    def in_all(self) -> tuple[float, ...]:
        """The same for all sources."""
        evidence = self.evidence
        return tuple(
            1.0 if evidence.holds(token.stem) else HALF if evidence.hints(token.stem) else 0.0
            for token in self.claim.words
        )

    def same_fact(self, without: Sequence[Token] = (), least: int = 1, share: float = _SAME_FACT) -> bool:
        """Whether the sentence, without some of its words, says nearly what the best passage says.

        least: words that both must share; a number that both say is one. share: of the sentence's words.
        """
        if self.best is None:
            return False
        left_out = {token.start for token in without}
        pairs = zip(self.claim.words, self.in_best, strict=True)
        held = [value > 0.0 for token, value in pairs if token.start not in left_out]
        for quantity in self.claim.quantities:
            weight = (
                1 if quantity.options[0][0] == "number" else 2
            )  # a number with its unit is seldom the same by chance
            held += [supported(quantity, self.best.quantities)] * weight
        return sum(held) >= max(least, share * len(held))

    @cached_property
    def opposites(self) -> tuple[tuple[Token, str], ...]:
        """Words of the sentence in whose place the best passage has an opposite, with that one."""
        return () if self.best is None else tuple(_opposites(self.claim, self.best))


def align(claim: Passage, evidence: Evidence) -> Alignment:
    """Lay a sentence beside the passage that covers most of it; of equal ones, by numbers and polarity."""
    found = evidence.candidates(claim)
    places = tuple(dict.fromkeys([*found, *_by_number(claim, evidence, found)]))
    if not places:
        return Alignment(claim, evidence, None, ())
    ranked = max(range(len(places)), key=lambda at: (*_fit(claim, evidence.passages[places[at]]), -at))
    return Alignment(claim, evidence, places[ranked], places)


def _by_number(claim: Passage, evidence: Evidence, places: Sequence[int]) -> list[int]:
    """Places of the passages that say most of the numbers which those at hand do not say."""
    near = [quantity for place in places for quantity in evidence.passages[place].quantities]
    missing = [quantity for quantity in claim.quantities[:_NUMBERS] if not supported(quantity, near)]
    count = Counter(place for quantity in missing for place in evidence.saying(quantity))
    return [place for place, _ in sorted(count.items(), key=lambda item: (-item[1], item[0]))[:2]]


def _fit(claim: Passage, passage: Passage) -> tuple[float, float, int]:
    covered = sum(1.0 if value else 0.0 for value in match(claim.words, (passage,)))
    numbers = sum(1.0 for quantity in claim.quantities if supported(quantity, passage.quantities))
    return covered + numbers, numbers, -abs(len(claim.negations) - len(passage.negations))


def match(words: Sequence[Token], passages: Sequence[Passage]) -> tuple[float, ...]:
    """How far each word is in some passage: 1 itself, less a synonym or derived word, 0 not."""
    return tuple(_held(token.stem, passages) for token in words)


def _held(word: str, passages: Sequence[Passage]) -> float:
    if any(word in passage.stems for passage in passages):
        return 1.0
    keys = weak_keys(word)
    return HALF if keys and any(key in passage.weak for passage in passages for key in keys) else 0.0


def _opposites(claim: Passage, best: Passage) -> Iterator[tuple[Token, str]]:
    known, mine = ({token.stem for token in side.tokens} for side in (best, claim))
    for token in claim.tokens:
        if token.stem not in known and "-" not in claim.text[max(0, token.start - 1) : token.end + 1]:
            other = next((word for word in _reverse(token.stem) if word in known and word not in mine), None)
            if other is not None:
                yield token, other


def _reverse(word: str) -> Iterator[str]:
    """Opposites from the list, then by prefix: opened and unopened."""
    yield from sorted(lexicon().opposite.get(word, ()))
    if len(word) > 3:
        for prefix in _PREFIXES:
            yield prefix + word
            if word.startswith(prefix) and len(word) > len(prefix) + 3:
                yield word[len(prefix) :]


def mean(values: Sequence[float], empty: float = 1.0) -> float:
    """The mean, or `empty` for nothing."""
    return sum(values) / len(values) if values else empty
