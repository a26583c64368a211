"""The three kinds of judge: what each is told, and how its answer becomes a score from 0 to 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_llmgate.detectors.checks import shown
from pytest_llmgate.detectors.judges.answers import NoAnswer, number, word
from pytest_llmgate.detectors.values import Unusable, as_text

BEST = 5
"""Best grade of `g-eval`; the worst is 1."""

_REASON = ("reason", "one or two sentences on why, written before you decide")


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of judge.

    task: what it is to do. texts: names its `value` as one of the texts that it is shown. answer: keys of its answer.
    score: reads an answer, given the threshold; raises NoAnswer. split: whether a score of exactly the threshold says
    nothing, because as many answers are for as against.
    """

    name: str
    task: str
    texts: Callable[[Any], Mapping[str, str]]
    answer: Sequence[tuple[str, str]]
    score: Callable[[Mapping[str, Any], float], float]
    split: bool = False


def _criteria(value: Any) -> Mapping[str, str]:
    return {"criteria": _filled(as_text(value))}


def _steps(value: Any) -> Mapping[str, str]:
    """One criterion, or a list of steps."""
    if not isinstance(value, (list, tuple)):
        return _criteria(value)
    if not value:
        raise Unusable("the list of steps is empty")
    steps = [f"{number}. {_filled(as_text(step))}" for number, step in enumerate(value, 1)]
    return {"steps": "\n".join(steps)}


def _expected(value: Any) -> Mapping[str, str]:
    return {"expected answer": _filled(as_text(value))}


def _filled(text: str) -> str:
    if not text.strip():
        raise Unusable("the text is empty")
    return text


def _rubric_score(found: Mapping[str, Any], threshold: float) -> float:
    """A score, a verdict, or both where they agree."""
    score, verdict = number(found, 0.0, 1.0), word(found, ("pass", "fail"))
    if score is None and verdict is None:
        raise NoAnswer("the judge's answer has neither 'score' nor 'verdict'")
    if score is None:
        return 1.0 if verdict == "pass" else 0.0
    if verdict is not None and (verdict == "pass") != (score >= threshold):
        raise NoAnswer(f"the judge contradicts itself: {verdict} with a score of {score:g}, threshold {threshold:g}")
    return score


def _grade(found: Mapping[str, Any], threshold: float) -> float:
    """A grade as a share of the scale (Liu and others, 2023, G-Eval, section 2: the mean of several draws)."""
    grade = number(found, 1.0, float(BEST))
    if grade is None or not grade.is_integer():
        raise NoAnswer(f"the judge's score {shown(found.get('score'))} is no grade from 1 to {BEST}")
    return (grade - 1.0) / (BEST - 1.0)


_RELATIONS: Mapping[str, str] = {
    "same": "the same facts",
    "subset": "some of the expected facts and no others",
    "superset": "all expected facts and more that do not contradict them",
    "immaterial": "differences that do not matter for the facts",
    "contradicts": "facts that contradict the expected ones",
}


def _agreement(found: Mapping[str, Any], threshold: float) -> float:
    relation = word(found, tuple(_RELATIONS))
    if relation is None:
        raise NoAnswer("the judge's answer has no 'verdict'")
    return 0.0 if relation == "contradicts" else 1.0


RUBRIC = Form(
    name="llm-rubric",
    task="Decide how far the reply meets the criteria.",
    texts=_criteria,
    answer=(_REASON, ("score", "a number from 0 (does not meet them) to 1 (meets them fully)")),
    score=_rubric_score,
)
G_EVAL = Form(
    name="g-eval",
    task="Grade the reply. Go through the steps; where you are given criteria instead, first derive steps from them.",
    texts=_steps,
    answer=(
        ("steps", "what each step came to, as a list of short texts"),
        _REASON,
        ("score", f"a whole number from 1 (worst) to {BEST} (best)"),
    ),
    score=_grade,
)
FACTUALITY = Form(
    name="factuality",
    task="Compare what the reply states with the expected answer. Style, length and wording do not matter.",
    texts=_expected,
    answer=(_REASON, ("verdict", "; ".join(f'"{name}": {means}' for name, means in _RELATIONS.items()))),
    score=_agreement,
    split=True,
)
