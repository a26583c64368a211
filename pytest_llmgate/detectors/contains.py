"""`contains`, `icontains`, `contains-any`, `contains-all`: texts that stand in the reply."""

from __future__ import annotations

from typing import Any

from pytest_llmgate.core.observation import Measurement
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.checks import Check, ValueAssertion, shown, two_sided
from pytest_llmgate.detectors.values import Unusable, as_text


def make_contains(value: Any) -> Check:
    """The text stands in the reply, upper and lower case told apart."""
    needle = _needle(value)
    good, bad = two_sided(f"contains {shown(needle)}", f"does not contain {shown(needle)}")
    return lambda reply: good if needle in reply.text else bad


def make_icontains(value: Any) -> Check:
    """The text stands in the reply, whatever the case of the letters."""
    needle = _needle(value)
    folded = needle.casefold()
    good, bad = two_sided(f"contains {shown(needle)} in some case", f"does not contain {shown(needle)} in any case")
    return lambda reply: good if folded in reply.text.casefold() else bad


def make_contains_any(value: Any) -> Check:
    """At least one of the texts stands in the reply."""
    needles = _needles(value)
    bad = Measurement(False, None, f"contains none of {shown(list(needles))}")

    def check(reply: Reply) -> Measurement:
        for needle in needles:
            if needle in reply.text:
                return Measurement(True, None, f"contains {shown(needle)}")
        return bad

    return check


def make_contains_all(value: Any) -> Check:
    """All of the texts stand in the reply."""
    needles = _needles(value)
    good = Measurement(True, None, f"contains all of {shown(list(needles))}")

    def check(reply: Reply) -> Measurement:
        for needle in needles:
            if needle not in reply.text:
                return Measurement(False, None, f"does not contain {shown(needle)}")
        return good

    return check


def _needle(value: Any) -> str:
    if isinstance(value, (list, dict, tuple, bool)):
        raise Unusable(f"{shown(value)} is not a text or a number; quote it, or use contains-any for a list")
    needle = as_text(value)
    if not needle:
        raise Unusable("the empty text stands in every reply")
    return needle


def _needles(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not value:
        raise Unusable(f"{shown(value)} is not a list with at least one text")
    return tuple(_needle(item) for item in value)


CONTAINS = ValueAssertion(make_contains)
ICONTAINS = ValueAssertion(make_icontains)
CONTAINS_ANY = ValueAssertion(make_contains_any)
CONTAINS_ALL = ValueAssertion(make_contains_all)
