"""Names that the sources do not hold, and names in whose place the evidence has another one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_llmgate.detectors.grounding.alignment import Alignment
from pytest_llmgate.detectors.grounding.lexicon import lexicon, weak_keys
from pytest_llmgate.detectors.grounding.names import Name
from pytest_llmgate.detectors.grounding.passages import Passage
from pytest_llmgate.detectors.grounding.tokens import Token

_DAYS = frozenset(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"])

_DEFINITE = frozenset({"the", "this", "these", "our", "its", "their"})
_BACK = 8  # sentences in which a name may have been said
_MOST, _NEARLY_ALL = 0.6, 0.75  # share of the other words in the best passage; more where the name may be the topic


def wrong_names(aligned: Alignment) -> Iterator[Name]:
    """Names that the sources do not hold, or that stand where the best evidence has another one."""
    for name in aligned.claim.names:
        missing = [token for token in name.tokens if token.content and not known_name(token, aligned)]
        if missing:
            if _stranger(name, missing, aligned):
                yield name
        elif _swapped(name, aligned):
            yield name


def _stranger(name: Name, missing: Sequence[Token], aligned: Alignment) -> bool:
    """Whether a name with parts that the sources do not hold is none of theirs."""
    rival = aligned.same_fact(name.tokens) and any(True for _ in rivals(name, aligned))
    if name.weak:
        return rival
    return rival or missing[-1] is name.tokens[-1] or len(missing) == len(name.tokens)


def _swapped(name: Name, aligned: Alignment) -> bool:
    """Whether a known name stands in the place of another one."""
    best = aligned.best
    if best is None or not _sure(name, aligned) or _stands_in(name, best) or not aligned.same_fact(name.tokens):
        return False
    found = list(rivals(name, aligned))
    if any(_same_place(name, rival, aligned) for rival in found):
        return True
    share = _NEARLY_ALL if name.start <= aligned.claim.tokens[0].end + 1 else _MOST
    return bool(found) and aligned.same_fact(name.tokens, 2, share) and not _resolves_pronoun(name, aligned)


def _sure(name: Name, aligned: Alignment) -> bool:
    return not name.weak or len(name.tokens) > 1 or aligned.evidence.surely_named(name.tokens[0].stem)


def known_name(token: Token, aligned: Alignment) -> bool:
    """Whether a word of a name stands in the sources, be it as initials or with another ending."""
    evidence = aligned.evidence
    if evidence.holds(token.stem) or evidence.hints(token.stem) or token.word in evidence.initials:
        return True
    if len(token.stem) < 4:
        return False
    return any(_related(token.stem, other) for other in evidence.by_start.get(token.stem[:4], ()))


def _related(word: str, other: str) -> bool:
    """German and Germany, Italy and Italian: a common beginning, and little else."""
    short, long = sorted((word, other), key=len)
    shared = next((at for at, (one, two) in enumerate(zip(short, long, strict=False)) if one != two), len(short))
    return shared >= 4 and shared >= len(short) - 2 and len(long) - shared <= 4


def _stands_in(name: Name, passage: Passage) -> bool:
    stems = {token.stem for token in passage.tokens}
    initials = {"".join(token.word[0] for token in other.tokens) for other in passage.names if len(other.tokens) > 1}
    if any(token.word in initials for token in name.tokens):
        return True
    return any(
        token.stem in stems
        or passage.weak.intersection(weak_keys(token.stem))
        or any(stem[:4] == token.stem[:4] and _related(token.stem, stem) for stem in stems)
        for token in name.tokens
    )


def rivals(name: Name, aligned: Alignment) -> Iterator[Name]:
    """Names of the best passage that the sentence does not say, of the same kind as far as one can tell."""
    if aligned.best is None:
        return
    claim = aligned.claim
    said = {token.stem for token in claim.tokens if token.capital}
    plain = {token.stem for token in claim.tokens if not token.capital}
    day = name.tokens[-1].word in _DAYS
    for other in aligned.best.names:
        parts = [token for token in other.tokens if token.stem not in plain]
        unsaid = [token for token in parts if token.stem not in said and not _meant(token, claim)]
        alike = (other.tokens[-1].word in _DAYS) == day and (len(unsaid) == len(parts) or _shares(name, other))
        if unsaid and alike and _sure(other, aligned):
            yield other


def _meant(token: Token, claim: Passage) -> bool:
    return bool(claim.weak.intersection(weak_keys(token.stem)))


def _shares(name: Name, other: Name) -> bool:
    """John Smith and Peter Smith: one part is the same, the other is not."""
    mine, theirs = {token.stem for token in name.tokens}, {token.stem for token in other.tokens}
    return bool(mine & theirs) and bool(mine - theirs)


def _resolves_pronoun(name: Name, aligned: Alignment) -> bool:
    """Whether a name may be what a pronoun of the best passage stands for, as it came before."""
    assert aligned.place is not None  # there is a best passage
    passages = aligned.evidence.passages
    best = passages[aligned.place]
    if not any(token.word in lexicon().pronouns for token in best.tokens) and not (
        name.start <= aligned.claim.tokens[0].end + 1 and _opens_by_description(best)
    ):
        return False
    return any(_stands_in(name, passage) for passage in passages[max(0, aligned.place - _BACK) : aligned.place])


def _opens_by_description(passage: Passage) -> bool:
    """Whether words such as "the company" stand for what was named before."""
    first, *rest = passage.tokens
    return first.word in _DEFINITE and bool(rest) and not rest[0].capital


def _same_place(name: Name, rival: Name, aligned: Alignment) -> bool:
    """Whether the word before, or the word behind, two names is the same."""
    best = aligned.best
    assert best is not None  # the rival stands there
    before, behind = _around(name, aligned.claim)
    other_before, other_behind = _around(rival, best)
    return bool((before and before == other_before) or (behind and behind == other_behind))


def _around(name: Name, passage: Passage) -> tuple[str, str]:
    before = [token.stem for token in passage.tokens if token.end <= name.start]
    behind = [token.stem for token in passage.tokens if token.start >= name.end]
    return before[-1] if before else "", behind[0] if behind else ""
