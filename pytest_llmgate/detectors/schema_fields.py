"""Which fields of a JSON reply agree with its schema, and which do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

MAX_LENGTH = 200  # characters of one violation
MAX_FIELDS = 100  # of one reply; a reply that invents keys must not fill the report
MAX_DEPTH = 8
_LONGEST_KEY = 40

Path = tuple[str | int, ...]


class Fault(NamedTuple):
    """One violation. path: of the value that is wrong. keys: those of it that are missing, or too many."""

    path: Path
    message: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return cut(f"{pointer(self.path)}: {self.message}")


def cut(text: str) -> str:
    """A sentence of bounded length."""
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + "…"


def pointer(path: Iterable[str | int]) -> str:
    """A place inside a JSON value, as in `$.items[0].name`."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def agreement(value: Any, faults: Iterable[Fault]) -> dict[str, bool]:
    """Whether each field of a value agrees, by its name as in `$.items[].name`; `$` is the value itself.

    Counted are fields that are there, and those that a fault says are missing. Elements of a list are one field: it
    agrees if it does in all of them. A fault counts for the very field that is wrong, not for those around it.
    """
    found: dict[str, bool] = {}
    for path in _paths(value, (), 0):
        if len(found) < MAX_FIELDS:
            found.setdefault(field_name(path), True)
    for fault in faults:
        for name in _wrong(fault):
            if name in found or len(found) < MAX_FIELDS:
                found[name] = False
    return found


def field_name(path: Iterable[str | int]) -> str:
    """The name of a field over all replies: keys as written, cut, and no places in lists."""
    return "$" + "".join("[]" if isinstance(step, int) else f".{step[:_LONGEST_KEY]}" for step in path)


def _wrong(fault: Fault) -> list[str]:
    if fault.keys:
        return [field_name((*fault.path, key)) for key in fault.keys[:MAX_FIELDS]]
    return [field_name(fault.path)]


def _paths(value: Any, path: Path, depth: int) -> Iterator[Path]:
    yield path
    if depth >= MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _paths(item, (*path, str(key)), depth + 1)
    elif isinstance(value, list):
        for place, item in enumerate(value[:MAX_FIELDS]):
            if isinstance(item, (dict, list)):
                yield from _paths(item, (*path, place), depth + 1)
