"""Replies of failing trials: the text with its unsupported passages marked, and the evidence beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pytest_llmgate.core.observation import Span
from pytest_llmgate.reports.circuit_words import listed
from pytest_llmgate.reports.escape import clipped, visible
from pytest_llmgate.reports.failing import Trial, alike, by_trial
from pytest_llmgate.reports.page.evidence import Sample, Transcripts

FAILING = 10  # replies of a test
SIZE = 4096  # characters of one
_REASON = 1000
_CALLS = 10
_EVIDENCE = 3
_INDICES = 20
_FORM = {"start": int, "end": int, "text": str, "says": str, "evidence": str}


class Piece(NamedTuple):
    """A stretch of a reply. label: why it is marked, empty where it is not."""

    text: str
    label: str


class Objection(NamedTuple):
    """What a gate says against a reply. evidence: the passages of the sources that come nearest to what it marks."""

    gate: str
    reason: str
    evidence: list[str]


class ReplyView(NamedTuple):
    """A trial. pieces: of its reply, None where the text is not shown. calls: of tools, as JSON.

    trials: how many trials this one stands for, itself among them; others: which, in words.
    """

    place: str
    trial: int
    objections: list[Objection]
    pieces: list[Piece] | None
    calls: list[str]
    trials: int = 1
    others: str = ""


def failing(rows: Sequence[Mapping[str, Any]], worst: Sequence[str], transcripts: Transcripts) -> list[ReplyView]:
    """The failing trials of a test, those of its worst gates first; those with one reply and one reason stand together,
    as does what several gates say of a trial.

    worst: names of the gates, the worst first.
    """
    return [_failed(group, transcripts) for group in _chosen(rows, worst)[:FAILING]]


def _chosen(rows: Sequence[Mapping[str, Any]], worst: Sequence[str]) -> list[list[Trial]]:
    places = {name: place for place, name in enumerate(worst)}
    order = sorted(
        by_trial(rows), key=lambda own: (min(places.get(row["gate"], len(worst)) for row in own), own[0]["index"])
    )
    return _each_gate_first(alike(order))


def _each_gate_first(order: list[list[Trial]]) -> list[list[Trial]]:
    """Trials that show a gate no earlier one showed come before those that repeat what is there."""
    seen: set[str] = set()
    first: list[list[Trial]] = []
    again: list[list[Trial]] = []
    for group in order:
        gates = {row["gate"] for row in group[0]}
        (again if gates <= seen else first).append(group)
        seen |= gates
    return first + again


def _failed(group: list[Trial], transcripts: Transcripts) -> ReplyView:
    rows = group[0]
    head = rows[0]
    kept = _kept(head, transcripts)
    pieces = None if kept is None else marked(str(kept.get("text", "")), rows)
    return ReplyView(
        _place(head["case"], head["repeat"]),
        head["index"],
        [_objection(row) for row in rows],
        pieces,
        _calls(kept),
        trials=len(group),
        others=listed([f"{own[0]['index']:,}" for own in group[1:]], _INDICES),
    )


def passing(sample: Sample, transcripts: Transcripts) -> ReplyView:
    """A trial that no gate objects to."""
    kept = transcripts(sample.reply) if sample.reply else None
    pieces = None if kept is None else marked(str(kept.get("text", "")), ())
    return ReplyView(_place(sample.case, sample.repeat), sample.trial, [], pieces, _calls(kept))


def _kept(row: Mapping[str, Any], transcripts: Transcripts) -> Mapping[str, Any] | None:
    if row.get("text") is not None:
        return {"text": row["text"]}
    return transcripts(row["reply"]) if row.get("reply") else None


def _place(case: str, repeat: int) -> str:
    return f"case {clipped(str(case), 200)}, repeat {repeat}"


def _calls(kept: Mapping[str, Any] | None) -> list[str]:
    calls = (kept or {}).get("tool_calls") or ()
    return [clipped(json.dumps(call, ensure_ascii=False, sort_keys=True), _REASON) for call in calls[:_CALLS]]


def _objection(row: Mapping[str, Any]) -> Objection:
    reason, _, quoted = str(row.get("reason") or "").partition("; best evidence: ")
    found = [span.evidence for span in _spans(row) if span.evidence] or [_unquoted(quoted)]
    evidence = [clipped(text, _REASON) for text in dict.fromkeys(found) if text]
    return Objection(row["gate"], clipped(reason, _REASON), evidence[:_EVIDENCE])


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def marked(text: str, rows: Sequence[Mapping[str, Any]]) -> list[Piece]:
    """A reply in pieces: the passages that gates object to are marked, as far as they are shown.

    A place counts only where the passage that was objected to stands there: what is shown may be another text than
    what was judged.
    """
    shown = text[:SIZE]
    pieces, at = [], 0
    for start, end, label in sorted(_places(text, rows)):
        if start < at or start >= len(shown):
            continue
        pieces += [Piece(shown[at:start], ""), Piece(shown[start : min(end, len(shown))], label)]
        at = min(end, len(shown))
    rest = Piece(shown[at:] + (f" … ({len(text) - SIZE:,} characters more)" if len(text) > SIZE else ""), "")
    found = [piece for piece in (*pieces, rest) if piece.text]
    return [Piece(visible(piece.text, keep="\n\t"), piece.label) for piece in found] or [Piece("(empty)", "")]


def _places(text: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, int, str]]:
    for row in rows:
        for start, end, said, says, _ in _spans(row):
            if said and start < end <= len(text) and text[start:end].startswith(said):
                yield start, end, f"{says}: {row['gate']}"


def _spans(row: Mapping[str, Any]) -> list[Span]:
    """The spans of a row; those of another form are left out, as a run on disk may hold anything."""
    found = [span for span in row.get("spans") or () if isinstance(span, dict) and span.keys() == _FORM.keys()]
    return [Span(**span) for span in found if all(isinstance(span[name], kind) for name, kind in _FORM.items())]
