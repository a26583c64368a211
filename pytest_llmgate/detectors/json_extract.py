"""JSON in a reply that says more than JSON: in a Markdown fence, or somewhere in its sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pytest_llmgate.detectors import jsontext

_FENCE = re.compile(r"^[ ]{0,3}(`{3,}|~{3,})[ \t]*([\w+.-]*)[^\n`]*$", re.MULTILINE)
_START = re.compile(r"[{\[]")
_ATTEMPTS = 50  # openings that are tried; a text full of brackets must not take forever


def whole(text: str) -> Any:
    """The JSON of the text as a whole."""
    return jsontext.parse(text)


def fenced(text: str) -> Any:
    """The JSON of the only fence, or of the only one that is marked `json`; of the whole text where there is none."""
    blocks = _blocks(text)
    if not blocks:
        return jsontext.parse(text)
    marked = [body for language, body in blocks if language.lower() in ("json", "json5", "jsonc")]
    bodies = marked or [body for _, body in blocks]
    if len(bodies) > 1:
        raise jsontext.NotJson(f"{len(bodies)} fences hold a block, and nothing tells which one counts")
    return jsontext.parse(bodies[0])


def anywhere(text: str) -> Any:
    """The JSON of the whole text, else of its fence, else the first object or list in its sentences."""
    try:
        return fenced(text)
    except jsontext.NotJson as fault:
        first = fault
    for attempt, start in enumerate(_START.finditer(text)):
        if attempt == _ATTEMPTS:
            break
        try:
            return jsontext.parse_at(text, start.start())
        except jsontext.NotJson:
            continue
    raise first


EXTRACTS: Mapping[str, Callable[[str], Any]] = {"none": whole, "fenced": fenced, "any": anywhere}
"""What `extract` takes."""


def _blocks(text: str) -> list[tuple[str, str]]:
    """Language and body of every fence; one that is not closed goes to the end."""
    blocks, opened = [], None
    for line in _FENCE.finditer(text):
        if opened is None:
            opened = line
        elif line[1].startswith(opened[1]) and not line[2]:
            blocks.append((opened[2], text[opened.end() : line.start()]))
            opened = None
    if opened is not None:
        blocks.append((opened[2], text[opened.end() :]))
    return blocks
