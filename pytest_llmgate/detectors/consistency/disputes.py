"""What two replies say differently of one fact: a number, a name, yes or no."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_llmgate.detectors.consistency.support import Voice
from pytest_llmgate.detectors.grounding.alignment import Alignment, align
from pytest_llmgate.detectors.grounding.findings import Finding, wrong_quantities
from pytest_llmgate.detectors.grounding.names import Name
from pytest_llmgate.detectors.grounding.passages import Passage
from pytest_llmgate.detectors.grounding.polarity import flipped
from pytest_llmgate.detectors.grounding.quantities import Quantity, agree, same_kind
from pytest_llmgate.detectors.grounding.rivals import rivals, wrong_names
from pytest_llmgate.detectors.grounding.tokens import Token

_SAME_FACT = 0.5  # share of a sentence's words in another's from which both are taken to speak of one fact
_YES, _NO = frozenset({"yes", "yeah", "true", "correct"}), frozenset({"no", "nope", "false", "incorrect"})


class Dispute(NamedTuple):
    """A place where a reply differs from others. reply: its number. share: of the other replies that differ, 0 to 1.

    finding: kind, place and text in the reply, with the sentence of another one as its evidence.
    """

    reply: int
    share: float
    finding: Finding


def disputes(voices: Sequence[Voice]) -> list[Dispute]:
    """The places where at least half of the other replies differ."""
    found: list[Dispute] = []
    for number, voice in enumerate(voices):
        others = [other for place, other in enumerate(voices) if place != number]
        for claim in voice.claims:
            found += _of_sentence(number, claim, voice, others)
    return found


def _of_sentence(number: int, claim: Passage, voice: Voice, others: Sequence[Voice]) -> Iterator[Dispute]:
    against: dict[tuple[str, int, int], list[Finding]] = {}
    for other in others:
        for finding in _between(claim, voice, other):
            against.setdefault(finding[:3], []).append(finding)
    for findings in against.values():
        share = len(findings) / len(others)
        if share >= 0.5:
            yield Dispute(number, share, findings[0])


def _between(claim: Passage, voice: Voice, other: Voice) -> Iterator[Finding]:
    """What a sentence and another reply say differently of one fact; what only one of them says is no dispute."""
    answer, theirs = answer_of(claim.tokens), answer_of(other.claims[0].tokens)
    if answer and theirs and claim is voice.claims[0]:
        if answer != theirs:
            yield _finding("negation", claim, claim.tokens[0].start, claim.tokens[0].end, other.claims[0])
        return
    aligned = align(claim, other.evidence)
    best = aligned.best
    if best is None or not _one_fact(aligned):
        return
    for quantity in wrong_quantities(aligned):
        if any(_against(quantity, rival, voice) for rival in best.quantities):
            yield _finding("number", claim, quantity.start, quantity.end, best)
    for name in wrong_names(aligned):
        if any(not _stands_in(rival, voice) for rival in rivals(name, aligned)):
            yield _finding("entity", claim, name.start, name.end, best)
    for token in flipped(aligned):
        yield _finding("negation", claim, token.start, token.end, best)


def _finding(kind: str, claim: Passage, start: int, end: int, other: Passage) -> Finding:
    return Finding(kind, claim.start + start, claim.start + end, claim.text[start:end], other.text)


def _one_fact(aligned: Alignment) -> bool:
    """Whether most words of a sentence, but for names and numbers, are in the other's best one."""
    named = {token.start for name in aligned.claim.names for token in name.tokens}
    pairs = zip(aligned.claim.words, aligned.in_best, strict=True)
    held = [value > 0.0 for token, value in pairs if token.start not in named]
    return sum(held) >= max(1, _SAME_FACT * len(held))


def _against(said: Quantity, rival: Quantity, voice: Voice) -> bool:
    """Whether the other reply has a number of this kind that this reply does not say, even in part."""
    mine = [quantity for claim in voice.claims for quantity in claim.quantities]
    return same_kind(said, rival) and not any(agree(rival, one) or agree(one, rival) for one in mine)


def _stands_in(name: Name, voice: Voice) -> bool:
    return all(voice.evidence.holds(token.stem) or voice.evidence.hints(token.stem) for token in name.tokens)


def answer_of(tokens: Sequence[Token]) -> str:
    """`yes` or `no`, where a text begins so; else empty."""
    first = tokens[0].word if tokens else ""
    return "yes" if first in _YES else "no" if first in _NO else ""
