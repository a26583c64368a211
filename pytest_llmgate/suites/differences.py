"""How two values, or two texts, differ, in a few words; where words do not do, line by line."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

_SHORT = 120
_MOST_LINES = 200


class Missing:
    """The type of what is not there, which is not the same as a written `null`."""


MISSING = Missing()


class Difference(NamedTuple):
    """A value that differs. path: the keys that lead to it."""

    path: tuple[str, ...]
    was: Any
    now: Any

    @property
    def words(self) -> str:
        """`noise: brisbane → torino`; of long values a unified diff below the key."""
        key, was, now = ".".join(self.path), shown(self.was), shown(self.now)
        if was == now:  # such as 1 and "1"
            was, now = _json(self.was), _json(self.now)
        if max(len(was), len(now)) <= _SHORT and "\n" not in was + now:
            return f"{key}: {was} → {now}"
        return f"{key}:\n{unified(_lines_of(self.was), _lines_of(self.now))}"


def differences(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[Difference]:
    """What differs between two values, key by key within mappings. A list, or a text, is one value."""
    if old == new:
        return
    if not (isinstance(old, (Mapping, Missing)) and isinstance(new, (Mapping, Missing))):
        yield Difference(path, old, new)
        return
    was, now = (value if isinstance(value, Mapping) else {} for value in (old, new))
    keys = (*was, *(key for key in now if key not in was))
    below = [differences(was.get(key, MISSING), now.get(key, MISSING), (*path, str(key))) for key in keys]
    yield from chain(*below) if below else [Difference(path, old, new)]  # an empty mapping came, or went


def shown(value: Any) -> str:
    """A value as one would write it; a plain text without quotes."""
    if isinstance(value, Missing):
        return "not given"
    return value if isinstance(value, str) and value.strip() else _json(value)


def unified(old: str | None, new: str | None) -> str:
    """A unified diff of two texts, cut at some length; None is no text."""
    was, now = ((text or "").splitlines() for text in (old, new))
    lines = list(difflib.unified_diff(was, now, "before", "now", lineterm="", n=2))
    more = [f"… {len(lines) - _MOST_LINES} more lines"] if len(lines) > _MOST_LINES else []
    return "\n".join([*lines[:_MOST_LINES], *more])


def counted_lines(old: str | None, new: str | None) -> str:
    """How many lines of a file are other ones: `2 lines changed, 1 line more`; empty where only empty ones are."""
    was, now = (Counter(line for line in (text or "").splitlines() if line.strip()) for text in (old, new))
    gone, come = (was - now).total(), (now - was).total()
    both = min(gone, come)
    found = ((both, "changed"), (come - both, "more"), (gone - both, "fewer"))
    return ", ".join(f"{number} line{'s' if number > 1 else ''} {what}" for number, what in found if number)


def _lines_of(value: Any) -> str:
    if isinstance(value, Missing):
        return ""
    return value if isinstance(value, str) else _json(value, indent=2)


def _json(value: Any, indent: int | None = None) -> str:
    if isinstance(value, Missing):
        return "not given"
    return json.dumps(value, ensure_ascii=False, default=str, skipkeys=True, indent=indent)
