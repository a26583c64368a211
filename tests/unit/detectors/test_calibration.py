"""Calibration on one's own labels: what is fitted, what is promised, what is refused."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.core.errors import LlmgateError, Where
from pytest_llmgate.detectors import figures, logistic
from pytest_llmgate.detectors.calibration import Calibration, Example, fit, prior_of
from pytest_llmgate.detectors.calibration_file import calibration_digest, from_text, name_beside, to_text
from pytest_llmgate.detectors.grounding.score import shipped
from pytest_llmgate.detectors.labels import labels_from

COUNT = len(shipped().names)


def examples(count: int, seed: int = 1, strength: float = 1.5) -> list[Example]:
    """Answers whose figures tell the label, but not surely; three answers a document."""
    rng = random.Random(seed)
    found = []
    for number in range(count):
        label = int(rng.random() < 0.4)
        row = [min(max(rng.gauss(0.3 + 0.12 * strength * label, 0.2), 0.0), 1.0) for _ in range(COUNT)]
        found.append(Example(label, tuple(row), f"d{number // 3}"))
    return found


@pytest.fixture(scope="module")
def known() -> Calibration:
    return fit(examples(300))


# ---- fitting


def test_logistic_finds_the_coefficients_behind_the_labels() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(4000, 2))
    labels = rng.random(4000) < 1 / (1 + np.exp(-(1.5 * rows[:, 0] - 0.7 * rows[:, 1] - 0.4)))
    assert logistic.fit(rows, labels.astype(int), ridge=1e-3) == pytest.approx((1.5, -0.7, -0.4), abs=0.15)
    assert logistic.fit(rows, labels.astype(int), ridge=1e-3, rising=True)[1] == 0.0


def test_a_strong_ridge_keeps_the_prior_and_separable_labels_have_an_end() -> None:
    rows, labels = [[0.0], [1.0]], [0, 1]
    assert logistic.fit(rows, labels, ridge=1e9, prior=(0.5, -1.0)) == pytest.approx((0.5, -1.0), abs=1e-3)
    assert all(math.isfinite(value) for value in logistic.fit(rows, labels, ridge=1e-6))


def test_a_calibration_ranks_and_is_calibrated_out_of_fold(known: Calibration) -> None:
    assert known.calibrated
    assert known.labels == 300
    assert known.auroc > 0.85
    assert known.ece < 0.1
    assert sum(part.size for part in known.table) == 300
    assert known.false_flags / known.good == pytest.approx(0.05, abs=0.05)
    assert known.false_flags / known.good < known.false_upper < 0.15
    assert 0.0 < known.recall_lower < known.caught / known.bad


def test_the_promise_about_false_flags_holds_on_new_answers(known: Calibration) -> None:
    """The bound is one at 95 %; this is one fixed draw."""
    fresh = [example for example in examples(3000, seed=99) if not example.label]
    flagged = sum(known.risk(example.figures) >= known.threshold for example in fresh)
    assert flagged / len(fresh) <= known.false_upper


def test_a_lower_wanted_rate_flags_less(known: Calibration) -> None:
    strict = fit(examples(300), wanted_false=0.01)
    assert strict.threshold >= known.threshold
    assert strict.caught <= known.caught


def test_where_labels_are_apart_the_threshold_stands_between_them() -> None:
    rows = [Example(label, (0.8 * label + 0.1,) * COUNT, str(place)) for place, label in enumerate([0, 0, 1] * 40)]
    found = fit(rows)
    low, high = found.risk(rows[0].figures), found.risk(rows[2].figures)
    assert low + 0.1 * (high - low) < found.threshold < high
    assert (found.false_flags, found.caught) == (0, 40)


def test_few_labels_leave_the_shipped_order_and_say_so() -> None:
    few = fit(examples(49))
    assert not few.calibrated
    assert (*few.weights, few.constant) == prior_of(COUNT)
    assert fit(examples(50)).calibrated


@pytest.mark.parametrize("label", [0, 1])
def test_labels_of_one_class_are_refused(label: int) -> None:
    with pytest.raises(LlmgateError, match="labels-one-class"):
        fit([example._replace(label=label) for example in examples(80)])


def test_contradiction_is_one_more_figure() -> None:
    more = [example._replace(figures=(*example.figures, 2.0 * example.label - 1.0)) for example in examples(200)]
    found = fit(more)
    assert found.names[-1] == "contradiction"
    assert found.weights[-1] > 0.5
    assert found.auroc > 0.95


def test_equal_labels_give_equal_bytes() -> None:
    assert to_text(fit(examples(120))) == to_text(fit(examples(120)))


# ---- figures


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=2, max_size=60))
def test_auroc_is_the_share_of_pairs_in_order(rows: list[tuple[int, float]]) -> None:
    labels, scores = [label for label, _ in rows], [score for _, score in rows]
    pairs = [(bad > good) + 0.5 * (bad == good) for one, bad in rows if one for other, good in rows if not other]
    found = figures.auroc(labels, scores)
    assert math.isnan(found) if not pairs else found == pytest.approx(sum(pairs) / len(pairs))


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60), st.floats(0.01, 0.5))
def test_a_threshold_flags_no_more_good_answers_than_wanted(rows: list[tuple[int, float]], most: float) -> None:
    labels, scores = [label for label, _ in rows], [score for _, score in rows]
    limit = figures.threshold_at(labels, scores, most)
    flagged = sum(score >= limit for label, score in rows if not label)
    assert flagged <= most * labels.count(0) + 1e-9


def test_calibration_error_is_the_gap_between_said_and_seen() -> None:
    assert figures.ece([1, 0], [0.55, 0.55]) == pytest.approx(0.05)
    assert figures.ece([1, 1], [1.0, 1.0]) == 0.0
    assert figures.balanced_accuracy([1, 1, 0, 0], [0.9, 0.2, 0.1, 0.3], 0.5) == 0.75
    assert figures.recall_at([1, 1, 0, 0], [0.9, 0.2, 0.1, 0.3], 0.0) == 0.5


def test_the_bootstrap_draws_documents_and_repeats_itself() -> None:
    labels, scores = [0, 1] * 40, [float(place % 7) for place in range(80)]
    groups = [str(place // 8) for place in range(80)]

    def statistic(places: Any) -> float:
        return figures.auroc([labels[place] for place in places], [scores[place] for place in places])

    one, other = figures.bootstrap(groups, statistic), figures.bootstrap(groups, statistic)
    assert one == other
    assert one[0] <= figures.auroc(labels, scores) <= one[1]


# ---- the file


def test_the_file_comes_back_as_it_was_and_has_a_digest(known: Calibration) -> None:
    text = to_text(known)
    again = from_text(text, None)
    assert again == known
    assert calibration_digest(again) == calibration_digest(known)
    assert calibration_digest(replace(known, threshold=0.5)) != calibration_digest(known)


def test_its_name_stands_beside_the_suite() -> None:
    assert name_beside("suites/support.suite.yaml") == "support.calibration.json"
    assert name_beside("tests/test_support.py") == "test_support.calibration.json"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"schema": "llmgate.calibration/9"}, "calibration-broken"),
        ({"model": "sha256:0"}, "calibration-outdated"),
        ({"labels": 10}, "calibration-broken"),
        ({"false_flags": -1}, "calibration-broken"),
        ({"false_flags": 10_000}, "calibration-broken"),
        ({"threshold": 0}, "calibration-broken"),
        ({"threshold": "0.5"}, "calibration-broken"),
        ({"weights": [1.0]}, "calibration-broken"),
        ({"weights": None}, "calibration-broken"),
        ({"names": ["x"]}, "calibration-broken"),
        ({"table": [{}]}, "calibration-broken"),
        ({"constant": 1e999}, "calibration-broken"),
        ({"bad": True}, "calibration-broken"),
    ],
)
def test_a_file_that_was_broken_opens_no_gate(known: Calibration, change: dict[str, Any], code: str) -> None:
    text = json.dumps(json.loads(to_text(known)) | change)
    with pytest.raises(LlmgateError) as caught:
        from_text(text, Where("s.calibration.json"))
    assert caught.value.problems[0].code == code


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"schema": "llmgate.calibration/1"}'])
def test_what_is_no_calibration_is_refused(text: str) -> None:
    with pytest.raises(LlmgateError, match=r"calibration-(broken|outdated)"):
        from_text(text, None)


# ---- labels


def line(**given: Any) -> str:
    return json.dumps({"reply": "It opened in 1987.", "context": "It opened in 1987.", "label": 0} | given)


def test_labels_become_examples_and_what_cannot_be_scored_is_said() -> None:
    text = "\n".join([line(), "", line(label=1, reply="It opened in 1999."), line(context=None), line(reply="Yes.")])
    found = labels_from(text, "labels.jsonl")
    assert [example.label for example in found.examples] == [0, 1]
    assert found.examples[0].group == found.examples[1].group
    assert found.examples[0].figures != found.examples[1].figures
    assert [number for number, _ in found.unscored] == [4, 5]
    assert "no source" in found.unscored[0][1]


def test_other_replies_add_contradiction() -> None:
    text = "\n".join([line(replies=["It was opened in 1987."]), line(replies=["It was opened in 1991."])])
    one, other = labels_from(text, "labels.jsonl").examples
    assert len(one.figures) == COUNT + 1
    assert one.figures[-1] < other.figures[-1]


@pytest.mark.parametrize(
    "broken",
    ["", "{", "[]", line(label=2), line(label="1"), line(label=None), line(reply=3), line(replies="x"), '"text"'],
)
def test_broken_labels_are_refused_with_their_line(broken: str) -> None:
    with pytest.raises(LlmgateError) as caught:
        labels_from(broken if not broken else f"{line()}\n{broken}", "labels.jsonl")
    assert caught.value.problems[0].code == "labels-broken"
    assert not broken or str(caught.value.problems[0].where) == "labels.jsonl:2"
