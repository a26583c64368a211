"""Values of assertions: constants, or `{{references}}` that are filled in from the case.

A reference is a dotted name: `{{expected.city}}`, `{{vars.q}}`, `{{q}}`, `{{context}}`, `{{case.id}}`. Nothing is
evaluated and no attribute is read, so that a suite file or a case cannot run code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where, problem

Resolver = Callable[[Case], Any]

_PATH = re.compile(r"[^\W\d][\w-]*(\.[\w-]+)*")


class Unusable(Exception):  # noqa: N818 - reads as what it is
    """A value that cannot be judged by: an undefined reference, or a type that the assertion cannot use."""


def resolver(raw: Any, where: Where | None, quote: Callable[[str], str] = str) -> Resolver | None:
    """How to get a value for a case, or None where it holds no reference.

    raw: text, or lists and objects of text. quote: applied to what is filled into a longer text.
    Raises LlmgateError for a malformed reference.
    """
    if isinstance(raw, str):
        return _template(raw, where, quote)
    if isinstance(raw, Mapping):
        return _mapping(raw, where, quote)
    if isinstance(raw, (list, tuple)):
        return _list(raw, where, quote)
    return None


def as_text(value: Any) -> str:
    """A filled-in value as text: text as it is, numbers and the rest as JSON; null is unusable."""
    if isinstance(value, str):
        return value
    if value is None:
        raise Unusable("the value is null")
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        raise Unusable(f"the value is a {type(value).__name__}, which has no text form") from None


def _mapping(raw: Mapping[Any, Any], where: Where | None, quote: Callable[[str], str]) -> Resolver | None:
    inner = {key: resolver(item, where, quote) for key, item in raw.items()}
    if not any(inner.values()):
        return None
    return lambda case: {key: get(case) if (get := inner[key]) else item for key, item in raw.items()}


def _list(raw: Sequence[Any], where: Where | None, quote: Callable[[str], str]) -> Resolver | None:
    inner = [resolver(item, where, quote) for item in raw]
    if not any(inner):
        return None
    return lambda case: [get(case) if get else item for get, item in zip(inner, raw, strict=True)]


def _template(raw: str, where: Where | None, quote: Callable[[str], str]) -> Resolver | None:
    parts = list(_parts(raw, where))
    if not any(isinstance(part, Reference) for part in parts):
        return None
    if len(parts) == 1:
        only = parts[0]
        assert isinstance(only, Reference)
        return only.get  # a whole-value reference keeps its type
    return lambda case: "".join(part if isinstance(part, str) else quote(as_text(part.get(case))) for part in parts)


@dataclass(frozen=True, slots=True)
class Reference:
    """A dotted name."""

    path: tuple[str, ...]

    def get(self, case: Case) -> Any:
        """Its value in a case; raises Unusable where it is undefined."""
        found = _root(self.path[0], case)
        for step in self.path[1:]:
            found = _step(found, step)
            if found is _MISSING:
                break
        if found is _MISSING:
            raise Unusable(f"{'.'.join(self.path)!r} is undefined")
        return found


def _parts(raw: str, where: Where | None) -> Sequence[str | Reference]:
    """Split by hand: linear even for thousands of unclosed braces, which are plain text."""
    parts: list[str | Reference] = []
    at = 0
    while (start := raw.find("{{", at)) >= 0 and (end := raw.find("}}", start)) >= 0:
        name = raw[start + 2 : end].strip()
        if not _PATH.fullmatch(name):
            raise problem(
                "bad-reference",
                f"{{{{{name[:60]}}}}} is not a reference",
                where,
                "write a dotted name such as {{expected.city}}, {{vars.q}} or {{q}}; nothing else is evaluated",
            )
        parts += ([raw[at:start]] if start > at else []) + [Reference(tuple(name.split(".")))]
        at = end + 2
    if at < len(raw):
        parts.append(raw[at:])
    return parts


_MISSING: Any = object()


def _root(name: str, case: Case) -> Any:
    """What the first name stands for; the harness's own words come before the case's vars."""
    if name == "vars":
        return case.vars
    if name == "case":
        return {"id": case.id}
    if name in ("expected", "context"):
        given = case.expected if name == "expected" else case.context
        return _MISSING if given is None else given
    return case.vars.get(name, _MISSING)


def _step(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step, _MISSING)
    if isinstance(value, (list, tuple)) and step.isascii() and step.isdecimal() and len(step) < 10:
        place = int(step)
        return value[place] if place < len(value) else _MISSING
    return _MISSING
