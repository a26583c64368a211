"""Fits the score of `grounded` to labelled sets, all but one for the figures, all for what is shipped.

`python -m benchmarks.detectors_fit` writes the coefficients; nothing else of the sets enters the package.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detectors_data import SETS, Labelled, load
from pytest_llmgate.detectors import logistic
from pytest_llmgate.detectors.grounding import score
from pytest_llmgate.detectors.grounding.features import NAMES

MODEL = Path(score.__file__).with_name("model.json")
SHARPNESS, RIDGE, MASS, ROUNDS = 0.5, 10.0, 1000.0, 4
THRESHOLD = 0.8


def pooled(given: Labelled, weights: Any) -> Any:
    """The figures of each answer: those of its sentences, weighted as the score weights them."""
    model = model_of(weights)
    rows = []
    for row in given.rows:
        shares = model.shares([model.logit(figures) for figures in row.figures], row.sizes)
        rows.append(np.asarray(shares) @ np.asarray(row.figures))
    return np.asarray(rows)


def fit(given: Sequence[Labelled], *, rising: bool = True) -> tuple[float, ...]:
    """Weights and constant; every set counts the same, and so do its good and bad answers.

    The shares of sentences depend on the weights, so that both are found in turn.
    """
    weights = (0.0,) * (len(NAMES) + 1)
    labels = np.concatenate([one.labels for one in given])
    mass = np.concatenate([_balanced(one.labels) for one in given])
    for _ in range(ROUNDS):
        rows = np.concatenate([pooled(one, weights) for one in given])
        weights = logistic.fit(rows, labels, ridge=RIDGE, weights=mass, rising=rising)
    return weights


def _balanced(labels: Sequence[int]) -> Any:
    truth = np.asarray(labels)
    return np.where(truth == 1, 0.5 / max(truth.sum(), 1), 0.5 / max((1 - truth).sum(), 1)) * MASS


def model_of(weights: Sequence[float]) -> score.Model:
    """The model of fitted weights."""
    return score.Model(NAMES, tuple(weights[:-1]), weights[-1], SHARPNESS, THRESHOLD)


def write(weights: Sequence[float], path: Path = MODEL) -> None:
    """Write the shipped coefficients."""
    row = {
        "schema": score.SCHEMA,
        "names": NAMES,
        "weights": [round(weight, 4) for weight in weights[:-1]],
        "constant": round(weights[-1], 4),
        "sharpness": SHARPNESS,
        "threshold": THRESHOLD,
        "fitted_on": SETS,
    }
    path.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(fit([load(name) for name in SETS]))
