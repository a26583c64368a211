"""Safe YAML with the line of every key and value, bounded in size, depth and what aliases expand to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.suites.node import MAX_DEPTH, Node, checked_number, keyed
from pytest_llmgate.suites.problems import Problems

MAX_TEXT = 1 << 20
MAX_NODES = 100_000
_PREFIX = "tag:yaml.org,2002:"
_SCALARS = frozenset(_PREFIX + name for name in ("str", "int", "float", "bool", "null", "timestamp"))
_COLLECTIONS = frozenset((_PREFIX + "map", _PREFIX + "seq", "!", None))


def load_yaml(text: str, file: str, problems: Problems) -> Node | None:
    """Read one YAML document; None where it cannot be read at all.

    text: the document, at most 1 MB. file: its path, for messages. problems: gets every duplicate key, or the
    one thing that ends reading (syntax, size, depth, a tag that is not plain data).
    """
    with problems.catch():
        if len(text) > MAX_TEXT:
            raise problem(
                "yaml-too-large", "a YAML file may have at most 1 MB", Where(file), "use JSONL for many cases"
            )
        return _Builder(text, file, problems).document()
    return None


class _Builder:
    """Builds nodes from parser events: nothing is ever constructed but text, numbers, bools, lists and mappings."""

    def __init__(self, text: str, file: str, problems: Problems) -> None:
        self._file = file
        self._problems = problems
        self._events: Iterator[Any] = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        self._resolver: Any = yaml.SafeLoader("")
        self._anchors: dict[str, tuple[Node, int, int]] = {}  # the node, how many nodes it expands to, its height
        self._count = 0
        self._deepest = 0

    def document(self) -> Node:
        """The only document of the stream."""
        try:
            return self._document()
        except yaml.MarkedYAMLError as fault:
            mark = fault.problem_mark or fault.context_mark
            where = Where(self._file, mark.line + 1 if mark else None)
            if "nesting depth" in str(fault.problem):  # newer PyYAML stops before we do
                raise self._too_deep(where) from None
            raise problem("yaml-syntax", f"this is not YAML: {fault.problem}", where, _mending(fault)) from None
        except yaml.YAMLError as fault:
            reason = getattr(fault, "reason", fault)
            raise problem("yaml-syntax", f"this is not YAML: {reason}", Where(self._file)) from None

    def _document(self) -> Node:
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise problem("yaml-empty", "the file is empty", Where(self._file))
        root = self._node(next(self._events), 0)
        next(self._events)  # the end of the document
        following = next(self._events)
        if not isinstance(following, yaml.StreamEndEvent):
            raise problem(
                "yaml-documents", "a second document begins here", self._where(following), "use one file each"
            )
        return root

    def _where(self, event: Any) -> Where:
        return Where(self._file, event.start_mark.line + 1)

    def _node(self, event: Any, depth: int) -> Node:
        self._bound(event, depth, 1)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        if event.anchor is None:
            return self._bare(event, depth)
        before, outer, self._deepest = self._count, self._deepest, depth
        node = self._bare(event, depth)
        self._anchors[event.anchor] = (node, self._count - before, self._deepest - depth)
        self._deepest = max(outer, self._deepest)
        return node

    def _alias(self, event: Any, depth: int) -> Node:
        if event.anchor not in self._anchors:
            raise problem("yaml-alias", f"there is no finished anchor &{event.anchor} above", self._where(event))
        node, size, height = self._anchors[event.anchor]
        self._bound(event, depth + height, size)
        return node

    def _bound(self, event: Any, depth: int, size: int) -> None:
        """Account for what has been read, aliases expanded, and stop before it grows too large."""
        self._count += size
        self._deepest = max(self._deepest, depth)
        if self._count > MAX_NODES:
            hint = "use JSONL for many cases, and fewer aliases"
            raise problem("yaml-too-large", f"the file expands to over {MAX_NODES:,} values", self._where(event), hint)
        if depth > MAX_DEPTH:
            raise self._too_deep(self._where(event))

    def _too_deep(self, where: Where) -> LlmgateError:
        return problem("too-deep", f"data is nested more than {MAX_DEPTH} levels deep", where, "flatten it")

    def _bare(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return Node(self._scalar(event), self._where(event))
        if event.tag not in _COLLECTIONS:
            raise _foreign_tag(event.tag, self._where(event))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, depth)
        items = []
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(item, depth + 1))
        return Node(tuple(items), self._where(event))

    def _mapping(self, event: Any, depth: int) -> Node:
        items: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            name, where = self._key(key, depth), self._where(key)
            value = self._node(next(self._events), depth + 1)
            if name == "<<" and key.implicit[0]:
                merged = {**_merged(value), **merged}
            elif name in items:
                first = items[name].place.line
                hint = "delete one of the two"
                self._problems.add("duplicate-key", f"{name!r} stands in line {first} already", where, hint)
            else:
                items[name] = keyed(value, where)
        return Node({**merged, **items}, self._where(event))

    def _key(self, event: Any, depth: int) -> str:
        node = self._node(event, depth + 1)
        if isinstance(node.value, str):
            return node.value
        shown = node.value if not isinstance(node.value, (dict, tuple)) else "a list or mapping"
        raise problem("key-not-text", f"the key {shown} is not text", node.where, "quote it")

    def _scalar(self, event: Any) -> Any:
        tag = event.tag if event.tag not in (None, "!") else None
        tag = tag or self._resolver.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag in (_PREFIX + "merge", _PREFIX + "value", _PREFIX + "timestamp"):
            return event.value  # dates stay the text that was written
        if tag not in _SCALARS:
            raise _foreign_tag(tag, self._where(event))
        try:
            value = self._resolver.construct_object(yaml.ScalarNode(tag, event.value))
        except (ValueError, KeyError, IndexError, yaml.YAMLError):
            kind = tag.removeprefix(_PREFIX)
            raise problem("yaml-value", f"{event.value[:40]!r} is not a valid {kind}", self._where(event)) from None
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return checked_number(value, self._where(event)) if is_number else value


def _merged(value: Node) -> dict[str, Node]:
    """Keys of a `<<` value: a mapping, or a list of mappings of which the first wins."""
    sources = value.value if isinstance(value.value, tuple) else (value,)
    merged: dict[str, Node] = {}
    for source in sources:
        if not isinstance(source.value, dict):
            raise problem("yaml-merge", "'<<' takes a mapping or a list of mappings", value.where)
        merged = {**source.value, **merged}
    return merged


def _foreign_tag(tag: str, where: Where) -> LlmgateError:
    return problem("yaml-tag", f"the tag {tag!r} is not plain data", where, "use text, numbers, lists and mappings")


def _mending(fault: yaml.MarkedYAMLError) -> str:
    """What to do about a syntax error, where that can be told."""
    if "cannot start any token" in str(fault.problem):
        return "indent with spaces, not tabs, and quote values that begin with a special character"
    return "check the indentation, and quote values that contain ': ' or ' #'"
