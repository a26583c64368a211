"""`finish-reason`: why the model stopped, as the provider says it."""

from __future__ import annotations

from typing import Any

from pytest_llmgate.core.observation import Measurement
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.checks import Check, ValueAssertion, shown
from pytest_llmgate.detectors.values import Unusable


def make(value: Any) -> Check:
    """The finish reason is the given one, or one of a list."""
    wanted = (value,) if isinstance(value, str) else value
    if not isinstance(wanted, (list, tuple)) or not wanted or not all(isinstance(w, str) and w for w in wanted):
        raise Unusable(f"{shown(value)} is not a finish reason or a list of them, such as stop or [stop, length]")
    allowed = frozenset(wanted)

    def check(reply: Reply) -> Measurement:
        if reply.finish_reason is None:
            return Measurement(None, None, "the provider gave no finish reason")
        good = reply.finish_reason in allowed
        return Measurement(good, None, f"finish reason {shown(reply.finish_reason)}")

    return check


FINISH_REASON = ValueAssertion(make)
