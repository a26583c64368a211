"""Plain data that knows where it stands in a user's file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from math import isfinite
from typing import Any

from pytest_llmgate.core.errors import Where, problem

MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place.

    value: text, number, bool, None, a tuple of nodes, or a dict from text to nodes. key: the place of the key that
    leads here, if there is one.
    """

    value: Any
    where: Where
    key: Where | None = None

    @property
    def place(self) -> Where:
        """Where to point at when the key, not the value, is wrong."""
        return self.key or self.where

    def items(self) -> Iterator[tuple[str, Node]]:
        """Keys and values of a mapping; nothing for any other value."""
        if isinstance(self.value, dict):
            yield from self.value.items()

    def plain(self) -> Any:
        """The value without places: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {name: item.plain() for name, item in self.value.items()}
        if isinstance(self.value, tuple):
            return [item.plain() for item in self.value]
        return self.value


def from_plain(value: Any, where: Where, depth: int = 0) -> Node:
    """Wrap data of a TOML table, a JSON row or a marker; all of it stands at `where`.

    Raises LlmgateError for what JSON cannot hold.
    """
    if depth > MAX_DEPTH:
        raise problem("too-deep", f"data is nested more than {MAX_DEPTH} levels deep", where, "flatten it")
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise problem("key-not-text", f"the key {key!r} is not text", where, "quote it")
        return Node({key: from_plain(item, where, depth + 1) for key, item in value.items()}, where, where)
    if isinstance(value, (list, tuple)):
        return Node(tuple(from_plain(item, where, depth + 1) for item in value), where, where)
    if isinstance(value, date):
        return Node(value.isoformat(), where, where)
    if value is None or isinstance(value, (str, bool)):
        return Node(value, where, where)
    return Node(checked_number(value, where), where, where)


def checked_number(value: Any, where: Where) -> int | float:
    """A number that JSON can hold; raises LlmgateError for NaN, infinities, giants and other types."""
    if isinstance(value, int) and value.bit_length() <= 1024:
        return value
    if isinstance(value, float) and isfinite(value):
        return value
    shown = type(value).__name__ if not isinstance(value, (int, float)) else "a number that is not finite or too long"
    raise problem(
        "value-not-plain", f"{shown} cannot stand here", where, "use text, finite numbers, lists and mappings"
    )


def keyed(node: Node, key: Where) -> Node:
    """The same node as the value of a key at `key`."""
    return replace(node, key=key)
