"""Beside grounding: the cosine of MiniLM vectors of reply and source, the measure that is used most."""

from __future__ import annotations

import random
from collections.abc import Sequence
from time import process_time

from benchmarks.detectors_data import Labelled
from benchmarks.figures import Figure
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.detectors import embedding, figures


def measure(part: str, judged: Sequence[tuple[Labelled, Sequence[float]]], rows: int) -> list[Figure]:
    """A figure a set, on as many of its rows, drawn by a fixed seed. judged: each set with our scores of its rows.

    One figure without a value where the weights are not installed.
    """
    try:
        vector = embedding.minilm()
    except LlmgateError as fault:
        why = f"skipped: {fault.problems[0].message}"
        return [Figure(part=part, name="MiniLM similarity", values=(), note=why)]
    return [_of_set(part, given, scores, vector, rows) for given, scores in judged]


def _of_set(part: str, given: Labelled, scores: Sequence[float], vector: embedding.Embed, most: int) -> Figure:
    """AUROC of the cosine, beside word overlap and ours on the same rows."""
    places = sorted(random.Random(0).sample(range(len(given.rows)), min(most, len(given.rows))))
    began = process_time()
    far = [-embedding.cosine(vector(given.rows[at].source), vector(given.rows[at].response)) for at in places]
    cost = (process_time() - began) / len(places) * 1e3
    labels = [given.labels[at] for at in places]
    overlap = figures.auroc(labels, [given.rows[at].overlap for at in places])
    ours = figures.auroc(labels, [scores[at] for at in places])
    note = f"on the same {len(places)} rows: word overlap {overlap:.3f}, grounded {ours:.3f}; {cost:.0f} ms a reply"
    name = f"{given.name}: AUROC of MiniLM similarity"
    return Figure(part=part, name=name, values=(figures.auroc(labels, far),), note=note, digits=3)
