"""`similar`: how near the reply's meaning is to an expected text, as the cosine of their MiniLM vectors.

It tells what a text is about, not whether it is right: "14 days" and "30 days" are nearly the same to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors import embedding
from pytest_llmgate.detectors.checks import Check, Fixed, PerCase, bad_parameter, no_rates, required, shown
from pytest_llmgate.detectors.values import Unusable, as_text, resolver

LONGEST = 50_000
"""Characters of a reply that are still compared: about half a minute of one core."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """Makes the check of an expected text, or of several, of which the nearest counts. threshold: least cosine."""

    threshold: float

    def check(self, value: Any) -> Check:
        """The check; raises Unusable for what is no text."""
        wanted = [as_text(item) for item in (value if isinstance(value, (list, tuple)) else [value])]
        if not wanted or not all(text.strip() for text in wanted):
            raise Unusable("there is no text to compare with")

        def check(reply: Reply) -> Measurement:
            return self._compare(reply.text, wanted)

        return check

    def _compare(self, text: str, wanted: list[str]) -> Measurement:
        if not text.strip():
            return Measurement(None, None, "the reply is empty")
        if len(text) > LONGEST:
            return Measurement(None, None, f"the reply has {len(text)} characters, and {LONGEST} are compared at most")
        vector = embedding.minilm()
        score = max(embedding.cosine(vector(text), vector(other)) for other in wanted)
        good = score >= self.threshold
        return Measurement(good, score, f"similarity {score:.2f}, {'at least' if good else 'below'} {self.threshold:g}")


class SimilarAssertion:
    """The assertion type `similar`."""

    keys = frozenset({"value", "threshold"})

    def rates(self, params: Mapping[str, Any]) -> tuple[None, None]:
        """No rates of its own."""
        return no_rates(params)

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError for parameters that make no sense and where the weights are missing."""
        value, threshold = required(params, "value", where), params.get("threshold", 0.8)
        if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not -1 <= threshold <= 1:
            raise bad_parameter("threshold", f"{shown(threshold)} is no cosine from -1 to 1", where)
        make = Similarity(float(threshold)).check
        resolve = resolver(value, where)
        embedding.require(where, "'similar'")
        if resolve is not None:
            return PerCase(resolve, make)
        try:
            return Fixed(make(value))
        except Unusable as fault:
            raise bad_parameter("value", str(fault), where) from None


SIMILAR = SimilarAssertion()
