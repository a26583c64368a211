"""The measure of a judge's answers. Asking is the subject's part; here questions are written and answers read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.observation import Judgement, Measurement, Observation
from pytest_llmgate.core.ports import Inquiry
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.checks import hole, shown
from pytest_llmgate.detectors.judges.answers import NoAnswer, read
from pytest_llmgate.detectors.judges.asked import MARK, inquiry
from pytest_llmgate.detectors.judges.forms import Form
from pytest_llmgate.detectors.judges.labels import Label
from pytest_llmgate.detectors.values import Unusable

_REPEATS = "all repeats agree"
_LABEL = "judge agrees with label"
"""Figures beside a gate, counted over its trials as the fields of a reply are."""

LONGEST = 50_000
"""Characters of a reply that a judge is still asked about."""


@dataclass(frozen=True, slots=True)
class JudgeMeasure:
    """Implements AskingMeasure.

    texts: what the judge is shown beside the reply, by case; raises Unusable. threshold: mean score, 0 to 1, that is
    still good. label: what people said.
    """

    form: Form
    key: str
    judge: str
    repeats: int
    threshold: float
    texts: Callable[[Case], Mapping[str, str]]
    label: Label

    def undefined(self, case: Case) -> list[str]:
        """Why this case cannot be measured, as clauses; empty where it can."""
        try:
            self.texts(case)
            self.label(case)
        except Unusable as fault:
            return [str(fault)]
        return []

    def inquiry(self, case: Case, reply: Reply) -> Inquiry | None:
        if len(reply.text) > LONGEST:
            return None
        try:
            texts = self.texts(case)
        except Unusable:
            return None
        return inquiry(self.form.task, self.form.answer, {**texts, "reply": reply.text})

    def measure(self, case: Case, seen: Observation) -> Measurement:
        if seen.reply is None:
            return hole(seen)
        asked = self.inquiry(case, seen.reply)
        if asked is None:
            return Measurement(None, None, f"a judge is asked about at most {LONGEST} characters")
        answers = seen.judging.answers.get(self.key, ()) if seen.judging is not None else ()
        try:
            said = [self._read(answer, str(asked.vars[MARK]), seen.reply.text) for answer in answers]
        except NoAnswer as fault:
            return Measurement(None, None, str(fault))
        if len(said) < self.repeats:
            return Measurement(None, None, "no judge was asked")
        return self._judged([score for score, _ in said], said[0][1], self.label(case))

    def _read(self, answer: Judgement, ref: str, judged: str) -> tuple[float, str]:
        """Score and reason of one answer; raises NoAnswer."""
        if answer.reply is None:
            why = answer.error
            raise NoAnswer("the judge gave no answer" if why is None else f"judge: {why.kind}: {why.message}")
        found = read(answer.reply, ref, judged)
        return self.form.score(found, self.threshold), str(found["reason"])

    def _judged(self, scores: Sequence[float], reason: str, label: bool | None) -> Measurement:
        score = fmean(scores)
        sides = {one >= self.threshold for one in scores}
        fields = {_REPEATS: len(sides) == 1} if self.repeats > 1 else {}
        if label is not None:
            fields[_LABEL] = (score >= self.threshold) == label
        spread = f" ({min(scores):g} to {max(scores):g} in {len(scores)} answers)" if len(scores) > 1 else ""
        if self.form.split and score == self.threshold:
            return Measurement(None, score, f"the judge's {len(scores)} answers are split", {_REPEATS: False})
        good = score >= self.threshold
        side = "at least" if good else "below"
        said = f"score {score:.2f}{spread}, {side} {self.threshold:g}: {shown(reason, 200)}"
        return Measurement(good, score, said, fields or None)
