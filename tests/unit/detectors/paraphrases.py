"""Faithful paraphrases of our own, and edits of them that make them wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pytest_llmgate.detectors.grounding.passages import passage_of, passages_of

FILE = Path(__file__).parents[3] / "fixtures" / "grounding" / "paraphrases.txt"
STRANGERS = ("Quentin Abernathy", "Zorblat", "Marlowe Industries", "Thessaly", "Ingrid Solvang", "Kuranda")
_AUXILIARY = re.compile(r"\b(is|are|was|were|has|have|had|can|will|may|must|do|does|did)\b(?! not\b| no\b|n't)")
_DENIAL = re.compile(
    r"\b(is|are|was|were|has|have|had|can|could|do|does|did|will|must|should)(?:n't| ?not)\b|\bwon't\b|\bcan't\b"
)


class Faithful(NamedTuple):
    """A paraphrase with its document, the sentence that it is of, and the document's name."""

    document: str
    source: str
    sentence: str
    reply: str


class Edited(NamedTuple):
    """A paraphrase that was made wrong. kind: number, negation, stranger or swap."""

    kind: str
    source: str
    reply: str


def faithful() -> list[Faithful]:
    """All paraphrases of the file."""
    found: list[Faithful] = []
    for block in re.split(r"\n# ", FILE.read_text(encoding="utf-8"))[1:]:
        name, *lines = block.strip().split("\n")
        source = " ".join(line[3:] for line in lines if line.startswith("S: "))
        sentence = ""
        for line in lines:
            if line.startswith("S: "):
                sentence = line[3:]
            elif line.startswith("P: "):
                found.append(Faithful(name, source, sentence, line[3:]))
    return found


def edits() -> list[Edited]:
    """Each paraphrase with one number changed, one negation put in or taken out, one name changed, where it can be."""
    return [edited for place, given in enumerate(faithful()) for edited in edits_of(given, place)]


def edits_of(given: Faithful, place: int) -> Iterator[Edited]:
    for kind, reply in (
        ("number", _other_number(given.reply)),
        ("negation", _other_polarity(given.reply)),
        ("stranger", _other_name(given.reply, STRANGERS[place % len(STRANGERS)])),
        ("swap", _swapped(given)),
    ):
        if reply and reply != given.reply:
            yield Edited(kind, given.source, reply)


def _other_number(text: str) -> str:
    """The first number in digits with its leading digit changed."""
    found = re.search(r"(?<![\w.,:/-])\d", text)
    if found is None:
        return ""
    digit = str((int(found[0]) + 3) % 9 + 1)
    return text[: found.start()] + (digit if digit != found[0] else "7") + text[found.end() :]


def _other_polarity(text: str) -> str:
    if found := _DENIAL.search(text):
        kept = {"won't": "will", "can't": "can"}.get(found[0], found[1] or "")
        return text[: found.start()] + kept + text[found.end() :]
    if " no longer" in text or "never" in text or re.search(r"\b(no|not|none|nobody)\b", text, re.IGNORECASE):
        return ""
    return _AUXILIARY.sub(r"\1 not", text, count=1)


def _name(text: str) -> str:
    """The last sure name of a text."""
    names = [name for name in passage_of(text).names if not name.weak]
    return text[names[-1].start : names[-1].end] if names else ""


def _other_name(text: str, stranger: str) -> str:
    name = _name(text)
    return text.replace(name, stranger) if name else ""


def _swapped(given: Faithful) -> str:
    """A name of the paraphrase in place of which another sentence of the document has one."""
    name = _name(given.reply)
    others = [
        passage.text[found.start : found.end]
        for passage in passages_of(given.source)
        for found in passage.names
        if not found.weak and passage.text[found.start : found.end] not in given.sentence
    ]
    days = name.endswith(("day", "days"))
    others = [other for other in others if other.endswith(("day", "days")) == days]
    others = [other for other in others if not set(other.lower().split()) & set(given.sentence.lower().split())]
    return given.reply.replace(name, others[len(given.reply) % len(others)]) if name and others else ""
