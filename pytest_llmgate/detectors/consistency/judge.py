"""Several replies to one question: one risk that they contradict each other, with its parts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.consistency import fields
from pytest_llmgate.detectors.consistency.disputes import Dispute, answer_of, disputes
from pytest_llmgate.detectors.consistency.support import Voice, figures, voice_of
from pytest_llmgate.detectors.grounding.score import sigmoid
from pytest_llmgate.detectors.grounding.tokens import tokenize


@dataclass(frozen=True, slots=True)
class Weights:
    """Coefficients of the figures, and the risk, 0 to 1, from which replies are flagged."""

    names: tuple[str, ...]
    weights: tuple[float, ...]
    constant: float
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency:
    """risk: that the replies contradict each other, 0 to 1. distinct, replies: how many there are. sentences: the
    risk of each sentence of each distinct reply. fields: of structured replies. disputed: what can be pointed at."""

    risk: float
    distinct: int
    replies: int
    sentences: tuple[tuple[float, ...], ...] = ()
    fields: tuple[fields.Field, ...] = ()
    disputed: tuple[Dispute, ...] = ()


@cache
def shipped() -> Weights:
    """The coefficients that come with the package."""
    text = files("pytest_llmgate.detectors.consistency").joinpath("model.json").read_text(encoding="utf-8")
    row = json.loads(text)
    return Weights(tuple(row["names"]), tuple(row["weights"]), row["constant"], row["threshold"])


def judge(replies: Sequence[Reply], wanted: frozenset[str] | None = None) -> Consistency | str:
    """How consistent replies to one question are, or why that cannot be said.

    wanted: paths of the fields that count in structured replies; None: all. Identical replies are one: that a model
    repeats itself word by word does not show that it knows.
    """
    if any(not reply.text.strip() for reply in replies):
        return "a reply is empty"
    objects = fields.objects_of(replies)
    if objects is not None:
        return _structured(objects, wanted)
    texts = list(dict.fromkeys(" ".join(reply.text.split()) for reply in replies))
    if len(texts) == 1:
        return f"the {len(replies)} replies are identical, which is no agreement of several"
    return judge_texts(texts, len(replies))


def judge_texts(texts: Sequence[str], replies: int) -> Consistency | str:
    """The same for at least two different texts."""
    voices = [voice_of(text) for text in texts]
    if any(not voice.claims for voice in voices):
        return _bare(texts, replies)
    sentences = tuple(risks(voice, [other for other in voices if other is not voice]) for voice in voices)
    flat = [risk for row in sentences for risk in row]
    return Consistency(
        risk=sum(flat) / len(flat),
        distinct=len(texts),
        replies=replies,
        sentences=sentences,
        disputed=tuple(disputes(voices)),
    )


def risks(voice: Voice, others: Sequence[Voice]) -> tuple[float, ...]:
    """The risk of each sentence of a reply beside others: that they do not bear it out."""
    model = shipped()
    return tuple(
        sigmoid(model.constant + sum(weight * value for weight, value in zip(model.weights, row, strict=True)))
        for row in figures(voice, others)
    )


def _bare(texts: Sequence[str], replies: int) -> Consistency | str:
    """Replies of which one says little more than yes or no: all that can be compared is which."""
    answers = {answer_of(tokenize(text)) for text in texts}
    if "" in answers:
        return "a reply says nothing that could be compared"
    return Consistency(risk=float(len(answers) > 1), distinct=len(texts), replies=replies)


def _structured(objects: Sequence[object], wanted: frozenset[str] | None) -> Consistency | str:
    """Objects, field by field; the risk is that of the field with the least agreement."""
    compared = [field for field in fields.compare(objects) if wanted is None or field.path in wanted]
    if not compared:
        return "the replies have no field to compare"
    distinct = len({json.dumps(value, sort_keys=True) for value in objects})
    if distinct == 1:
        return f"the {len(objects)} replies are identical, which is no agreement of several"
    parts = [_field_risk(field) for field in compared]
    disputed = tuple(dispute for _, found in parts for dispute in found)
    return Consistency(
        risk=max(risk for risk, _ in parts),
        distinct=distinct,
        replies=len(objects),
        fields=tuple(compared),
        disputed=disputed,
    )


def _field_risk(field: fields.Field) -> tuple[float, tuple[Dispute, ...]]:
    if field.agreement is not None:
        return 1.0 - field.agreement, ()
    texts = list(dict.fromkeys(" ".join(text.split()) for text in field.texts))
    found = judge_texts(texts, len(field.texts)) if len(texts) > 1 else "the same text"
    return (0.0, ()) if isinstance(found, str) else (found.risk, found.disputed)
