"""Whether a sentence and its best evidence say the opposite of each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_llmgate.detectors.grounding.alignment import Alignment, match
from pytest_llmgate.detectors.grounding.lexicon import lexicon
from pytest_llmgate.detectors.grounding.negation import negates
from pytest_llmgate.detectors.grounding.passages import Passage
from pytest_llmgate.detectors.grounding.quantities import supported
from pytest_llmgate.detectors.grounding.tokens import Token

_MOST = 0.6
_NEARLY_ALL = 0.65  # opposites are less sure a sign than negations


def flipped(aligned: Alignment) -> Iterator[Token]:
    """The word that turns a sentence against its best evidence, where an odd number of turns lies between them.

    A word that may mean a negation on one side alone ("refuse", "closed") explains the difference: no finding then.
    """
    if aligned.best is None or not aligned.same_fact([token for token, _ in aligned.opposites], least=2):
        return
    turns = turning(aligned)
    if aligned.opposites and not aligned.same_fact([token for token, _ in aligned.opposites], 2, _NEARLY_ALL):
        return
    odd = len(turns) % 2 == 1
    if odd != _explained(aligned, turns) and (odd or _doubled(aligned.claim)):
        yield turns[0] if turns else aligned.claim.negations[0][0]


def turning(aligned: Alignment) -> list[Token]:
    """Negations and opposites that stand on one side only, as words of the sentence."""
    if aligned.best is None:
        return []
    mine = turns(aligned.claim.negations, aligned.claim, aligned.best)
    if not mine and aligned.same_fact(least=3, share=_MOST):
        mine = [cue for cue, _ in aligned.claim.negations[:1]]  # of one fact, whatever words it denies
    theirs = turns(aligned.best.negations, aligned.best, aligned.claim)
    anchor = next(iter(aligned.claim.words), aligned.claim.tokens[0])
    return mine + [anchor] * len(theirs) + [token for token, _ in aligned.opposites]


Cue = tuple[Token, tuple[Token, ...]]


def turns(cues: Sequence[Cue], passage: Passage, other: Passage, least: float = 0.1) -> list[Token]:
    """Words that turn what reaches a word or a number which the other passage shares; one for each clause."""
    found: list[Token] = []
    last: tuple[Token, ...] = ()
    for cue, reached in cues:
        apart = cue in last or not set(last) & set(reached)  # "not forbidden" turns twice, "no … not" once
        if apart and (_reaches(reached, other, least) or _reaches_number(reached, passage, other)):
            found.append(cue)
        last = reached
    return found


def _reaches(reached: Sequence[Token], other: Passage, least: float) -> bool:
    """Whether a word that is denied, or its opposite, is in the other passage.

    A name alone is none: "never leaves the EU" denies leaving, so that "stays in the EU" says the same.
    """
    values = match(reached, (other,))
    if any(value >= least and not token.capital for token, value in zip(reached, values, strict=True)):
        return True
    opposite = lexicon().opposite
    return any(not other.stems.isdisjoint(opposite.get(token.stem, ())) for token in reached)


def _reaches_number(reached: tuple[Token, ...], passage: Passage, other: Passage) -> bool:
    return any(
        quantity.start < token.end and token.start < quantity.end and supported(quantity, other.quantities)
        for token in reached
        for quantity in passage.quantities
    )


def _doubled(claim: Passage) -> bool:
    """Whether a negation reaches a word that may deny itself: "not closed"."""
    soft = {token.start for token, _ in claim.softened}
    return any(token.start in soft for _, reached in claim.negations for token in reached)


def _explained(aligned: Alignment, turned: list[Token]) -> bool:
    best = aligned.best
    assert best is not None  # there are turns
    if aligned.opposites and not any(negates(token.word) for token in turned):
        return False
    mine = {token.word for token in turns(aligned.claim.softened, aligned.claim, best, 1.0)}
    theirs = {token.word for token in turns(best.softened, best, aligned.claim, 1.0)}
    return len(mine - theirs) % 2 != len(theirs - mine) % 2
