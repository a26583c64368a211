"""Finds API keys, tokens and passwords by their issuers' prefixes and by the names they are given."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from math import log2

from pytest_llmgate.redaction.finds import SECRET, Find

# Every pattern starts at a literal, and at one place of a run of word characters only, so that the time is
# linear in the text. A body without a digit is a word, such as sk-learn-compatible-estimators.
_PREFIXED = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-[\w-]{16,}|[srp]k_(?:live|test)_\w{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|"
    r"A[KS]IA[0-9A-Z]{16}(?![0-9A-Za-z])|AIza[\w-]{30,}|xox[abeoprs]-[\w-]{10,}|hf_\w{20,}|gsk_\w{20,})",
    re.ASCII,
)
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{5,}+\.eyJ[\w-]{5,}+\.[\w-]{5,}+", re.ASCII)
_BEARER = re.compile(
    r"\b(?:bearer|authorization[\"']?[ \t]{0,2}[:=][ \t]{0,2}[\"']?basic)[ \t]{1,4}([\w.~+/=-]{16,})",
    re.ASCII | re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?:api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|token|secret|password|passwd|credential)"
    r"\\?[\"']?[ \t]{0,3}[:=][ \t]{0,3}\\?[\"']?([\w+/.=~!$%^&*-]{12,})",
    re.ASCII | re.IGNORECASE,
)
_LEAST_ENTROPY = 3.0  # bits a character; English words joined by dashes stay without digits


def find_secrets(text: str) -> Iterator[Find]:
    """Keys and tokens in a text."""
    if _hints_at_prefix(text):
        yield from _found(_PREFIXED, 0, text)
    if "eyJ" in text:
        yield from (Find(found.start(), found.end(), SECRET) for found in _JWT.finditer(text))
    lowered = text.lower()
    if "bearer" in lowered or "basic" in lowered:
        yield from _found(_BEARER, 1, text)
    if _hints_at_name(lowered):
        yield from (find for find in _found(_NAMED, 1, text) if _is_random(text[find.start : find.end]))


# Written out: substring tests are ten times cheaper than a pattern or a loop, and most replies hold no secret.
def _hints_at_prefix(text: str) -> bool:
    return (
        ("-" in text and ("sk-" in text or "glpat-" in text or "xox" in text))
        or ("_" in text and ("gh" in text or "hf_" in text or "gsk_" in text or "k_live_" in text or "k_test_" in text))
        or "KIA" in text
        or "SIA" in text
        or "AIza" in text
    )


def _hints_at_name(lowered: str) -> bool:
    return (
        "key" in lowered or "token" in lowered or "secret" in lowered or "passw" in lowered or "credential" in lowered
    )


def _found(pattern: re.Pattern[str], group: int, text: str) -> Iterator[Find]:
    for found in pattern.finditer(text):
        body = found[group]
        if any(map(str.isdecimal, body)) and any(map(str.isalpha, body)):
            yield Find(*found.span(group), SECRET)


def _is_random(body: str) -> bool:
    """Whether the characters vary as those of a generated secret do."""
    counts, size = Counter(body[:256]).values(), min(len(body), 256)
    return -sum(count / size * log2(count / size) for count in counts) >= _LEAST_ENTROPY
