"""Checks of what stands in a baseline file, which say where it is wrong."""

from __future__ import annotations

import json
from typing import Any

_MOST = 1 << 53


class Wrong(Exception):  # noqa: N818 - never leaves this room
    """What is wrong, and the keys that lead there."""

    def __init__(self, message: str, *keys: str) -> None:
        super().__init__(message)
        self.message = message
        self.keys = keys


def object_of(value: Any, *keys: str) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise Wrong(f"{keys[-1]!r} is an object", *keys)
    return value


def count_of(value: Any, *keys: str, most: int = _MOST) -> int:
    """A whole number from 0 to below `most`; usually one that every reader of JSON keeps exactly."""
    if type(value) is not int or not 0 <= value < most:
        shown = str(value)[:24] if type(value) is float else json.dumps(value)[:24]
        raise Wrong(f"{keys[-1]!r} is a whole number from 0 to below 2^{most.bit_length() - 1}, not {shown}", *keys)
    return value


def check_keys(row: dict[str, Any], wanted: frozenset[str], *keys: str) -> None:
    """Refuse an entry that lacks a key, or has one too many."""
    if row.keys() != wanted:
        differs = ", ".join(sorted(row.keys() ^ wanted))
        raise Wrong(f"an entry lacks or has too much: {differs}", *keys)


def text_of(value: Any, *keys: str, empty: bool = False) -> str:
    """A text; `empty` where it may be."""
    if not isinstance(value, str) or not (value or empty):
        raise Wrong(f"{keys[-1]!r} is a text", *keys)
    return value


def text_or_null(value: Any, *keys: str) -> str | None:
    """A text that is not empty, or null."""
    if value is not None and not (isinstance(value, str) and value):
        raise Wrong(f"{keys[-1]!r} is a text or null", *keys)
    return value
