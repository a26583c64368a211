"""What types share that judge several replies to one case together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_llmgate.core.errors import Where
from pytest_llmgate.core.observation import Observation
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.detectors.checks import bad_parameter, hole, shown

MOST_REPEATS = 20
USUAL_REPEATS = 3


def repeats_from(raw: Any, where: Where | None) -> int:
    """The replies of a group; raises LlmgateError for what is no such number."""
    if isinstance(raw, bool) or not isinstance(raw, int) or not 2 <= raw <= MOST_REPEATS:
        raise bad_parameter("repeats", f"{shown(raw)} is no whole number from 2 to {MOST_REPEATS}", where)
    return raw


def replies_of(seen: Sequence[Observation]) -> list[Reply] | str:
    """The replies of a group in their order, or which one is missing and why."""
    replies = [one.reply for one in seen if one.reply is not None]
    if len(replies) == len(seen):
        return replies
    place, missing = next((at, one) for at, one in enumerate(seen, start=1) if one.reply is None)
    return f"reply {place} of {len(seen)}: {hole(missing).reason}"
