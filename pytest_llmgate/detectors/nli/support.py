"""What every such model comes to: the probability that a premise supports a claim."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from pytest_llmgate.detectors.grounding.sentences import sentence_spans

CHUNK_WORDS = 250
"""Words of a premise that are shown at once: with a claim they fit into 512 tokens."""
CHUNKS = 3
"""Chunks of the sources that a claim is compared with, those with the most of its words."""

_SUPPORTS = re.compile(r"^(entailment|entailed|entails|entail|consistent|supported|supports|support|factual)$", re.I)
_WORD = re.compile(r"\w+")


class Misread(ValueError):  # noqa: N818 - reads as what it is
    """Weights that cannot be read as a judge of support; the message says why."""


class Unsupported(NamedTuple):
    """The claim of a reply that is supported worst: its place in the reply, and the risk, 0 to 1."""

    start: int
    end: int
    risk: float


class Reader(Protocol):
    """A model, ready to be asked."""

    def worst(self, sources: Sequence[str], reply: str) -> Unsupported | None:
        """The worst supported claim; None where the reply makes none."""


class PairModel(Protocol):
    """A model that sees one premise and one claim."""

    def support(self, premise: str, claim: str) -> float:
        """Probability that the premise supports the claim."""


class BySentence:
    """Asks a model of pairs about each sentence of a reply; of several chunks the one that supports it most counts."""

    def __init__(self, model: PairModel) -> None:
        self._model = model

    def worst(self, sources: Sequence[str], reply: str) -> Unsupported | None:
        chunks = [chunk for source in sources for chunk in chunks_of(source)]
        found = [
            Unsupported(start, end, 1.0 - self._support(chunks, reply[start:end]))
            for start, end in sentence_spans(reply)
        ]
        return max(found, key=lambda claim: claim.risk, default=None)

    def _support(self, chunks: Sequence[str], claim: str) -> float:
        words = set(_WORD.findall(claim.lower()))
        nearest = sorted(chunks, key=lambda chunk: -len(words & set(_WORD.findall(chunk.lower()))))[:CHUNKS]
        return max((self._model.support(chunk, claim) for chunk in nearest), default=0.0)


def chunks_of(text: str) -> Iterator[str]:
    """A text in runs of whole sentences of at most 250 words; a longer sentence is a chunk of its own."""
    start = end = count = 0
    for first, last in sentence_spans(text):
        size = len(text[first:last].split())
        if count and count + size > CHUNK_WORDS:
            yield text[start:end]
            start, count = first, 0
        start = start if count else first
        end, count = last, count + size
    if count:
        yield text[start:end]


def class_of_support(labels: Sequence[str], given: str | int | None) -> int:
    """Which of a model's classes means support.

    labels: of its classes, in order. given: the user's word for it, a name or a number. Raises Misread where neither
    says it.
    """
    if isinstance(given, int):
        if not 0 <= given < len(labels):
            raise Misread(f"there is no class {given} among {', '.join(labels)}")
        return given
    named = [place for place, label in enumerate(labels) if (label == given if given else _SUPPORTS.match(label))]
    if len(named) == 1:
        return named[0]
    if len(labels) == 1 and given is None:
        return 0
    raise Misread(f"which of its classes means support? They are called {', '.join(labels)}; say it in 'support_label'")


def probability(logits: Sequence[float], wanted: int) -> float:
    """Softmax of one class; of a single logit its logistic."""
    if len(logits) == 1:
        return 1.0 / (1.0 + math.exp(-max(-500.0, min(500.0, logits[0]))))
    top = max(logits)
    shares = [math.exp(logit - top) for logit in logits]
    return shares[wanted] / sum(shares)
