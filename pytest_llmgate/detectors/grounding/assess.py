"""A reply judged against its sources: risk, sentences, findings."""

from __future__ import annotations

from typing import NamedTuple

from pytest_llmgate.detectors.grounding.alignment import Alignment, align
from pytest_llmgate.detectors.grounding.evidence import Evidence
from pytest_llmgate.detectors.grounding.features import features
from pytest_llmgate.detectors.grounding.findings import Finding, find
from pytest_llmgate.detectors.grounding.passages import Passage, passages_of
from pytest_llmgate.detectors.grounding.score import Model, sigmoid
from pytest_llmgate.detectors.grounding.spans import unsupported

_FILLER = 0.25  # what a sentence without content counts, in words


class Sentence(NamedTuple):
    """A sentence of the reply. risk: 0 to 1. evidence, document: the best evidence sentence and where it is from.

    unsupported: places in the reply that the evidence does not hold, for marking.
    """

    start: int
    end: int
    risk: float
    findings: tuple[Finding, ...]
    evidence: str
    document: str
    unsupported: tuple[tuple[int, int], ...]


class Assessment(NamedTuple):
    """risk: of the whole reply, 0 to 1; logit: its log-odds. figures: the reply's features, those of its sentences
    weighted as in its score."""

    risk: float
    logit: float
    sentences: tuple[Sentence, ...]
    figures: tuple[float, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for sentence in self.sentences for finding in sentence.findings)


def assess(text: str, evidence: Evidence, model: Model) -> Assessment | None:
    """The assessment of a reply; None where it holds nothing that could be checked."""
    claims = [claim for claim in passages_of(text) if claim.words or claim.quantities]
    if not claims:
        return None
    seen: dict[str, tuple[Alignment, tuple[float, ...], list[Finding]]] = {}
    rows: list[tuple[float, ...]] = []
    logits: list[float] = []
    sentences: list[Sentence] = []
    for claim in claims:
        if claim.text not in seen:  # a reply that repeats itself costs no more
            aligned = align(claim, evidence)
            seen[claim.text] = (aligned, features(aligned), find(aligned))
        aligned, row, findings = seen[claim.text]
        rows.append(row)
        logits.append(model.logit(row))
        sentences.append(_sentence(claim, aligned, sigmoid(logits[-1]), findings))
    shares = model.shares(logits, [size(claim) for claim in claims])
    figures = tuple(
        sum(share * row[column] for share, row in zip(shares, rows, strict=True)) for column in range(len(rows[0]))
    )
    whole = sum(share * logit for share, logit in zip(shares, logits, strict=True))
    return Assessment(sigmoid(whole), whole, tuple(sentences), figures)


def _sentence(claim: Passage, aligned: Alignment, risk: float, findings: list[Finding]) -> Sentence:
    """findings: of the first sentence with this text, so that their places may have to move."""
    moved = claim.start - aligned.claim.start
    placed = tuple(finding._replace(start=finding.start + moved, end=finding.end + moved) for finding in findings)
    marks = tuple((start + moved, end + moved) for start, end in unsupported(aligned))
    best = "" if aligned.best is None else aligned.best.text
    document = "" if aligned.place is None else aligned.evidence.documents[aligned.place]
    return Sentence(claim.start, claim.end, risk, placed, best, document, marks)


def size(claim: Passage) -> float:
    """How much a sentence says, in words with content."""
    return len(claim.words) + len(claim.quantities) + _FILLER
