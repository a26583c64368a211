"""Strict YAML for policies: plain data, each value with its line; no aliases, no tags, no key twice."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

from pytest_llmgate.core.errors import LlmgateError, Where, problem

MAX_TEXT = 1 << 20
MAX_DEPTH = 20
_PLAIN = {"tag:yaml.org,2002:" + name: name for name in ("str", "int", "bool", "null", "map", "seq")}


class Item(NamedTuple):
    """A value with its line: text, whole number, bool, None, a list of items, or a dict of items by text."""

    value: Any
    where: Where

    def entries(self) -> Iterator[tuple[str, Item]]:
        """Keys and values of a mapping."""
        yield from self.value.items()


def read_yaml(text: str, file: str) -> Item:
    """The only document of a policy file; raises `bad-policy` with file:line."""
    yaml: Any = import_module("yaml")
    if len(text) > MAX_TEXT:
        raise bad_policy("a policy has at most 1 MB", Where(file))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _bound(yaml.parse(text, Loader=loader), file)
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        raise bad_policy(f"this is not YAML: {fault.problem}", Where(file, mark.line + 1 if mark else None)) from None
    except (yaml.YAMLError, RecursionError) as fault:
        raise bad_policy(f"this is not YAML: {getattr(fault, 'reason', fault)}", Where(file)) from None
    if root is None:
        raise bad_policy("the file is empty", Where(file), "write rules:")
    return _item(root, file)


def _bound(events: Iterator[Any], file: str) -> None:
    """Refuse aliases, which make gigabytes of a few lines, and towers of brackets, before anything is built."""
    depth = 0
    for event in events:
        kind, where = type(event).__name__, Where(file, event.start_mark.line + 1)
        depth += (kind in ("MappingStartEvent", "SequenceStartEvent")) - (
            kind in ("MappingEndEvent", "SequenceEndEvent")
        )
        if kind == "AliasEvent":
            raise bad_policy("aliases are refused in policies", where, "write it out")
        if depth > MAX_DEPTH:
            raise bad_policy("nested too deeply", where)


def bad_policy(message: str, where: Where, hint: str = "") -> LlmgateError:
    """The error for whatever is wrong with a policy."""
    return problem("bad-policy", message, where, hint)


def _item(node: Any, file: str) -> Item:
    where = Where(file, node.start_mark.line + 1)
    kind = _PLAIN.get(node.tag)
    if kind is None:
        word = node.tag.removeprefix("tag:yaml.org,2002:")
        raise bad_policy(f"a value of type {word} has no place in a policy", where, "quote it, if it is text")
    if kind == "map":
        return Item(_mapping(node, file), where)
    if kind == "seq":
        return Item([_item(part, file) for part in node.value], where)
    return Item(_scalar(node.value, kind, where), where)


def _mapping(node: Any, file: str) -> dict[str, Item]:
    found: dict[str, Item] = {}
    for key, value in node.value:
        name, where = _item(key, file)
        if not isinstance(name, str):
            raise bad_policy(f"the key {name!r} is not text", where, "quote it")
        if name in found:
            raise bad_policy(f"{name!r} stands twice", where, "delete one of the two")
        found[name] = _item(value, file)
    return found


def _scalar(text: str, kind: str, where: Where) -> Any:
    if kind == "str":
        return text
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in ("true", "yes", "on")
    try:
        return int(text.replace("_", ""), 0)
    except ValueError:
        raise bad_policy(f"{text[:40]!r} is not a whole number", where, "quote it, if it is text") from None
