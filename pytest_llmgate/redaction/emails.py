"""Finds e-mail addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_llmgate.core.private_kinds import EMAIL
from pytest_llmgate.redaction.finds import Find

# Searched from the @ outwards: a pattern that begins with the local part is quadratic on long runs of letters.
_AT = re.compile(r"@(?=[\w\[])")
_AT_ENCODED = re.compile(r"@(?=[\w\[])|%40(?=\w)")
_LOCAL_BACKWARDS = re.compile(r"[\w.%+'-]+")
_TOP = re.compile(r"(?:[\w-]{1,63}\.){1,20}[^\W\d_]{2,63}|\[[0-9a-fA-F.:]{3,45}\]")


def find_emails(text: str) -> Iterator[Find]:
    """E-mail addresses in a text, also where their @ is written as `%40` in a web address."""
    left = 0
    for at in (_AT_ENCODED if "%40" in text else _AT).finditer(text):
        place = at.start()
        local = _LOCAL_BACKWARDS.match(text[left:place][::-1])
        domain = _TOP.match(text, at.end())
        if local and domain:
            size = len(local[0].rstrip("'"))
            if size:
                yield Find(place - size, domain.end(), EMAIL)
        left = at.end()
