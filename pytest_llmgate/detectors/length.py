"""`min-length` and `max-length`: the number of characters (Unicode code points) of the reply."""

from __future__ import annotations

from typing import Any

from pytest_llmgate.core.observation import Measurement
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.checks import Check, ValueAssertion, shown
from pytest_llmgate.detectors.values import Unusable


def make_min(value: Any) -> Check:
    """At least so many characters."""
    limit = _count(value, least=1)

    def check(reply: Reply) -> Measurement:
        size = len(reply.text)
        if size >= limit:
            return Measurement(True, None, f"{size} characters, at least {limit}")
        return Measurement(False, None, f"{size} characters, fewer than {limit}")

    return check


def make_max(value: Any) -> Check:
    """At most so many characters."""
    limit = _count(value, least=0)

    def check(reply: Reply) -> Measurement:
        size = len(reply.text)
        if size <= limit:
            return Measurement(True, None, f"{size} characters, at most {limit}")
        return Measurement(False, None, f"{size} characters, more than {limit}")

    return check


def _count(value: Any, least: int) -> int:
    """Cases from CSV files hold numbers as text, so that digits are a number too."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise Unusable(f"{shown(value)} is not a whole number of at least {least}")
    return value


MIN_LENGTH = ValueAssertion(make_min)
MAX_LENGTH = ValueAssertion(make_max)
