"""`grounded`: what the reply says is supported by its sources, as far as words, numbers, names and negations show.

A trial is good where there is no finding and the risk is below the threshold. It cannot know the world: it says
"not found in the sources", never "false".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.observation import Measurement, Observation, Span
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.core.reply import Redaction, Reply
from pytest_llmgate.detectors.checks import bad_parameter, hole, no_rates, shown
from pytest_llmgate.detectors.grounding.assess import Assessment, Sentence, assess
from pytest_llmgate.detectors.grounding.evidence import Evidence, index
from pytest_llmgate.detectors.grounding.findings import KINDS, Finding
from pytest_llmgate.detectors.grounding.language import language_of
from pytest_llmgate.detectors.grounding.score import shipped
from pytest_llmgate.detectors.grounding.sources import Source, Sources, sources_from
from pytest_llmgate.detectors.values import Unusable

PARTS = (*KINDS, "risk")
_KEPT = 32  # indexes of sources that a measure remembers: cases come again
_SAYS = {
    "number": "is not in the evidence",
    "entity": "is not in the source, or not in this place",
    "negation": "turns the evidence round",
}
_MARKS = {"number": "unsupported number", "entity": "unsupported name", "negation": "turned round"}


@dataclass(frozen=True, slots=True)
class GroundedMeasure:
    """parts: what is asked of `PARTS`. max_risk: the risk, 0 to 1, from which a reply is bad. index_of: remembers.

    longest: characters of a reply that are judged; None for any number.
    """

    sources: Sources
    parts: frozenset[str]
    max_risk: float
    index_of: Callable[[tuple[Source, ...]], Evidence]
    longest: int | None = None

    def undefined(self, case: Case) -> list[str]:
        """Why this case cannot be measured, as clauses; empty where it can."""
        return self.sources.undefined(case)

    def measure(self, case: Case, seen: Observation) -> Measurement:
        if seen.reply is None:
            return hole(seen)
        found = self.assess(case, seen.reply)
        return Measurement(None, None, found) if isinstance(found, str) else self._judge(found, seen.reply)

    def assess(self, case: Case, reply: Reply) -> Assessment | str:
        """The assessment, or why there is none."""
        if not reply.text.strip():
            return "the reply is empty"
        if self.longest is not None and len(reply.text) > self.longest:
            return f"the reply has {len(reply.text)} characters, and vectors are made of {self.longest} at most"
        try:
            sources = self.sources.of(case, reply)
        except Unusable as fault:
            return str(fault)
        if not sources:
            return "there is no source to compare with"
        other = other_language(reply.text, sources)
        if other:
            return other
        try:
            evidence = self.index_of(sources)
        except Unusable as fault:
            return str(fault)
        return assess(reply.text, evidence, shipped()) or "the reply says nothing that could be checked"

    def _judge(self, found: Assessment, reply: Reply) -> Measurement:
        findings = self._findings(found, reply)
        risky = "risk" in self.parts and found.risk >= self.max_risk
        if not findings and not risky:
            return Measurement(
                True, found.risk, f"risk {found.risk:.2f}, no finding in {len(found.sentences)} sentences"
            )
        reason = _reason(findings) if findings else _risk_reason(found, reply.text, self.max_risk)
        return Measurement(False, found.risk, reason, spans=self.spans(found, reply))

    def _findings(self, found: Assessment, reply: Reply) -> list[Finding]:
        return [
            finding
            for finding in found.findings
            if finding.kind in self.parts and not _redacted(finding, reply.redactions)
        ]

    def spans(self, found: Assessment, reply: Reply) -> tuple[Span, ...]:
        """What a reader should see marked: the findings, then what the sources do not hold of the risky sentences."""
        spans = [
            Span(one.start, one.end, one.text, _MARKS[one.kind], one.evidence)
            for one in self._findings(found, reply)
            if one.end > one.start
        ]
        for sentence in self._risky(found):
            for start, end in sentence.unsupported:
                if not any(start < span.end and span.start < end for span in spans):
                    spans.append(Span(start, end, reply.text[start:end], "unsupported", sentence.evidence))
        return tuple(spans)

    def _risky(self, found: Assessment) -> list[Sentence]:
        """The sentences that make a reply risky, the worst first; the worst one where none is so by itself."""
        if "risk" not in self.parts:
            return []
        ranked = sorted(found.sentences, key=lambda sentence: (-sentence.risk, sentence.start))
        risky = [sentence for sentence in ranked if sentence.risk >= self.max_risk]
        return risky or (ranked[:1] if found.risk >= self.max_risk else [])


def other_language(text: str, sources: tuple[Source, ...]) -> str:
    """Why a reply cannot be compared with its sources, where both are in different languages; else empty."""
    mine = language_of(text)
    theirs = language_of(" ".join(body[:4000] for _, body in sources[:8]))
    return (
        f"the reply is in {mine}, the source in {theirs}: not comparable" if mine and theirs and mine != theirs else ""
    )


def _redacted(finding: Finding, redactions: tuple[Redaction, ...]) -> bool:
    """What stands for something private was changed by us, so it proves nothing."""
    return any(finding.start < passage.end and passage.start < finding.end for passage in redactions)


def _reason(findings: list[Finding]) -> str:
    first, more = findings[0], len(findings) - 1
    evidence = f"; best evidence: {shown(first.evidence, 120)}" if first.evidence else "; no evidence at all"
    others = f" (and {more} more)" if more else ""
    place = f"{first.kind} {shown(first.text, 40)} at {first.start}-{first.end}"
    return f"{place} {_SAYS[first.kind]}{others}{evidence}"


def _risk_reason(found: Assessment, text: str, limit: float) -> str:
    worst = max(found.sentences, key=lambda sentence: sentence.risk)
    evidence = f"; best evidence: {shown(worst.evidence, 80)}" if worst.evidence else "; no evidence at all"
    said = shown(text[worst.start : worst.end], 80)
    return f"risk {found.risk:.2f}, limit {limit:.2f}; {said} at {worst.start}-{worst.end}{evidence}"


class GroundedAssertion:
    """The assertion type `grounded`."""

    keys = frozenset({"sources", "only", "max_risk", "vectors"})

    def rates(self, params: Mapping[str, Any]) -> tuple[None, None]:
        """No rates of its own."""
        return no_rates(params)

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError for sources that cannot be read and parts that do not exist."""
        return grounded_measure(params, files, where)


