"""Labelled answers for measuring detectors: public sets in a folder beside the repository, never committed."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import process_time
from typing import Any

from pytest_llmgate.detectors.grounding.alignment import align
from pytest_llmgate.detectors.grounding.assess import size
from pytest_llmgate.detectors.grounding.evidence import Evidence, index
from pytest_llmgate.detectors.grounding.features import features
from pytest_llmgate.detectors.grounding.passages import passages_of
from pytest_llmgate.detectors.grounding.tokens import tokenize

FOLDER = Path(os.environ.get("LLMGATE_LABELLED", Path(__file__).parents[2] / "shared" / "data" / "hallucination"))
SETS = ("summedits", "begin", "q2", "wice", "fever_symmetric", "expertqa")
"""Sets with sources, a stated licence and labels of the reply as a whole; the figures to reach are means over these."""


@dataclass(frozen=True)
class Row:
    """An answer. label: 1 where its source does not support it. group: document. figures, sizes: a sentence each."""

    label: int
    group: str
    response: str
    source: str
    overlap: float
    figures: tuple[tuple[float, ...], ...]
    sizes: tuple[float, ...]


@dataclass(frozen=True)
class Labelled:
    """A set of answers. seconds: CPU time of reading the sources and taking the figures."""

    name: str
    rows: tuple[Row, ...]
    seconds: float

    @cached_property
    def labels(self) -> list[int]:
        return [row.label for row in self.rows]


def raw_rows(name: str) -> list[dict[str, Any]]:
    """The rows of a set; empty where the set is not there."""
    path = FOLDER / f"{name}.jsonl.gz"
    if not path.is_file():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def load(name: str) -> Labelled:
    """A set with the figures of its sentences."""
    raw = raw_rows(name)
    began = process_time()
    rows = tuple(row for row in (_row(given) for given in raw) if row is not None)
    return Labelled(name, rows, process_time() - began)


def _row(given: dict[str, Any]) -> Row | None:
    """An answer with its figures; None where it says nothing that could be checked, as then it is not scored."""
    evidence = index([("source", given["source"])])
    claims = [claim for claim in passages_of(given["response"]) if claim.words or claim.quantities]
    if not claims:
        return None
    return Row(
        int(given["label"]),
        str(given["group"]),
        given["response"],
        given["source"],
        _overlap(given["response"], evidence),
        tuple(features(align(claim, evidence)) for claim in claims),
        tuple(size(claim) for claim in claims),
    )


def _overlap(response: str, evidence: Evidence) -> float:
    """The plain baseline: share of the reply's words with content that the source does not hold."""
    stems = [token.stem for token in tokenize(response) if token.content]
    return sum(not evidence.holds(stem) for stem in stems) / len(stems) if stems else 1.0
