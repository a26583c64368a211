"""The risk of hallucination fitted to one's own labels, with what the labels can and cannot show. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pytest_llmgate.core.errors import problem
from pytest_llmgate.detectors import figures, logistic
from pytest_llmgate.detectors.grounding.score import Model, shipped, sigmoid
from pytest_llmgate.stats.intervals import clopper_pearson_lower, clopper_pearson_upper

LEAST = 50  # labels without which only the order of answers is believed
WANTED_FALSE = 0.05
TAIL = 0.05  # of each bound
CONTRADICTION = "contradiction"
_RIDGE, _FOLDS = 0.5, 5


class Example(NamedTuple):
    """A labelled answer. label: 1 where it is hallucinated. figures: one a name of the composite. group: document."""

    label: int
    figures: tuple[float, ...]
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A fitted risk. names, weights, constant: of the composite. labels, bad: how many, and how many hallucinated.

    threshold: the risk from which an answer is flagged, for the wanted false-positive rate. false_flags, caught: good
    and bad answers flagged by coefficients and thresholds fitted without their fold; so are auroc, ece and table.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    constant: float
    threshold: float
    wanted_false: float
    labels: int
    bad: int
    false_flags: int
    caught: int
    auroc: float
    ece: float
    table: tuple[figures.Bin, ...]

    @property
    def calibrated(self) -> bool:
        """Whether there are labels enough to believe the numbers, not only the order."""
        return self.labels >= LEAST

    @property
    def good(self) -> int:
        return self.labels - self.bad

    @property
    def false_upper(self) -> float:
        """Upper 95 % bound of the false-positive rate (Clopper and Pearson, 1934)."""
        return clopper_pearson_upper(self.false_flags, self.good, TAIL)

    @property
    def recall_lower(self) -> float:
        """Lower 95 % bound of the share of hallucinated answers that are flagged."""
        return clopper_pearson_lower(self.caught, self.bad, TAIL)

    def risk(self, values: Sequence[float]) -> float:
        """The calibrated risk of an answer's figures, 0 to 1."""
        return sigmoid(_logit(self.weights, self.constant, values))


def fit(examples: Sequence[Example], wanted_false: float = WANTED_FALSE) -> Calibration:
    """The calibration of labelled answers: a ridge towards the shipped coefficients, judged out of fold by document.

    wanted_false: false-positive rate that the threshold is chosen for, above 0 and below 1. Raises LlmgateError for
    labels of one class only: they show neither what a hallucination looks like nor how often a good answer is flagged.
    """
    labels = [example.label for example in examples]
    bad = sum(labels)
    if bad in (0, len(labels)):
        which = "no hallucinated answer" if not bad else "no good answer"
        raise problem("labels-one-class", f"the {len(labels)} labels hold {which}", None, "label some of both kinds")
    prior = prior_of(len(examples[0].figures))
    weights = _weights(examples, prior)
    risks, flags = _out_of_fold(examples, prior, wanted_false)
    return Calibration(
        names=names_of(len(examples[0].figures)),
        weights=weights[:-1],
        constant=weights[-1],
        threshold=_believed(labels, risks, wanted_false),
        wanted_false=wanted_false,
        labels=len(labels),
        bad=bad,
        false_flags=sum(flag for flag, label in zip(flags, labels, strict=True) if not label),
        caught=sum(flag for flag, label in zip(flags, labels, strict=True) if label),
        auroc=figures.auroc(labels, risks),
        ece=figures.ece(labels, risks),
        table=tuple(figures.reliability(labels, risks)),
    )


def uncalibrated() -> Calibration:
    """The shipped coefficients and threshold, for which no labels of one's own speak: to compare answers alone."""
    model = shipped()
    prior = prior_of(len(model.names))
    return Calibration(
        names=model.names,
        weights=prior[:-1],
        constant=prior[-1],
        threshold=model.threshold,
        wanted_false=WANTED_FALSE,
        labels=0,
        bad=0,
        false_flags=0,
        caught=0,
        auroc=0.0,
        ece=0.0,
        table=(),
    )


def names_of(count: int, model: Model | None = None) -> tuple[str, ...]:
    """Names of the composite's figures: those of grounding, and the log-odds of contradiction where it has one more."""
    names = (model or shipped()).names
    return names if count == len(names) else (*names, CONTRADICTION)


def prior_of(count: int, model: Model | None = None) -> tuple[float, ...]:
    """The shipped weights and constant; nothing is known beforehand of what contradiction adds."""
    known = model or shipped()
    more = (0.0,) * (count - len(known.weights))
    return (*known.weights, *more, known.constant)


def _weights(examples: Sequence[Example], prior: tuple[float, ...]) -> tuple[float, ...]:
    """Under the least number of labels the shipped ones, so that a handful of labels changes no order."""
    if len(examples) < LEAST:
        return prior
    rows = [example.figures for example in examples]
    return logistic.fit(rows, [example.label for example in examples], ridge=_RIDGE, prior=prior, rising=True)


def _out_of_fold(
    examples: Sequence[Example], prior: tuple[float, ...], wanted_false: float
) -> tuple[list[float], list[bool]]:
    """The risk of each answer, and whether it is flagged, by coefficients and thresholds from the other folds."""
    fold = _folds(examples)
    risks = [0.0] * len(examples)
    for number in range(_FOLDS):
        weights = _weights([e for e, own in zip(examples, fold, strict=True) if own != number], prior)
        for place, example in enumerate(examples):
            if fold[place] == number:
                risks[place] = sigmoid(_logit(weights[:-1], weights[-1], example.figures))
    flags = [False] * len(examples)
    for number in range(_FOLDS):
        rest = [place for place, own in enumerate(fold) if own != number]
        limit = _believed([examples[p].label for p in rest], [risks[p] for p in rest], wanted_false)
        for place, own in enumerate(fold):
            if own == number:
                flags[place] = risks[place] >= limit
    return risks, flags


def _folds(examples: Sequence[Example]) -> list[int]:
    """The fold of each answer: all answers of a document in one, and each fold with about as many bad ones."""
    sizes: dict[str, list[int]] = {}
    for example in examples:
        sizes.setdefault(example.group, []).append(example.label)
    loads = [(0, 0)] * _FOLDS
    fold: dict[str, int] = {}
    for group in sorted(sizes, key=lambda name: (-len(sizes[name]), -sum(sizes[name]), name)):
        best = min(range(_FOLDS), key=lambda at: (loads[at][1] if any(sizes[group]) else loads[at][0], loads[at], at))
        fold[group] = best
        loads[best] = (loads[best][0] + len(sizes[group]), loads[best][1] + sum(sizes[group]))
    return [fold[example.group] for example in examples]


def _believed(labels: Sequence[int], risks: Sequence[float], wanted_false: float) -> float:
    """The threshold for a wanted rate, raised as far as it flags no bad answer less: half-way to the next of them."""
    lowest = figures.threshold_at(labels, risks, wanted_false)
    bad = min((risk for risk, label in zip(risks, labels, strict=True) if label and risk >= lowest), default=lowest)
    below = max((risk for risk in risks if risk < bad), default=bad)
    return min(max(lowest, (below + bad) / 2.0, 1e-6), 1.0)


def _logit(weights: Sequence[float], constant: float, values: Sequence[float]) -> float:
    return constant + sum(weight * value for weight, value in zip(weights, values, strict=True))
