"""One test of the page: its gates, paths, replies, fields, cases and slices; as much of it as there is room for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from pytest_llmgate.core.rates import percent
from pytest_llmgate.reports import words
from pytest_llmgate.reports.escape import clipped
from pytest_llmgate.reports.failing import failed
from pytest_llmgate.reports.page import gates, replies, walk
from pytest_llmgate.reports.page.drawing import share
from pytest_llmgate.reports.page.evidence import Evidence, TestEvidence, Transcripts
from pytest_llmgate.reports.page.provenance import replay
from pytest_llmgate.reports.page.replies import ReplyView

FIELDS, CASES, SLICES, WALKS = 40, 8, 40, 6
_SENTENCE, _SENTENCES = 4096, 20

Row = Mapping[str, Any]


class RateView(NamedTuple):
    """A share with its denominator. good, of: counts."""

    name: str
    gate: str
    counts: str
    rate: str
    bar: Markup


class WalkView(NamedTuple):
    """The path of a gate. words: the picture in a sentence."""

    gate: str
    verdict: str
    drawing: Markup
    words: str


class Drill(NamedTuple):
    """What stands behind the fold of a test."""

    walks: list[WalkView]
    fields: list[RateView]
    worst: list[RateView]
    slices: list[RateView]
    failing: list[ReplyView]
    failing_of: str
    passing: list[ReplyView]
    passing_of: str
    replay: str


def drill(test: Row, run: Any, evidence: Evidence, transcripts: Transcripts) -> Drill:
    """The drill-down of a test. run: its id, for the command that draws a trial again."""
    ranked = sorted(test["gates"], key=gates.rank)
    rows: Sequence[Row] = test.get("failing") or ()
    found = evidence.of(test["id"])
    failing = replies.failing(rows, [gate["name"] for gate in ranked], transcripts)
    return Drill(
        walks=list(_walks(ranked, found)),
        fields=list(_fields(test["gates"])),
        worst=[_rate(row.case, "", row.trials - row.failed, row.trials) for row in found.worst[:CASES]],
        slices=[_rate(row.name, row.gate, row.good, row.scored) for row in found.slices[:SLICES]],
        failing=failing,
        failing_of=_failing_of(failing, test),
        passing=[replies.passing(sample, transcripts) for sample in found.passing],
        passing_of=f"{len(found.passing):,} of {found.passed:,}",
        replay=replay(run, test["id"], failing[0].trial) if failing else "",
    )


def _failing_of(shown: Sequence[ReplyView], test: Row) -> str:
    """How many trials are shown, of how many."""
    every, or_more = failed(test)
    return f"{sum(view.trials for view in shown):,} of {'at least ' if or_more else ''}{every:,}"


def _walks(ranked: Sequence[Row], found: TestEvidence) -> Iterator[WalkView]:
    drawable = [gate for gate in ranked if gate["name"] in found.walks]
    for gate in drawable[:WALKS]:
        own = found.walks[gate["name"]]
        said = " ".join(filter(None, [walk.described(own), walk.ended(own)]))
        yield WalkView(gate["name"], gate["verdict"], walk.drawn(own), said)


def _fields(rows: Sequence[Row]) -> Iterator[RateView]:
    """Every field of structured replies, the worst first."""
    for gate in rows:
        fields = (gate.get("figures") or {}).get("fields") or {}
        for path, row in list(fields.items())[:FIELDS]:
            yield _rate(path, gate["name"], row["good"], row["n"])


def _rate(name: str, gate: str, good: int, scored: int) -> RateView:
    if not scored:
        return RateView(clipped(name, 200), gate, "none scored", "not measured", Markup(""))
    rate = good / scored
    return RateView(clipped(name, 200), gate, f"{good:,} of {scored:,}", percent(rate), share(rate))


def sentences(test: Row, kind: str) -> list[str]:
    """`problems` or `warnings` of a test."""
    return [clipped(sentence, _SENTENCE) for sentence in (test.get(kind) or ())[:_SENTENCES]]


def spent(test: Row) -> str:
    """What one test took."""
    return words.spent_by(test)
