"""`regex`: a pattern that is found somewhere in the reply, in the linear-time language of RE2."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pytest_llmgate.core.observation import Measurement
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.checks import Check, ValueAssertion, shown, two_sided
from pytest_llmgate.detectors.values import Unusable

MAX_PATTERN = 2000  # characters


def make(value: Any) -> Check:
    """The pattern is found in the reply (search, not full match)."""
    if not isinstance(value, str) or not value:
        raise Unusable(f"{shown(value)} is not a pattern")
    if len(value) > MAX_PATTERN:
        raise Unusable(f"the pattern has {len(value)} characters, more than {MAX_PATTERN}")
    search = compiled(value).search
    good, bad = two_sided(f"matches {shown(value)}", f"does not match {shown(value)}")

    def check(reply: Reply) -> Measurement:
        return good if search(encodable(reply.text)) else bad

    return check


def quote(text: str) -> str:
    """A case's text inside a longer pattern stands for itself."""
    return str(_re2().escape(text))


def _re2() -> Any:
    """Loaded at first use; it caches compiled patterns itself."""
    return import_module("re2")


def compiled(pattern: str) -> Any:
    """A pattern of RE2; raises Unusable for what it does not take."""
    re2 = _re2()
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(encodable(pattern), options)
    except re2.error as fault:
        text = fault.args[0] if fault.args else fault
        said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        raise Unusable(
            f"the pattern {shown(pattern)} is not RE2: {said}; RE2 has no backreferences and no lookaround"
        ) from None


def encodable(text: str) -> str:
    """RE2 works on UTF-8, which has no lone surrogates; they are judged as question marks."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


REGEX = ValueAssertion(make, quote)
