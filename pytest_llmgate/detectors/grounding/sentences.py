"""Where sentences begin and end, in prose, dialogue, lists and text that was taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST = 600  # characters: what has no end is cut at a space, so that the work stays linear

_END = re.compile(
    r"[.!?…]+[\"'”’)\]]*(?=\s|$)|[。！？｡]+[」』”]*|\n(?=\s*\n|\s*[-*•#>|]|\s*\d+[.)]\s)|\n(?![a-z])|;(?=\s)"
)
_SHORT = re.compile(
    r"(?:^|[\s(\"'“])(?:[A-Za-z]|mr|mrs|ms|dr|prof|st|jr|sr|vs|etc|no|vol|fig|inc|ltd|co|corp|approx|dept|est|gen|col|"
    r"lt|sgt|rev|hon|e\.g|i\.e|cf|al|(?:[A-Za-z]\.)+[A-Za-z]|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)$",
    re.IGNORECASE,
)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence, without the spaces around it."""
    spans: list[tuple[int, int]] = []
    start = 0
    cased = text != text.lower()
    for found in _END.finditer(text):
        if found[0][0] == "." and _abbreviated(text, start, found, cased):
            continue
        if found[0] == ";" and text.count("(", start, found.start()) > text.count(")", start, found.start()):
            continue
        spans += _trimmed(text, start, found.end())
        start = found.end()
    return spans + list(_trimmed(text, start, len(text)))


def _abbreviated(text: str, start: int, found: re.Match[str], cased: bool) -> bool:
    """Whether a full stop belongs to an abbreviation, or the sentence goes on behind it in small letters."""
    if len(found[0]) > 1 or found.end() == len(text):
        return False
    before = text[max(start, found.start() - 12) : found.start()]
    if before.endswith(" "):  # taken apart: " . " is an end
        return False
    if _SHORT.search(before):
        return True
    return cased and text[found.end() + 1 : found.end() + 2].islower()


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        cut = end if end - start <= LONGEST else max(text.rfind(" ", start + 1, start + LONGEST), start + 1)
        if cut == start + 1:
            cut = min(end, start + LONGEST)
        piece = text[start:cut]
        body = piece.strip()
        if body:
            lead = len(piece) - len(piece.lstrip())
            yield start + lead, start + lead + len(body)
        start = cut
