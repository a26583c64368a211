"""Reading what a judge answered: strictly, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors import refusal
from pytest_llmgate.detectors.checks import shown
from pytest_llmgate.detectors.json_extract import fenced
from pytest_llmgate.detectors.jsontext import NotJson
from pytest_llmgate.detectors.judges.asked import MARK


class NoAnswer(Exception):  # noqa: N818 - reads as what it is
    """Why what a judge said is no answer."""


def read(answer: Reply, ref: str, judged: str) -> Mapping[str, Any]:
    """The object that a judge answered, with its reason; raises NoAnswer.

    ref: the word that it must carry. judged: the text that it was asked about. The object is the whole answer, or
    stands in its only fence.
    """
    text = answer.text.strip()
    if not text:
        raise NoAnswer("the judge said nothing")
    if answer.finish_reason in refusal.FINISH_REASONS:
        raise NoAnswer(f"the judge refuses (finish reason {shown(answer.finish_reason)})")
    if text in judged:
        raise NoAnswer("the judge only repeats the reply")
    try:
        found = fenced(text)
    except NotJson as fault:
        refused = refusal.check(answer)
        why = f"the judge {refused.reason}" if refused.good else f"the judge's answer is not JSON: {fault}"
        raise NoAnswer(why) from None
    if not isinstance(found, dict):
        raise NoAnswer(f"the judge's answer is a {type(found).__name__}, not an object")
    if found.get(MARK) != ref:
        raise NoAnswer(f"the judge's answer does not carry its word under {MARK!r}, so it may be somebody else's")
    if not isinstance(found.get("reason"), str) or not found["reason"].strip():
        raise NoAnswer("the judge's answer has no 'reason'")
    return found


def number(found: Mapping[str, Any], low: float, high: float) -> float | None:
    """The score of an answer, None where it has none; raises NoAnswer for one that is no number in this range."""
    score = found.get("score")
    if score is None:
        return None
    if isinstance(score, bool) or not isinstance(score, (int, float)) or not low <= score <= high:
        raise NoAnswer(f"the judge's score {shown(score)} is no number from {low:g} to {high:g}")
    return float(score)


def word(found: Mapping[str, Any], known: tuple[str, ...]) -> str | None:
    """The verdict of an answer, None where it has none; raises NoAnswer for a word that is not known."""
    verdict = found.get("verdict")
    if verdict is None:
        return None
    said = verdict.strip().lower() if isinstance(verdict, str) else ""
    if said not in known:
        raise NoAnswer(f"the judge's verdict {shown(verdict)} is none of {', '.join(known)}")
    return said
