"""From figures to a risk: one logistic score a sentence, and the reply's from those of its sentences."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SCHEMA = "llmgate.grounding/1"


@dataclass(frozen=True, slots=True)
class Model:
    """Coefficients. weights: one a feature. sharpness: how much more a worse sentence counts in the reply's score.

    threshold: the risk, 0 to 1, from which a reply is flagged. fitted_on: the data sets behind the coefficients.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    constant: float
    sharpness: float
    threshold: float
    fitted_on: tuple[str, ...] = ()

    def logit(self, figures: Sequence[float]) -> float:
        """The log-odds of a sentence's figures."""
        return self.constant + sum(weight * value for weight, value in zip(self.weights, figures, strict=True))

    def shares(self, logits: Sequence[float], sizes: Sequence[float]) -> list[float]:
        """How much each sentence counts in the reply: by its length, and more where its risk is high."""
        highest = max(logits)
        raw = [size * math.exp(self.sharpness * (z - highest)) for z, size in zip(logits, sizes, strict=True)]
        total = sum(raw)
        return [value / total for value in raw]


@cache
def shipped() -> Model:
    """The model that comes with the package."""
    text = files("pytest_llmgate.detectors.grounding").joinpath("model.json").read_text(encoding="utf-8")
    row = json.loads(text)
    return Model(
        tuple(row["names"]),
        tuple(row["weights"]),
        row["constant"],
        row["sharpness"],
        row["threshold"],
        tuple(row["fitted_on"]),
    )


def sigmoid(logit: float) -> float:
    """The probability of log-odds."""
    if logit >= 0.0:
        return 1.0 / (1.0 + math.exp(-min(logit, 700.0)))
    small = math.exp(max(logit, -700.0))
    return small / (1.0 + small)
