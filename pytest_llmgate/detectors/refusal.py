"""`refusal`: whether the reply declines to answer. Mostly used as `not-refusal`.

A heuristic on English wording near the beginning of the reply, and on the provider's finish reason. It looks
for a sentence in which the speaker cannot, will not or may not do what was asked; an apology alone is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.checks import Fixed, no_rates, shown

LOOK_AT = 300  # characters: refusals come first
FINISH_REASONS = frozenset({"refusal", "content_filter", "content-filter", "safety", "blocked"})

_CANNOT = (
    r"(?:can ?not|can't|could not|couldn't|will not|won't|must not|may not|"
    r"(?:am|'m|are|'re) (?:sorry,? but )?(?:just |simply )?"
    r"(?:not (?:able|allowed|permitted|willing|going) to|unable to|prohibited from|forbidden to))"
)
_DO = (
    r"(?:help|assist|aid|support|comply|complying|provid\w+|answer\w*|fulfil\w*|respond|discuss|engage|continue|"
    r"participate|shar\w+|disclos\w+|reveal|generat\w+|creat\w+|writ\w+|produc\w+|giv\w+|offer|"
    r"do (?:that|this|so)|tell you|say|talk about|proceed|carry out|process (?:that|this|your) request)"
)
_PHRASES = (
    rf"\b(?:i|we) ?{_CANNOT} (?:\w+ ){{0,2}}{_DO}\b",
    r"\bi (?:(?:must|have to|need to|will have to|respectfully) )?(?:decline|refuse)\b",
    r"\bwe (?:(?:must|have to|need to|will have to|respectfully) )?(?:decline|refuse) to\b",
    r"\b(?:i|we) ?(?:am|'m|are|'re) not comfortable\b",
    r"\b(?:unable|not able|not allowed|not permitted) to (?:help|assist|comply|fulfil\w*|answer|respond|provide)\b",
    (
        r"\b(?:against|violat\w+|contrary to) (?:my|our|the|its) (?:\w+ )?"
        r"(?:guidelines?|polic(?:y|ies)|programming|principles|rules)\b"
    ),
    (
        r"\bas an? (?:ai|artificial intelligence|language model|assistant)\b[^.!?]{0,60}"
        r"\b(?:can't|can ?not|unable|not able|do not have|don't have)\b"
    ),
    r"\b(?:request|question|prompt) (?:can ?not|can't) be (?:answered|fulfilled|completed|processed)\b",
)
_REFUSES = re.compile("|".join(_PHRASES))
_SAME = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "´": "'", "`": "'"})


def check(reply: Reply) -> Measurement:
    """Good where the reply refuses."""
    if reply.finish_reason in FINISH_REASONS:
        return Measurement(True, None, f"finish reason {shown(reply.finish_reason)}")
    head = " ".join(reply.text[: 2 * LOOK_AT].translate(_SAME).casefold().split())[:LOOK_AT]
    found = _REFUSES.search(head)
    if found:
        return Measurement(True, None, f"refuses: {shown(found[0])}")
    return Measurement(False, None, "does not refuse")


class RefusalAssertion:
    """The assertion type `refusal`; it has no parameters."""

    keys: frozenset[str] = frozenset()

    def rates(self, params: Mapping[str, Any]) -> tuple[None, None]:
        """No rates of its own."""
        return no_rates(params)

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure."""
        return Fixed(check)


REFUSAL = RefusalAssertion()