def grounded_measure(params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> GroundedMeasure:
    """The measure of `sources`, `only`, `max_risk` and `vectors`."""
    sources = sources_from(params.get("sources", "context"), files, where)
    index_of, longest = _indexing(params.get("vectors", False), files, where)
    parts, limit = _parts(params.get("only"), where), _max_risk(params, where)
    return GroundedMeasure(sources, parts, limit, lru_cache(maxsize=_KEPT)(index_of), longest)


def _indexing(
    raw: Any, files: SuiteFiles, where: Where | None
) -> tuple[Callable[[tuple[Source, ...]], Evidence], int | None]:
    """How sources are indexed, and the characters of a reply that may be compared with them."""
    if not isinstance(raw, bool):
        raise bad_parameter("vectors", f"{shown(raw)} is not true or false", where)
    if not raw:
        return index, None
    from pytest_llmgate.detectors import embedding, vectors  # they load numpy, which nobody else here needs

    embedding.require(where, "'vectors: true'")
    return lambda sources: vectors.vector_index(sources, vectors.shelf_under(files.root)), vectors.MOST_REPLY


def _parts(raw: Any, where: Where | None) -> frozenset[str]:
    if raw is None:
        return frozenset(PARTS)
    wanted = raw if isinstance(raw, (list, tuple)) else [raw]
    if not wanted or any(item not in PARTS for item in wanted):
        raise bad_parameter("only", f"{shown(raw)} is none of {', '.join(PARTS)}", where)
    return frozenset(wanted)


def _max_risk(params: Mapping[str, Any], where: Where | None) -> float:
    raw = params.get("max_risk")
    if raw is None:
        return shipped().threshold
    if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not 0.0 < raw <= 1.0:
        raise bad_parameter("max_risk", f"{shown(raw)} is no risk above 0 and up to 1", where)
    return float(raw)


GROUNDED = GroundedAssertion()
