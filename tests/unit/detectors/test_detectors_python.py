"""`python`: the user's function judges, and whatever is unclear is a hole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.observation import Measurement
from pytest_llmgate.core.reply import Reply

CHECKS = """
import math, sys
import numpy as np
from pytest_llmgate import Reply

def by_text(text): return text == "yes"
def by_reply(reply): return reply.finish_reason == "stop"
def by_annotation(answer: Reply): return answer.finish_reason == "stop"
def by_text_with_option(text, strict=True): return strict and text == "yes"
def by_context(text, context):
    return {"pass": context["vars"]["q"] == "Q" and context["case_id"] == "c" and context["expected"] == "E"
            and context["context"] == "source" and context["reply"].text == text, "score": 0.25, "reason": "looked"}
def by_optional_context(text, context=None): return context is not None
def by_anything(*args): return len(args) == 2
class Judge:
    def __call__(self, text): return True
judge = Judge()

def score(text): return float(text)
def numpy_bool(text): return np.float64(1.0) > 0
def numpy_score(text): return np.float32(0.75)
def none(text): return None
def word(text): return "pass"
def nan(text): return math.nan
def two(text): return 2
def no_pass(text): return {"score": 1.0}
def pass_as_text(text): return {"pass": "false"}
def bad_score(text): return {"pass": True, "score": 7}
def raises(text): raise ValueError("no such word")
def leaves(text): sys.exit(0)
def recursion(text): return recursion(text)
class Hostile:
    def __repr__(self): raise RuntimeError("no repr")
def hostile(text): return Hostile()
def spoils(text, context): context["vars"].clear(); return True

async def later(text): return True
def three(a, b, c): return True
def nothing(): return True
def keyword(text, *, must): return True
NUMBER = 3
"""
CASE = Case(id="c", vars={"q": "Q"}, expected="E", context="source")


@pytest.fixture(autouse=True)
def checks(tmp_path: Path) -> None:
    (tmp_path / "checks.py").write_text(CHECKS)


@pytest.mark.parametrize(
    "name", ["by_text", "by_reply", "by_annotation", "by_text_with_option", "by_optional_context", "by_anything",
             "judge", "numpy_bool"],
)  # fmt: skip
def test_a_function_is_called_as_its_parameters_say(judge: Any, name: str) -> None:
    reply = Reply("yes", finish_reason="stop")
    assert judge("python", reply, CASE, value=f"checks.py:{name}").good is True
    assert judge("not-python", reply, CASE, value=f"checks.py:{name}").good is False


def test_the_second_argument_is_the_case(judge: Any) -> None:
    assert judge("python", "t", CASE, value="checks.py:by_context") == Measurement(True, 0.25, "looked")


@pytest.mark.parametrize(
    ("text", "threshold", "good"), [("0.5", None, True), ("0.49", None, False), ("0.7", 0.8, False), ("1", 1, True)]
)
def test_a_score_is_held_against_the_threshold(judge: Any, text: str, threshold: Any, good: bool) -> None:
    params = {} if threshold is None else {"threshold": threshold}
    found = judge("python", text, value="checks.py:score", **params)
    assert (found.good, found.score) == (good, float(text))


def test_numpy_scores_count(judge: Any) -> None:
    assert judge("python", "", value="checks.py:numpy_score").score == 0.75


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none", "returned None"),
        ("word", "returned 'pass'"),
        ("nan", "returned nan"),
        ("two", "returned 2"),
        ("no_pass", "no 'pass: true'"),
        ("pass_as_text", "no 'pass: true'"),
        ("bad_score", "not 0 to 1"),
        ("raises", "raised ValueError: 'no such word'"),
        ("leaves", "raised SystemExit"),
        ("recursion", "raised RecursionError"),
        ("hostile", "raised RuntimeError"),
    ],
)
@pytest.mark.parametrize("form", ["python", "not-python"])
def test_whatever_is_unclear_is_a_hole(judge: Any, form: str, name: str, said: str) -> None:
    found = judge(form, "x", CASE, value=f"checks.py:{name}")
    assert found.good is None
    assert said in found.reason


def test_a_function_cannot_change_the_case(judge: Any) -> None:
    judge("python", "x", CASE, value="checks.py:spoils")
    assert CASE.vars == {"q": "Q"}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "missing-parameter"),
        ({"value": 3}, "bad-parameter"),
        ({"value": "checks.py:later"}, "bad-parameter"),
        ({"value": "checks.py:three"}, "bad-parameter"),
        ({"value": "checks.py:nothing"}, "bad-parameter"),
        ({"value": "checks.py:keyword"}, "bad-parameter"),
        ({"value": "checks.py:NUMBER"}, "bad-parameter"),
        ({"value": "checks.py:nope"}, "target-missing"),
        ({"value": "checks.py"}, "target-syntax"),
        ({"value": "checks.py:score", "threshold": 2}, "bad-parameter"),
        ({"value": "checks.py:score", "threshold": "high"}, "bad-parameter"),
    ],
)
def test_what_is_no_judge_is_refused(build: Any, params: dict[str, Any], code: str) -> None:
    with pytest.raises(LlmgateError) as caught:
        build("python", **params)
    assert caught.value.problems[0].code == code
