"""Structured replies, compared field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors import jsontext

_PROSE = 4  # words from which a text is prose: compared as text, not letter by letter
_MISSING = object()


class Field(NamedTuple):
    """A field of several objects. agreement: share of pairs with equal values, a missing value being one; None for
    prose, whose texts are in `texts`."""

    path: str
    agreement: float | None
    texts: tuple[str, ...] = ()


def objects_of(replies: Sequence[Reply]) -> list[Any] | None:
    """The objects of replies that are all JSON objects or lists; None where one is not."""
    found = []
    for reply in replies:
        try:
            value = jsontext.parse(reply.text if reply.data is None else jsontext.dump(reply.data))
        except jsontext.NotJson:
            return None
        if not isinstance(value, (dict, list)):
            return None
        found.append(value)
    return found


def compare(objects: Sequence[Any]) -> list[Field]:
    """All fields of at least two objects in the order of their paths, as JSON pointers."""
    flat = [dict(_leaves(value)) for value in objects]
    paths = sorted({path for leaves in flat for path in leaves})
    return [_field(path, [leaves.get(path, _MISSING) for leaves in flat]) for path in paths]


def _field(path: str, values: Sequence[Any]) -> Field:
    texts = tuple(value for value in values if isinstance(value, str))
    if len(texts) == len(values) and max(len(text.split()) for text in texts) >= _PROSE:
        return Field(path, None, texts)
    pairs = [(one, other) for place, one in enumerate(values) for other in values[place + 1 :]]
    return Field(path, sum(_equal(one, other) for one, other in pairs) / len(pairs))


def _equal(one: Any, other: Any) -> bool:
    if one is _MISSING or other is _MISSING:
        return one is other
    if isinstance(one, str) and isinstance(other, str):
        return " ".join(one.casefold().split()) == " ".join(other.casefold().split())
    return jsontext.equal(one, other)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Scalars with their paths; an empty object or list is a scalar too."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from _leaves(item, f"{path}/{place}")
    else:
        yield path or "/", value
