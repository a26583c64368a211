"""The figures by which a sentence's support is scored, each from 0 (supported) to 1, or a plain property."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from pytest_llmgate.detectors.grounding.alignment import Alignment, mean
from pytest_llmgate.detectors.grounding.evidence import pairs
from pytest_llmgate.detectors.grounding.lexicon import lexicon
from pytest_llmgate.detectors.grounding.polarity import turning
from pytest_llmgate.detectors.grounding.quantities import supported
from pytest_llmgate.detectors.grounding.rivals import wrong_names

NAMES = (
    "novel_all", "novel_near", "novel_nouns", "novel_tail", "novel_pairs", "novel_run", "gap", "spread",
    "number_missing", "name_wrong", "turned", "turned_near", "opposite", "strong",
)  # fmt: skip
_WIDEST = 60  # words that are compared in order
_TAIL = 3


def features(aligned: Alignment) -> tuple[float, ...]:
    """One value a name of `NAMES`."""
    near = aligned.in_near
    cover = mean(aligned.in_best, 0.5)
    turned = len(turning(aligned)) % 2
    return (
        1.0 - mean(aligned.in_all, 0.5),
        1.0 - mean(near, 0.5),
        _novel_nouns(aligned),
        1.0 - mean(near[-_TAIL:], 0.5),
        _novel_pairs(aligned),
        _run(near),
        _gap(aligned),
        _spread(aligned),
        _numbers_missing(aligned),
        1.0 if any(True for _ in wrong_names(aligned)) else 0.0,
        float(turned),
        turned * cover,
        1.0 if aligned.opposites else 0.0,
        _strong(aligned),
    )


def _novel_pairs(aligned: Alignment) -> float:
    mine = pairs(aligned.claim)
    return mean([0.0 if pair in aligned.evidence.pairs else 1.0 for pair in mine], 0.5)


def _gap(aligned: Alignment) -> float:
    """1 − the longest common subsequence with the best passage, over the sentence's length (ROUGE-L precision)."""
    mine = [token.stem for token in aligned.claim.tokens][:_WIDEST]
    if aligned.best is None or not mine:
        return 1.0
    theirs = [token.stem for token in aligned.best.tokens][: 2 * _WIDEST]
    return 1.0 - common(mine, theirs) / len(mine)


def common(mine: Sequence[str], theirs: Sequence[str]) -> int:
    """Length of the longest common subsequence, by bits (Crochemore and others, 2001)."""
    places: dict[str, int] = {}
    for at, word in enumerate(theirs):
        places[word] = places.get(word, 0) | 1 << at
    every = (1 << len(theirs)) - 1
    row = every
    for word in mine:
        hit = row & places.get(word, 0)
        row = ((row + hit) | (row - hit)) & every
    return len(theirs) - row.bit_count()


def _numbers_missing(aligned: Alignment) -> float:
    missing = sum(
        1
        for quantity in aligned.claim.quantities
        if not supported(quantity, aligned.near_quantities) and not aligned.evidence.saying(quantity)
    )
    return min(missing, 2) / 2.0


def _novel_nouns(aligned: Alignment) -> float:
    """Novelty of words behind an article, a preposition or another word with content: mostly nouns."""
    near = {token.start: value for token, value in zip(aligned.claim.words, aligned.in_near, strict=True)}
    tokens = aligned.claim.tokens
    novel = [
        1.0 - near[token.start]
        for before, token in itertools.pairwise(tokens)
        if token.start in near and (before.word in lexicon().before_nouns or before.start in near)
    ]
    return mean(novel, 0.0)


def _spread(aligned: Alignment) -> float:
    """1 − the cosine of the sentence's words and those of the best passage."""
    if aligned.best is None:
        return 1.0
    sizes = max(len(aligned.best.stems), 1) * max(len(aligned.claim.stems), 1)
    return max(0.0, 1.0 - sum(aligned.in_best) / math.sqrt(sizes))


def _strong(aligned: Alignment) -> float:
    strong = lexicon().strong
    known = {token.word for passage in aligned.near for token in passage.tokens}
    return 1.0 if any(token.word in strong and token.word not in known for token in aligned.claim.tokens) else 0.0


def _run(near: Sequence[float]) -> float:
    """The longest run of novel words, over the sentence's length."""
    longest = current = 0
    for value in near:
        current = 0 if value else current + 1
        longest = max(longest, current)
    return longest / len(near) if near else 0.5
