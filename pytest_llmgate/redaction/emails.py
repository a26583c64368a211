"""Finds e-mail addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_llmgate.redaction.finds import EMAIL, Find

# Searched from the @ outwards: a pattern that begins with the local part is quadratic on long runs of letters.
_AT = re.compile(r"(?<=[\w.%+-])@(?=\w)")
_LOCAL_BACKWARDS = re.compile(r"[\w.%+-]+")
_TOP = re.compile(r"(?:[\w-]{1,63}\.){1,20}[^\W\d_]{2,63}")


def find_emails(text: str) -> Iterator[Find]:
    """E-mail addresses in a text."""
    left = 0
    for at in _AT.finditer(text):
        place = at.start()
        local = _LOCAL_BACKWARDS.match(text[left:place][::-1])
        domain = _TOP.match(text, place + 1)
        if local and domain:
            yield Find(place - local.end(), domain.end(), EMAIL)
        left = place + 1
