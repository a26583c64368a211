"""`python`: the user's own function judges the reply."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.checks import bad_parameter, hole, no_rates, required, shown

Style = Literal["text", "reply", "text+context"]


@dataclass(frozen=True, slots=True)
class PythonMeasure:
    """Calls `function` and reads its answer; anything unclear is a hole, never a pass.

    threshold: least score, 0 to 1, that is good.
    """

    function: Callable[..., Any]
    style: Style
    threshold: float

    def measure(self, case: Case, seen: Observation) -> Measurement:
        if seen.reply is None:
            return hole(seen)
        try:
            answer = self._call(case, seen.reply)
            return self._read(answer)
        except (Exception, SystemExit) as fault:
            return Measurement(None, None, f"the function raised {type(fault).__name__}: {shown(str(fault), 200)}")

    def _call(self, case: Case, reply: Reply) -> Any:
        if self.style == "reply":
            return self.function(reply)
        if self.style == "text":
            return self.function(reply.text)
        context = {
            "vars": dict(case.vars),
            "case_id": case.id,
            "expected": case.expected,
            "context": case.context if reply.context is None else reply.context,
            "reply": reply,
        }
        return self.function(reply.text, context)

    def _read(self, answer: Any) -> Measurement:
        if isinstance(answer, Mapping):
            return _from_mapping(answer)
        if type(answer).__module__ == "numpy" and getattr(answer, "shape", None) == ():
            answer = answer.item()
        if isinstance(answer, bool):
            return Measurement(answer, None, f"the function returned {answer}")
        score = _score(answer)
        if score is None:
            return Measurement(None, None, f"the function returned {shown(answer)}: no bool, score of 0 to 1 or dict")
        sign = "at least" if score >= self.threshold else "below"
        return Measurement(score >= self.threshold, score, f"score {score:g}, {sign} {self.threshold:g}")


def _from_mapping(answer: Mapping[Any, Any]) -> Measurement:
    """`{pass, score, reason}`: only an explicit `pass` decides."""
    good, reason = answer.get("pass"), str(answer.get("reason") or "")[:200]
    score = _score(answer.get("score"))
    if not isinstance(good, bool):
        return Measurement(None, score, f"the function returned no 'pass: true' or 'pass: false' {reason}".rstrip())
    if answer.get("score") is not None and score is None:
        return Measurement(None, None, f"the function returned the score {shown(answer['score'])}, not 0 to 1")
    return Measurement(good, score, reason or f"the function returned pass: {good}")


def _score(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        return None
    return float(value)


class PythonAssertion:
    """The assertion type `python`: `value: "file.py:function"`, and `threshold` for scores."""

    keys = frozenset({"value", "threshold"})

    def rates(self, params: Mapping[str, Any]) -> tuple[None, None]:
        """No rates of its own."""
        return no_rates(params)

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError for what is not a plain function of one or two parameters."""
        target = required(params, "value", where)
        if not isinstance(target, str):
            raise bad_parameter("value", f"{shown(target)} is not of the form 'file.py:function'", where)
        threshold = _score(params.get("threshold", 0.5))
        if threshold is None:
            raise bad_parameter("threshold", f"{shown(params['threshold'])} is not a number from 0 to 1", where)
        function = files.load_object(target, where)
        return PythonMeasure(function, _style(function, target, where), threshold)


def _style(function: Any, target: str, where: Where | None) -> Style:
    hint = "write def check(text), def check(reply) or def check(text, context)"
    if not callable(function):
        raise bad_parameter("value", f"{target} is not a function", where, hint)
    if inspect.iscoroutinefunction(function):
        raise bad_parameter("value", f"{target} is async; a judge is called synchronously", where, hint)
    try:
        params = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise bad_parameter("value", f"the parameters of {target} are not known", where, hint) from None
    places = [p for p in params if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    must = [p for p in params if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    variadic = any(p.kind is p.VAR_POSITIONAL for p in params)
    if len(must) > 2 or any(p.kind is p.KEYWORD_ONLY for p in must) or not (places or variadic):
        raise bad_parameter("value", f"{target} does not take one or two positional parameters", where, hint)
    if len(must) == 2 or not places or (len(places) > 1 and places[1].name == "context"):
        return "text+context"
    return "reply" if _takes_reply(places[0]) else "text"


def _takes_reply(parameter: inspect.Parameter) -> bool:
    note = parameter.annotation
    name = note if isinstance(note, str) else getattr(note, "__name__", "")
    return parameter.name == "reply" or name.rpartition(".")[2] == "Reply"


PYTHON = PythonAssertion()
