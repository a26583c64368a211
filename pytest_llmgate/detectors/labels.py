"""`labels.jsonl`: one's own labelled answers, as examples to calibrate with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_llmgate.core.errors import LlmgateError, Problem, Where, problem
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.calibration import Example
from pytest_llmgate.detectors.grounded import other_language
from pytest_llmgate.detectors.grounding.assess import assess
from pytest_llmgate.detectors.grounding.evidence import Evidence, index
from pytest_llmgate.detectors.grounding.score import shipped
from pytest_llmgate.detectors.grounding.sources import Source, texts_of
from pytest_llmgate.detectors.hallucination_risk import contradiction_logit

_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Labels:
    """examples: what can be fitted. unscored: line and reason of each answer that grounding cannot judge."""

    examples: tuple[Example, ...]
    unscored: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    reply: str
    sources: tuple[Source, ...]
    label: int
    group: str
    replies: tuple[str, ...]


def labels_from(text: str, path: str) -> Labels:
    """The labelled answers of a JSONL text: `{reply, context, label, replies?, group?}`, label 1 for hallucinated.

    path: for messages. Raises LlmgateError with all faulty lines, up to some.
    """
    rows: list[_Row] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                rows.append(_row(number, line, Where(path, number)))
            except LlmgateError as fault:
                problems += fault.problems
    if problems:
        raise LlmgateError(*problems[:_MOST_PROBLEMS])
    if not rows:
        raise problem("labels-broken", "there is no label", Where(path), "write {reply, context, label} a line")
    several = all(row.replies for row in rows)
    indexes: dict[tuple[Source, ...], Evidence] = {}
    examples: list[Example] = []
    unscored: list[tuple[int, str]] = []
    for row in rows:
        found = _example(row, indexes, several)
        if isinstance(found, Example):
            examples.append(found)
        else:
            unscored.append((row.line, found))
    return Labels(tuple(examples), tuple(unscored))


def _row(number: int, line: str, where: Where) -> _Row:
    hint = 'write {"reply": "…", "context": "…", "label": 0}, 1 for hallucinated'
    try:
        given = json.loads(line)
    except (ValueError, RecursionError) as fault:
        raise problem("labels-broken", f"this line is not JSON: {fault}", where, hint) from None
    if not isinstance(given, Mapping) or not isinstance(given.get("reply"), str):
        raise problem("labels-broken", "this line has no 'reply' text", where, hint)
    if given.get("label") not in (0, 1):
        raise problem("labels-broken", f"the label is {given.get('label')!r}, not 0 or 1", where, hint)
    replies = given.get("replies", [])
    if not isinstance(replies, list) or not all(isinstance(reply, str) for reply in replies):
        raise problem("labels-broken", "'replies' is no list of texts", where, "write the other replies to this case")
    sources = tuple(source for source in texts_of(given.get("context")) if source[1].strip())
    group = str(given.get("group", "\n".join(text for _, text in sources)))
    return _Row(number, given["reply"], sources, int(given["label"]), group, tuple(replies))


def _example(row: _Row, indexes: dict[tuple[Source, ...], Evidence], several: bool) -> Example | str:
    if not row.sources:
        return "there is no source to compare with"
    if other := other_language(row.reply, row.sources):
        return other
    if row.sources not in indexes:
        indexes[row.sources] = index(row.sources)
    found = assess(row.reply, indexes[row.sources], shipped())
    if found is None:
        return "the reply says nothing that could be checked"
    if not several:
        return Example(row.label, found.figures, row.group)
    logit = contradiction_logit([Reply(text) for text in (row.reply, *row.replies)])
    return logit if isinstance(logit, str) else Example(row.label, (*found.figures, logit), row.group)
