"""The consistency score on sampled biographies: fitted, and measured on passages that the fit has not seen.

`python -m benchmarks.detectors_consistency` writes the coefficients; nothing else of the set enters the package.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detectors_data import raw_rows
from pytest_llmgate.detectors import logistic
from pytest_llmgate.detectors.consistency import support
from pytest_llmgate.detectors.grounding.evidence import index
from pytest_llmgate.detectors.grounding.passages import passage_of

SET, SAMPLES, FOLDS, RIDGE = "selfcheck_wikibio", 5, 10, 1.0
THRESHOLD = 0.9
MODEL = Path(support.__file__).with_name("model.json")


@dataclass(frozen=True)
class Sentence:
    """A labelled sentence of a passage. label: 1 where it is not factual. unigram: 1 − its words' least support."""

    label: int
    group: str
    figures: tuple[float, ...]
    unigram: float


def sentences(samples: int = SAMPLES) -> list[Sentence]:
    """All sentences with their figures beside the first samples; empty where the set is not there."""
    return [sentence for given in raw_rows(SET) for sentence in _of_passage(given, samples)]


def _of_passage(given: dict[str, Any], samples: int) -> list[Sentence]:
    claims = tuple(passage_of(text) for text in given["sentences"])
    others = [support.voice_of(text) for text in given["samples"][:samples]]
    voice = support.Voice(claims, index([("reply", given["response"])]))
    rows = support.figures(voice, others)
    return [
        Sentence(int(label), str(given["group"]), row, _unigram(claim, others))
        for label, row, claim in zip(given["sent_labels"], rows, claims, strict=True)
    ]


def _unigram(claim: Any, others: list[support.Voice]) -> float:
    """The baseline: the word that the fewest samples hold."""
    shares = [sum(other.evidence.holds(stem) for other in others) / len(others) for stem in claim.stems]
    return 1.0 - min(shares, default=0.0)


def held_out(rows: list[Sentence], seed: int = 0) -> list[float]:
    """The log-odds of each sentence, by coefficients fitted without its passage and others of its fold."""
    groups = sorted({row.group for row in rows})
    random.Random(seed).shuffle(groups)
    fold = {group: place % FOLDS for place, group in enumerate(groups)}
    scores = np.zeros(len(rows))
    for number in range(FOLDS):
        weights = fit([row for row in rows if fold[row.group] != number])
        for place, row in enumerate(rows):
            if fold[row.group] == number:
                scores[place] = float(np.dot(weights[:-1], row.figures)) + weights[-1]
    return [float(score) for score in scores]


def fit(rows: list[Sentence]) -> tuple[float, ...]:
    """Weights and constant, with true and false sentences counting the same."""
    labels = np.asarray([row.label for row in rows])
    share = labels.mean()
    mass = np.where(labels == 1, 0.5 / share, 0.5 / (1.0 - share))
    return logistic.fit([row.figures for row in rows], labels, ridge=RIDGE, weights=mass, rising=True)


def write(weights: tuple[float, ...]) -> None:
    """Write the shipped coefficients."""
    row = {
        "schema": "llmgate.consistency/1",
        "names": support.NAMES,
        "weights": [round(weight, 4) for weight in weights[:-1]],
        "constant": round(weights[-1], 4),
        "threshold": THRESHOLD,
        "fitted_on": [SET],
    }
    MODEL.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(fit(sentences()))
