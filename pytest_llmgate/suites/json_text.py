"""Strict JSON from user files: no duplicate keys, no NaN, no giants, bounded depth."""

from __future__ import annotations

import json
from typing import Any

from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.suites.node import Node, from_plain


def parse_json(text: str, where: Where) -> Node:
    """The data of a JSON text; raises LlmgateError where it is malformed or more than JSON."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise problem("duplicate-key", f"{twice!r} stands there twice", where, "delete one of the two")
        return found

    try:
        return from_plain(json.loads(text, object_pairs_hook=unique), where)
    except json.JSONDecodeError as fault:
        line = fault.lineno - 1 + where.line if where.line else fault.lineno
        message = f"this is not JSON: {fault.msg} at column {fault.colno}"
        raise problem("json-syntax", message, Where(where.path, line)) from None
    except (ValueError, RecursionError) as fault:
        reason = "nested too deep" if isinstance(fault, RecursionError) else "a number is too long"
        raise problem("json-syntax", f"this JSON cannot be read: {reason}", where) from None
