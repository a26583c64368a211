"""Strict JSON: what every conforming parser reads the same way, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


class NotJson(ValueError):  # noqa: N818 - reads as what it is
    """Text that is not strict JSON; the message says why."""


def parse(text: str) -> Any:
    """The value of a JSON text; surrounding whitespace is allowed.

    Raises NotJson also for what parsers disagree on: NaN and Infinity, duplicate keys, lone surrogates.
    """
    return _strict(text, _DECODER.decode)


def parse_at(text: str, start: int) -> Any:
    """The value that begins at a place of a text, whatever follows it; raises NotJson."""
    return _strict(text, lambda whole: _DECODER.raw_decode(whole, start)[0])


def dump(data: Any) -> str:
    """The JSON text of a subject's object; raises NotJson for what JSON cannot say."""
    try:
        return json.dumps(data, allow_nan=False)
    except RecursionError:
        raise NotJson("nested too deeply") from None
    except (TypeError, ValueError) as fault:
        raise NotJson(str(fault)) from None


def _strict(text: str, decode: Callable[[str], Any]) -> Any:
    try:
        value = decode(text)
        _refuse_surrogates(text, value)
    except json.JSONDecodeError as fault:
        raise NotJson(f"{fault.msg} at line {fault.lineno}, column {fault.colno}") from None
    except RecursionError:
        raise NotJson("nested too deeply") from None
    except UnicodeEncodeError:
        raise NotJson("it holds a lone surrogate") from None
    except NotJson:
        raise
    except ValueError:  # an integer of more digits than Python converts
        raise NotJson("it holds a number of too many digits") from None
    return value


def equal(left: Any, right: Any) -> bool:
    """Equality of JSON values: 1 equals 1.0, but true does not equal 1, and text equals only text."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(item, right[key]) for key, item in left.items())
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(equal, left, right))
    return bool(left == right)


def _refuse_surrogates(text: str, value: Any) -> None:
    if not text.isascii():
        text.encode()
    if "\\ud" in text or "\\uD" in text:
        json.dumps(value, ensure_ascii=False).encode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise NotJson(f"the key {twice[:60]!r} stands twice in one object")
    return found


def _constant(word: str) -> Any:
    raise NotJson(f"{word} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
