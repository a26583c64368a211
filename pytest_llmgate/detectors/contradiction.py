"""`contradiction`: several replies to one case say the same, as far as words, numbers, names and yes or no show.

A group of `repeats` replies is good where they dispute nothing and the risk is below the threshold. Identical replies
are said and left unscored: that a model repeats itself does not show that it knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.checks import bad_parameter, hole, no_rates, shown
from pytest_llmgate.detectors.consistency.fields import Field
from pytest_llmgate.detectors.consistency.judge import Consistency, judge, shipped
from pytest_llmgate.detectors.grounding.language import several_languages
from pytest_llmgate.detectors.groups import USUAL_REPEATS, repeats_from, replies_of


def contradiction(
    replies: Sequence[Reply], *, max_risk: float | None = None, fields: frozenset[str] | None = None
) -> Measurement:
    """The measurement of several replies to one case; its score is the risk that they contradict each other.

    max_risk: the risk, above 0 and up to 1, from which they are bad; the shipped one where None. fields: JSON pointers
    of the fields that count in structured replies; None: all.
    """
    if len(replies) < 2:
        return Measurement(None, None, "one reply cannot contradict itself")
    if apart := several_languages(reply.text for reply in replies):
        return Measurement(None, None, apart)
    found = judge(replies, fields)
    if isinstance(found, str):
        return Measurement(None, None, found)
    limit = shipped().threshold if max_risk is None else max_risk
    agreed = {field.path: field.agreement == 1.0 for field in found.fields if field.agreement is not None} or None
    differing = [field for field in found.fields if field.agreement is not None and field.agreement < 1.0]
    if differing:
        return Measurement(False, found.risk, _fields_reason(differing, found), agreed)
    if found.disputed:
        return Measurement(False, found.risk, _disputed_reason(found), agreed)
    if found.risk >= limit:
        reason = f"risk {found.risk:.2f}, limit {limit:.2f}: {_counted(found)} share little"
        return Measurement(False, found.risk, reason, agreed)
    reason = f"risk {found.risk:.2f}, nothing disputed among {_counted(found)}"
    return Measurement(True, found.risk, reason, agreed)


@dataclass(frozen=True, slots=True)
class ContradictionMeasure:
    """Needs the replies of `repeats` trials of one case together, in the order of their repeats."""

    repeats: int
    max_risk: float | None
    fields: frozenset[str] | None

    def measure(self, case: Case, seen: Observation) -> Measurement:
        """A hole: one reply says nothing of contradiction."""
        return hole(seen) if seen.reply is None else Measurement(None, None, f"needs {self.repeats} replies to a case")

    def measure_together(self, case: Case, seen: Sequence[Observation]) -> Measurement:
        """The measurement of one group; a hole where a reply is missing."""
        replies = replies_of(seen)
        if isinstance(replies, str):
            return Measurement(None, None, replies)
        return contradiction(replies, max_risk=self.max_risk, fields=self.fields)


class ContradictionAssertion:
    """The assertion type `contradiction`."""

    keys = frozenset({"repeats", "max_risk", "fields"})

    def rates(self, params: Mapping[str, Any]) -> tuple[None, None]:
        """No rates of its own."""
        return no_rates(params)

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError for parameters that make no sense."""
        repeats = repeats_from(params.get("repeats", USUAL_REPEATS), where)
        return ContradictionMeasure(repeats, _max_risk(params, where), _fields(params, where))


def _max_risk(params: Mapping[str, Any], where: Where | None) -> float | None:
    raw = params.get("max_risk")
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not 0.0 < raw <= 1.0:
        raise bad_parameter("max_risk", f"{shown(raw)} is no risk above 0 and up to 1", where)
    return float(raw)


def _fields(params: Mapping[str, Any], where: Where | None) -> frozenset[str] | None:
    raw = params.get("fields")
    if raw is None:
        return None
    wanted = raw if isinstance(raw, (list, tuple)) else [raw]
    if not wanted or not all(isinstance(path, str) and path.strip("/") for path in wanted):
        raise bad_parameter(
            "fields", f"{shown(raw)} names no field", where, "write names or JSON pointers: [city, /a/b]"
        )
    return frozenset(path if path.startswith("/") else f"/{path}" for path in wanted)


def _counted(found: Consistency) -> str:
    same = found.replies - found.distinct
    return f"{found.replies} replies" + (f" ({same} repeat another word by word)" if same else "")


def _fields_reason(differing: Sequence[Field], found: Consistency) -> str:
    named = ", ".join(
        f"{field.path} {field.agreement:.0%}"
        for field in sorted(differing, key=lambda field: (field.agreement, field.path))[:5]
    )
    more = f" and {len(differing) - 5} more" if len(differing) > 5 else ""
    return f"pairs that agree, by field: {named}{more}; {_counted(found)}"


def _disputed_reason(found: Consistency) -> str:
    first = max(found.disputed, key=lambda dispute: (dispute.share, -dispute.reply))
    said, other = first.finding.text, first.finding.evidence
    more = len(found.disputed) - 1
    others = f" (and {more} more)" if more else ""
    kind = {"negation": "yes or no", "entity": "name"}.get(first.finding.kind, first.finding.kind)
    place = f"{kind} {shown(said, 40)} in reply {first.reply + 1}{others}"
    return f"{place}; another says {shown(other, 100)}; {_counted(found)}"


CONTRADICTION = ContradictionAssertion()
