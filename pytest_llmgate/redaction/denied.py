"""Finds what a project itself calls private: texts of a deny-list, and patterns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.private_kinds import DENIED
from pytest_llmgate.redaction.finds import COVER, Find

Finder = Callable[[str], Iterator[Find]]

_MEMORY = 64 << 20  # bytes of RE2's automaton, for lists of thousands of names


def deny_finder(texts: Sequence[str], patterns: Sequence[str]) -> Finder | None:
    """Finds the texts, as whole words in any case and with any white space, and the patterns; None for neither.

    Raises LlmgateError for a pattern that is not RE2 or that matches nothing at all everywhere.
    """
    compiled = [_compiled(pattern) for pattern in patterns]
    if texts:
        # The longest comes first, so that "Ann" does not leave "Marie" of "Ann Marie" behind.
        ordered = sorted(texts, key=len, reverse=True)
        compiled.insert(0, _compiled("(?i)(?:" + "|".join(map(_whole_words, ordered)) + ")"))
    if not compiled:
        return None

    def find(text: str) -> Iterator[Find]:
        plain = _encodable(text)
        for pattern in compiled:
            for found in pattern.finditer(plain):
                yield from _uncovered(text, *found.span())

    return find


def _uncovered(text: str, start: int, end: int) -> Iterator[Find]:
    """A find without what is covered already, which a pattern such as `.+` runs over."""
    for part in text[start:end].split(COVER):
        if part:
            yield Find(start, start + len(part), DENIED)
        start += len(part) + 1


def _whole_words(text: str) -> str:
    re2 = import_module("re2")
    words = r"\s+".join(str(re2.escape(word)) for word in text.split())
    first, last = text.strip()[0], text.strip()[-1]
    # RE2 knows word boundaries between ASCII letters only.
    return (r"\b" if _is_word(first) else "") + words + (r"\b" if _is_word(last) else "")


def _is_word(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")


def _compiled(pattern: str) -> Any:
    re2 = import_module("re2")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    hint = "RE2 has no backreferences and no lookaround"
    try:
        compiled = re2.compile(_encodable(pattern), options)
    except re2.error as fault:
        said = fault.args[0] if fault.args else fault
        why = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise problem("bad-option", f"deny_patterns: {pattern[:80]!r} is not RE2: {why}", None, hint) from None
    if compiled.search(""):
        raise problem(
            "bad-option", f"deny_patterns: {pattern[:80]!r} matches an empty text", None, "say what is private"
        )
    return compiled


def _encodable(text: str) -> str:
    """RE2 works on UTF-8, which has no lone surrogates; one character stays one."""
    if text.isascii():
        return text
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
