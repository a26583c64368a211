"""What redaction finds, what it takes for private by mistake, and what it costs."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from benchmarks.figures import Figure, Row
from benchmarks.options import Options
from benchmarks.private_texts import marked_texts, ordinary_texts
from pytest_llmgate.core.reply import Redaction
from pytest_llmgate.redaction.redactor import Redactor

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "hallucination"
STRUCTURED = frozenset(
    {"CREDIT_CARD", "PHONE_NUMBER", "EMAIL_ADDRESS", "US_SSN", "IBAN_CODE", "IP_ADDRESS", "US_DRIVER_LICENSE"}
)
_MISSED, _WRONG, _MS_PER_KB = 0.03, 0.01, 0.5

Span = tuple[int, int, bool]  # start, end, and whether it must be found


def measure(folder: Path, given: Options) -> list[Row]:
    """On texts of our own, and on public sets where they lie beside the repository."""
    count = 600 if given.quick else 3000
    own = [(text.text, [(text.start, text.end, True)] if text.kind else []) for text in marked_texts(count)]
    own += [(text.text, []) for text in ordinary_texts(count)]
    rows = _rows("texts of our own", own, _replies([text for text, _ in own]))
    for name in ("presidio_synth", "wice"):
        rows += _rows(name, list(_public(name)))
    return rows


def _public(name: str) -> Iterator[tuple[str, list[Span]]]:
    path = DATA / f"{name}.jsonl.gz"
    if not path.is_file():
        return
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            spans = [(span["start"], span["end"], span["label"] in STRUCTURED) for span in row.get("spans") or []]
            yield (row["response"], spans) if name == "presidio_synth" else (row["source"], [])


def _replies(texts: Sequence[str]) -> list[str]:
    """Replies of a few hundred words, a tenth of whose sentences hold something private."""
    half = len(texts) // 2
    sentences = [text for place, text in enumerate(texts) if place >= half or place % 10 == 0]
    Random(6).shuffle(sentences)
    return [" ".join(sentences[place : place + 50]) for place in range(0, len(sentences), 50)]


def _rows(name: str, texts: Sequence[tuple[str, list[Span]]], replies: Sequence[str] = ()) -> list[Row]:
    """replies: what the cost is measured on, where not on the texts themselves."""
    note = "numbers in every sentence, one of ten private" if replies else "" if texts else "the set is not here"
    spent = _cost(replies or [text for text, _ in texts]) if texts else ()
    most = _MS_PER_KB if texts and not replies else None
    cost = Figure(part="redaction", name=f"CPU a KB: {name}", values=spent, most=most, unit="ms", digits=3, note=note)
    wanted = sum(must for _, spans in texts for _, _, must in spans)
    if not wanted:
        return [cost]
    missed, wrong, found = score(texts)
    rates = (
        (f"private passages missed: {name}, of {wanted}", missed / wanted, _MISSED),
        (f"found, and nothing private: {name}, of {found}", wrong / found, _WRONG),
    )
    return [
        *(Figure(part="redaction", name=text, values=(rate,), most=most, digits=4) for text, rate, most in rates),
        cost,
    ]


def score(texts: Sequence[tuple[str, list[Span]]]) -> tuple[int, int, int]:
    """Passages missed (less than half covered), finds that touch no marked passage, and all finds."""
    redactor, missed, wrong, found = Redactor(), 0, 0, 0
    for text, spans in texts:
        places = original_places(text, *redactor.redact(text))
        found += len(places)
        wrong += sum(not any(left < end and start < right for left, right, _ in spans) for start, end in places)
        for left, right, must in spans:
            covered = sum(max(0, min(end, right) - max(start, left)) for start, end in places)
            missed += must and covered * 2 < right - left
    return missed, wrong, found


def original_places(text: str, cleaned: str, redactions: Sequence[Redaction]) -> list[tuple[int, int]]:
    """Where in the original text the replaced passages stood: what lies between two stand-ins is unchanged."""
    places, at, left = [], 0, 0
    for number, item in enumerate(redactions):
        at += item.start - left
        following = redactions[number + 1].start if number + 1 < len(redactions) else len(cleaned)
        between = cleaned[item.end : following]
        end = text.find(between, at + 1) if between else len(text)
        if number + 1 == len(redactions):
            end = len(text) - len(between)
        places.append((at, end))
        at, left = end, item.end
    return places


def _cost(texts: Sequence[str]) -> list[float]:
    """CPU in ms a KB, a few rounds."""
    redactor, size = Redactor(), sum(len(text.encode()) for text in texts) / 1024
    found = []
    for _ in range(5):
        began = time.process_time()
        for text in texts:
            redactor.redact(text)
        found.append((time.process_time() - began) * 1000.0 / size)
    return found
