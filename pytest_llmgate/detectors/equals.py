"""`equals`: the reply is exactly a text, or the same JSON value."""

from __future__ import annotations

from typing import Any

from pytest_llmgate.core.observation import Measurement
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors import jsontext
from pytest_llmgate.detectors.checks import Check, ValueAssertion, shown, two_sided
from pytest_llmgate.detectors.values import Unusable


def make(value: Any) -> Check:
    """Text is compared with the text, character by character; any other value as JSON."""
    return _same_text(value) if isinstance(value, str) else _same_json(value)


def _same_text(wanted: str) -> Check:
    good, bad = two_sided(f"equals {shown(wanted)}", f"does not equal {shown(wanted)}")
    return lambda reply: good if reply.text == wanted else bad


def _same_json(wanted: Any) -> Check:
    try:
        wanted = jsontext.parse(jsontext.dump(wanted))
    except jsontext.NotJson as fault:
        raise Unusable(f"it is not a JSON value ({fault}); quote it to compare text") from None
    good, bad = two_sided(f"equals the JSON value {shown(wanted)}", f"does not equal the JSON value {shown(wanted)}")

    def check(reply: Reply) -> Measurement:
        try:
            found = jsontext.parse(reply.text if reply.data is None else jsontext.dump(reply.data))
        except jsontext.NotJson as fault:
            return Measurement(False, None, f"the reply is not JSON: {fault}")
        try:
            return good if jsontext.equal(found, wanted) else bad
        except RecursionError:
            return Measurement(False, None, "the reply is nested too deeply to compare")

    return check


EQUALS = ValueAssertion(make)
