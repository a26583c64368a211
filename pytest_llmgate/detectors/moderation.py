"""`moderation`: a moderation endpoint finds nothing in the reply. It is asked within the trial, as judges are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.codec import digest
from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.ports import Inquiry, Measure
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.checks import bad_parameter, hole, required, shown
from pytest_llmgate.detectors.jsontext import NotJson, parse

LONGEST = 50_000
"""Characters of a reply that an endpoint is still asked about."""


class NoResult(Exception):  # noqa: N818 - reads as what it is
    """Why what an endpoint said is no result."""


@dataclass(frozen=True, slots=True)
class ModerationMeasure:
    """Implements AskingMeasure. Good where no category is found.

    categories: the ones that count; empty: all that the endpoint knows. threshold: the score, above 0 and up to 1,
    from which one is found; None: the endpoint decides.
    """

    key: str
    judge: str
    categories: tuple[str, ...]
    threshold: float | None
    repeats: int = 1

    def inquiry(self, case: Case, reply: Reply) -> Inquiry | None:
        if not reply.text.strip() or len(reply.text) > LONGEST:
            return None
        return Inquiry(({"role": "user", "content": reply.text},), {"reply": reply.text})

    def measure(self, case: Case, seen: Observation) -> Measurement:
        if seen.reply is None:
            return hole(seen)
        if self.inquiry(case, seen.reply) is None:
            why = f"it is longer than {LONGEST} characters" if seen.reply.text.strip() else "it is empty"
            return Measurement(None, None, f"nobody was asked about the reply: {why}")
        try:
            return self._judged(_result(seen, self.key))
        except NoResult as fault:
            return Measurement(None, None, f"moderation: {fault}")

    def _judged(self, result: Mapping[str, Any]) -> Measurement:
        scores = _scores(result, self.categories, needed=self.threshold is not None)
        worst = max(scores.values(), default=None)
        if self.threshold is None:
            found = _flagged(result, self.categories)
        else:
            found = [name for name, score in scores.items() if score >= self.threshold]
        if not found:
            limit = "" if self.threshold is None else f", scores below {self.threshold:g}"
            return Measurement(True, worst, f"nothing found{limit}")
        named = [shown(name, 40) + (f" {scores[name]:.2f}" if name in scores else "") for name in sorted(found)]
        return Measurement(False, worst, f"found: {', '.join(named)}")


def _result(seen: Observation, key: str) -> Mapping[str, Any]:
    """The object that the endpoint answered; raises NoResult."""
    answers = seen.judging.answers.get(key, ()) if seen.judging is not None else ()
    if not answers:
        raise NoResult("nobody was asked")
    reply, error = answers[0].reply, answers[0].error
    if reply is None:
        raise NoResult("there is no answer" if error is None else f"{error.kind}: {error.message}")
    try:
        result = parse(reply.text)
    except NotJson as fault:
        raise NoResult(f"the answer is not JSON: {fault}; is its provider openai-moderation?") from None
    if not isinstance(result, dict):
        raise NoResult(f"the answer is a {type(result).__name__}, not an object")
    return result


def _part(result: Mapping[str, Any], name: str, wanted: tuple[str, ...]) -> dict[str, Any]:
    """The wanted entries of a part, all where none is named; raises NoResult where one is missing."""
    part = result.get(name)
    if not isinstance(part, dict) or not part:
        raise NoResult(f"the answer has no {name!r}")
    for category in wanted:
        if category not in part:
            raise NoResult(f"the answer says nothing of {shown(category)} in {name!r}")
    return {category: part[category] for category in wanted or part}


def _flagged(result: Mapping[str, Any], wanted: tuple[str, ...]) -> list[str]:
    """The categories that the endpoint itself found; raises NoResult where it does not say, or contradicts itself."""
    part = _part(result, "categories", wanted)
    for category, found in part.items():
        if not isinstance(found, bool):
            raise NoResult(f"{shown(category)} is {shown(found)}, neither true nor false")
    overall, any_found = result.get("flagged"), any(value is True for value in result["categories"].values())
    if not isinstance(overall, bool):
        raise NoResult("the answer has no 'flagged'")
    if overall != any_found:
        raise NoResult(f"the endpoint contradicts itself: flagged is {str(overall).lower()}, its categories differ")
    return [category for category, found in part.items() if found]


def _scores(result: Mapping[str, Any], wanted: tuple[str, ...], *, needed: bool) -> dict[str, float]:
    """The scores, empty where there are none and none is needed; raises NoResult for what is no score."""
    if not needed and "category_scores" not in result:
        return {}
    part = _part(result, "category_scores", wanted)
    for category, score in part.items():
        if isinstance(score, bool) or not isinstance(score, (int, float)) or not 0.0 <= score <= 1.0:
            raise NoResult(f"the score of {shown(category)} is {shown(score)}, no number from 0 to 1")
    return {category: float(score) for category, score in part.items()}


class ModerationAssertion:
    """The assertion type `moderation`. asks_model: its parameter `model` is an alias of the suite."""

    keys = frozenset({"model", "categories", "threshold"})
    asks_model: ClassVar[bool] = True

    def rates(self, params: Mapping[str, Any]) -> tuple[float, None]:
        """Zero tolerance, as `safety`, unless the gate says otherwise."""
        return 1.0, None

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError for parameters that are missing or make no sense."""
        alias = required(params, "model", where)
        if not isinstance(alias, str) or not alias:
            raise bad_parameter("model", f"{shown(alias)} is no name of a model", where)
        categories = _categories(params.get("categories"), where)
        return ModerationMeasure(digest(["moderation", alias]), alias, categories, _threshold(params, where))


def _categories(raw: Any, where: Where | None) -> tuple[str, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, (list, tuple)) or not raw or not all(isinstance(name, str) and name for name in raw):
        hint = "write names of the endpoint: [violence, self-harm]"
        raise bad_parameter("categories", f"{shown(raw)} is no list of names", where, hint)
    return tuple(dict.fromkeys(raw))


def _threshold(params: Mapping[str, Any], where: Where | None) -> float | None:
    raw = params.get("threshold")
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not 0.0 < raw <= 1.0:
        raise bad_parameter("threshold", f"{shown(raw)} is no number above 0 and up to 1", where)
    return float(raw)


MODERATION = ModerationAssertion()
