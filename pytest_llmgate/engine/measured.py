"""What measures answer, as it is written down: a measure that breaks leaves a hole and never passes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from pytest_llmgate.core.functions import message_of
from pytest_llmgate.core.observation import Measurement, Span

_MOST_FIELDS = 100
_LONGEST_FIELD = 200
_MOST_SPANS = 20
_LONGEST_SPAN = 60
_LONGEST_EVIDENCE = 200


def clean(found: Measurement) -> Measurement:
    """A measurement with yes, no or unknown and parts of a bounded size. Raises for what is none."""
    if type(found) is not Measurement:
        found = Measurement(*found)
    good, score, reason, fields, spans = found
    known = (good is None or good is True or good is False) and type(reason) is str
    if known and score is None and fields is None and not spans:
        return found  # nearly always, and this is on the path of every trial
    if not known and good is not None:
        good = _as_bool(good)
    score = None if score is None else float(score)
    return Measurement(good, score, str(reason), _parts(fields), tuple(map(_span, spans[:_MOST_SPANS])))


def broken(fault: Exception) -> Measurement:
    """The hole that a measure leaves that raised."""
    return Measurement(None, None, f"the measure raised {type(fault).__name__}: {message_of(fault)}")


def _parts(fields: Mapping[str, bool | None] | None) -> dict[str, bool | None] | None:
    """Fields as they are written down: a bounded number of them, each with yes, no or unknown."""
    if fields is None:
        return None
    return {
        str(path)[:_LONGEST_FIELD]: agrees if agrees is None else _as_bool(agrees)
        for path, agrees in islice(fields.items(), _MOST_FIELDS)
    }


def _span(found: Span) -> Span:
    """A span of a bounded size; raises for what has no place."""
    start, end, text, says, evidence = found
    if not 0 <= start < end:
        raise ValueError(f"a span goes from {start} to {end}")
    return Span(
        int(start), int(end), str(text)[:_LONGEST_SPAN], str(says)[:_LONGEST_SPAN], str(evidence)[:_LONGEST_EVIDENCE]
    )


def _as_bool(good: object) -> bool:
    """A numpy bool as ours; a text such as "no" must not count as good."""
    if type(good) is bool:
        return good
    if type(good).__name__ in ("bool", "bool_") and hasattr(good, "dtype"):
        return bool(good)
    raise TypeError(f"good is {good!r}, not True, False or None")
