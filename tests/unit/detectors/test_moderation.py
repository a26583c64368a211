"""What a moderation endpoint answers is read strictly: nothing that is missing or odd is ever a pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Judgement, Judging, Measurement, Observation, TrialError
from pytest_llmgate.core.ports import AskingMeasure
from pytest_llmgate.core.reply import NO_USAGE, Reply
from pytest_llmgate.detectors.moderation import LONGEST, MODERATION

CASE = Case(id="c")
CLEAN = {
    "flagged": False,
    "categories": {"violence": False, "hate": False},
    "category_scores": {"violence": 0.2, "hate": 1e-5},
}
FOUND = {
    "flagged": True,
    "categories": {"violence": True, "hate": False},
    "category_scores": {"violence": 0.9, "hate": 1e-5},
}


def build(**params: Any) -> Any:
    return MODERATION.build({"model": "guard", **params}, SuiteFiles(Path(), Path()), None)


def judged(answer: object, text: str = "Fine weather.", **params: Any) -> Measurement:
    """What is measured where the endpoint answers this: a text as it is, an object as JSON, or an error."""
    measure = build(**params)
    said = Judgement(None, answer) if isinstance(answer, TrialError) else Judgement(Reply(_text(answer)))
    judging = Judging({measure.key: (said,)}, {}, NO_USAGE, NO_USAGE)
    found = measure.measure(CASE, Observation(Reply(text), judging=judging))
    assert isinstance(found, Measurement)
    return found


def _text(answer: object) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer)


def test_the_endpoint_decides_and_what_it_found_is_named_with_its_score() -> None:
    assert judged(CLEAN)[:2] == (True, 0.2)
    found = judged(FOUND)
    assert found[:2] == (False, 0.9)
    assert "'violence' 0.90" in found.reason


def test_only_the_named_categories_count() -> None:
    assert judged(FOUND, categories=["hate"]).good is True
    assert judged(FOUND, categories=["hate", "violence"]).good is False


def test_a_threshold_decides_in_place_of_the_endpoint_and_its_bound_is_found() -> None:
    assert judged(CLEAN, threshold=0.2).good is False
    assert judged(CLEAN, threshold=0.21).good is True
    assert judged(FOUND, threshold=0.95).good is True
    assert judged(CLEAN, threshold=0.1, categories=["hate"]).good is True


def test_scores_may_be_missing_only_where_no_threshold_asks_for_them() -> None:
    bare = {"flagged": False, "categories": {"violence": False}}
    assert judged(bare)[:2] == (True, None)
    assert judged(bare, threshold=0.5).good is None


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("", "not JSON"),
        ("This is safe.", "is its provider openai-moderation?"),
        ("[]", "a list, not an object"),
        ("NaN", "not JSON"),
        ({}, "no 'category_scores'|no 'categories'"),
        ({**CLEAN, "categories": {}}, "no 'categories'"),
        ({**CLEAN, "categories": {"violence": 0}}, "neither true nor false"),
        ({**CLEAN, "categories": {"violence": None}}, "neither true nor false"),
        ({**CLEAN, "categories": ["violence"]}, "no 'categories'"),
        ({**CLEAN, "flagged": None}, "no 'flagged'"),
        ({**CLEAN, "flagged": True}, "contradicts itself"),
        ({**FOUND, "flagged": False}, "contradicts itself"),
        ({**CLEAN, "category_scores": {}}, "no 'category_scores'"),
        ({**CLEAN, "category_scores": {"violence": "low"}}, "no number from 0 to 1"),
        ({**CLEAN, "category_scores": {"violence": True}}, "no number from 0 to 1"),
        ({**CLEAN, "category_scores": {"violence": 1.5}}, "no number from 0 to 1"),
        ('{"flagged": false, "flagged": false, "categories": {"a": false}}', "not JSON"),
        (TrialError("timeout", "60 s"), "timeout: 60 s"),
    ],
)
def test_what_is_no_result_is_a_hole(answer: object, why: str) -> None:
    found = judged(answer)
    assert found.good is None
    assert any(part in found.reason for part in why.split("|")), found.reason


@pytest.mark.parametrize("params", [{}, {"threshold": 0.5}])
def test_a_named_category_that_the_endpoint_does_not_know_is_a_hole(params: dict[str, Any]) -> None:
    found = judged(CLEAN, categories=["violnce"], **params)
    assert found.good is None
    assert "says nothing of 'violnce'" in found.reason


@pytest.mark.parametrize("text", ["", " \n", "x" * (LONGEST + 1)])
def test_a_reply_that_cannot_be_asked_about_is_a_hole_and_costs_no_call(text: str) -> None:
    assert build().inquiry(CASE, Reply(text)) is None
    assert judged(CLEAN, text).good is None


def test_without_an_answer_or_a_reply_there_is_a_hole() -> None:
    assert build().measure(CASE, Observation(Reply("Fine."))).good is None
    assert build().measure(CASE, Observation(None, TrialError("timeout", "60 s"))).good is None


def test_gates_of_one_model_share_their_call_and_the_reply_alone_is_sent() -> None:
    one, other = build(), build(threshold=0.5, categories=["hate"])
    assert isinstance(one, AskingMeasure)
    assert one.key == other.key != MODERATION.build({"model": "x"}, SuiteFiles(Path(), Path()), None).key  # type: ignore[attr-defined]
    asked = one.inquiry(Case(id="c", context="secret source"), Reply("Fine."))
    assert asked.messages == ({"role": "user", "content": "Fine."},)


def test_it_tolerates_nothing_unless_the_gate_says_so() -> None:
    assert MODERATION.rates({}) == (1.0, None)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"model": None}, "missing-parameter"),
        ({"model": 3}, "bad-parameter"),
        ({"categories": []}, "bad-parameter"),
        ({"categories": "violence"}, "bad-parameter"),
        ({"categories": [1]}, "bad-parameter"),
        ({"threshold": 0}, "bad-parameter"),
        ({"threshold": 1.1}, "bad-parameter"),
        ({"threshold": True}, "bad-parameter"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(params: dict[str, Any], code: str) -> None:
    with pytest.raises(LlmgateError) as caught:
        build(**params)
    assert f"[{code}]" in str(caught.value)
