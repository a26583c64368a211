"""How far other replies bear out the sentences of one: the figures of the consistency score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pytest_llmgate.detectors.grounding.alignment import Alignment, align, mean
from pytest_llmgate.detectors.grounding.evidence import Evidence, index
from pytest_llmgate.detectors.grounding.passages import Passage, passages_of
from pytest_llmgate.detectors.grounding.polarity import turning
from pytest_llmgate.detectors.grounding.rivals import wrong_names

NAMES = (
    "unheard", "numbers", "names", "turned", "opposite", "distance", "unheard_all", "numbers_all",
)  # fmt: skip


class Voice(NamedTuple):
    """A reply taken apart. claims: its sentences that say something. evidence: the reply as a source for others."""

    claims: tuple[Passage, ...]
    evidence: Evidence

    @property
    def stems(self) -> frozenset[str]:
        return frozenset(self.evidence.postings)


def voice_of(text: str) -> Voice:
    """A reply taken apart."""
    claims = tuple(claim for claim in passages_of(text) if claim.words or claim.quantities)
    return Voice(claims, index([("reply", text)]))


def figures(voice: Voice, others: Sequence[Voice]) -> list[tuple[float, ...]]:
    """One value a name of `NAMES` for each sentence of a reply, beside at least one other reply.

    unheard: words that no other reply holds; numbers: those that the others do not say, half where there are none;
    names, turned, opposite: share of the others that name somebody else or say the opposite. The last three speak of
    the whole reply: its distance from the others, and the means of `unheard` and `numbers`.
    """
    rows = [_sentence(claim, others) for claim in voice.claims]
    if not rows:
        return []
    whole = (_distance(voice, others), mean([row[0] for row in rows]), mean([row[1] for row in rows]))
    return [(*row, *whole) for row in rows]


def _sentence(claim: Passage, others: Sequence[Voice]) -> tuple[float, ...]:
    aligned = [align(claim, other.evidence) for other in others]
    unheard = [0.0 if any(other.evidence.holds(token.stem) for other in others) else 1.0 for token in claim.words]
    numbers = [
        1.0 - mean([1.0 if other.evidence.saying(quantity) else 0.0 for other in others])
        for quantity in claim.quantities
    ]
    return (
        mean(unheard, 0.5),
        mean(numbers, 0.5),
        mean([1.0 if any(True for _ in wrong_names(one)) else 0.0 for one in aligned]),
        mean([_turned(one) for one in aligned]),
        mean([1.0 if one.opposites else 0.0 for one in aligned]),
    )


def _turned(aligned: Alignment) -> float:
    return len(turning(aligned)) % 2 * mean(aligned.in_best, 0.5)


def _distance(voice: Voice, others: Sequence[Voice]) -> float:
    """1 − the mean share of common words (Jaccard)."""
    mine = voice.stems
    return 1.0 - mean([len(mine & other.stems) / max(len(mine | other.stems), 1) for other in others])
