"""Finds the line of a value in JSON text; slow and only for messages, so that reading itself stays quick."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

_decode = json.JSONDecoder().raw_decode
_DEEPEST = 16
_BETWEEN = re.compile(r"[ \t\r\n,:]*")


def line_of(text: str, keys: Sequence[str]) -> int:
    """The line, from 1, of the member that nested keys lead to, or of the last of them that is there."""
    at = found = _skip(text, 0)
    for key in keys:
        places = [(place, value) for name, place, value in _members(text, at) if name == key]
        if not places:
            break
        found, at = places[-1]
    return text.count("\n", 0, found) + 1


def repeated(text: str) -> tuple[str, int] | None:
    """The first key that an object has twice, with the line of its second place; objects in lists are not looked at."""
    return _repeated(text, _skip(text, 0), _DEEPEST)


def _repeated(text: str, at: int, deeper: int) -> tuple[str, int] | None:
    seen = set()
    for name, place, value in _members(text, at):
        if name in seen:
            return name, text.count("\n", 0, place) + 1
        seen.add(name)
        inner = _repeated(text, value, deeper - 1) if deeper else None
        if inner is not None:
            return inner
    return None


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Key, its place and the place of its value, of each member of the object at `at`; none where it is no object."""
    if not text.startswith("{", at):
        return
    at = _skip(text, at + 1)
    while not text.startswith("}", at):
        name, end = _decode(text, at)
        value = _skip(text, end)
        yield name, at, value
        at = _skip(text, _decode(text, value)[1])


def _skip(text: str, at: int) -> int:
    """Past blanks, commas and colons: the text is known to be JSON."""
    between = _BETWEEN.match(text, at)
    return at if between is None else between.end()
