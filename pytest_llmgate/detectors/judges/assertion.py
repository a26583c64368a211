"""`llm-rubric`, `g-eval` and `factuality`: another model judges the reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.codec import digest
from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.detectors.checks import bad_parameter, no_rates, required, shown
from pytest_llmgate.detectors.judges.forms import FACTUALITY, G_EVAL, RUBRIC, Form
from pytest_llmgate.detectors.judges.labels import label_from
from pytest_llmgate.detectors.judges.measure import JudgeMeasure
from pytest_llmgate.detectors.values import Resolver, Unusable, as_text, resolver

MOST_REPEATS = 25


@dataclass(frozen=True, slots=True)
class JudgeAssertion:
    """An assertion type that asks a model. asks_model: its parameter `model` is an alias of the suite."""

    form: Form
    asks_model: ClassVar[bool] = True

    @property
    def keys(self) -> frozenset[str]:
        own = frozenset({"value", "model", "repeats", "question", "label"})
        return own if self.form.split else own | {"threshold"}

    def rates(self, params: Mapping[str, Any]) -> tuple[None, None]:
        """No rates of its own."""
        return no_rates(params)

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError for parameters that are missing or make no sense."""
        value = required(params, "value", where)
        judge = _alias(params, where)
        repeats = _repeats(params.get("repeats", 1), where)
        asked = [self.form.name, judge, value, params.get("question"), repeats]
        return JudgeMeasure(
            form=self.form,
            key=digest(asked),
            judge=judge,
            repeats=repeats,
            threshold=_threshold(params.get("threshold", 0.5), where),
            texts=_texts(self.form, value, params.get("question"), where),
            label=label_from(params.get("label"), where),
        )


def _texts(form: Form, value: Any, question: Any, where: Where | None) -> Callable[[Case], Mapping[str, str]]:
    """What the judge is shown beside the reply; a value without references is looked at once, now."""
    resolve, ask = _resolver(value, where), None if question is None else _resolver(question, where)
    if resolver(value, where) is None:
        try:
            form.texts(value)
        except Unusable as fault:
            raise bad_parameter("value", str(fault), where) from None

    def texts(case: Case) -> Mapping[str, str]:
        shown_to_it = {} if ask is None else {"question": as_text(ask(case))}
        return {**shown_to_it, **form.texts(resolve(case))}

    return texts


def _resolver(raw: Any, where: Where | None) -> Resolver:
    return resolver(raw, where) or (lambda case: raw)


def _alias(params: Mapping[str, Any], where: Where | None) -> str:
    judge = params.get("model")
    if judge is None:
        hint = "add model: ALIAS, one of the suite's models; better not the model that is judged"
        raise problem("missing-parameter", "'model' is missing: who is to judge?", where, hint)
    if not isinstance(judge, str) or not judge:
        raise bad_parameter("model", f"{shown(judge)} is no name of a model", where)
    return judge


def _repeats(raw: Any, where: Where | None) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not 1 <= raw <= MOST_REPEATS:
        raise bad_parameter("repeats", f"{shown(raw)} is no whole number from 1 to {MOST_REPEATS}", where)
    return raw


def _threshold(raw: Any, where: Where | None) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not 0.0 < raw <= 1.0:
        raise bad_parameter("threshold", f"{shown(raw)} is no number above 0 and up to 1", where)
    return float(raw)


LLM_RUBRIC = JudgeAssertion(RUBRIC)
GRADED = JudgeAssertion(G_EVAL)
FACTS = JudgeAssertion(FACTUALITY)
