"""One risk from the parts: schema, grounding and contradiction, each kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.calibration import CONTRADICTION, Calibration
from pytest_llmgate.detectors.consistency.judge import judge
from pytest_llmgate.detectors.grounding.assess import Assessment
from pytest_llmgate.detectors.grounding.language import several_languages

_WIDEST = 12.0  # log-odds beyond which a risk is as good as certain


class Parts(NamedTuple):
    """risk: calibrated, 0 to 1; 1 where the schema is violated, which no probability can mend. grounding and
    contradiction: uncalibrated risks of the parts; schema: whether it is kept. None for a part that was not asked."""

    risk: float
    grounding: float
    contradiction: float | None
    schema: bool | None


def composite(
    known: Calibration, grounding: Assessment, *, schema: bool | None = None, contradiction: float | None = None
) -> Parts:
    """The risk of one answer. contradiction: log-odds of several replies, needed where the calibration has it."""
    values = grounding.figures
    if CONTRADICTION in known.names:
        if contradiction is None:
            raise ValueError("this calibration needs several replies to a case")
        values = (*values, contradiction)
    risk = 1.0 if schema is False else known.risk(values)
    said = None if contradiction is None else 1.0 / (1.0 + math.exp(-contradiction))
    return Parts(risk, grounding.risk, said, schema)


def contradiction_logit(replies: Sequence[Reply]) -> float | str:
    """The log-odds that replies to one case contradict each other, or why that cannot be said."""
    if apart := several_languages(reply.text for reply in replies):
        return apart
    found = judge(replies)
    if isinstance(found, str):
        return found
    held = min(max(found.risk, 0.5 if found.disputed else 0.0, 1e-6), 1.0 - 1e-6)
    return min(max(math.log(held / (1.0 - held)), -_WIDEST), _WIDEST)
