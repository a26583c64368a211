"""What an assertion means where its keys are left out, so that two versions can be compared as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_llmgate.stats.against import RUNAWAY_POINTS
from pytest_llmgate.stats.runaways import DEFAULT_FACTOR
from pytest_llmgate.suites.against import POINTS
from pytest_llmgate.suites.rates import GOOD

RATES = ("min_rate", "max_rate", "bad_rate", "zero_tolerance")
HIGHER = (
    "max_flag_rate", "bad_flag_rate", "beta", "max_increase", "max_increase_points", "max_tvd", "bad_tvd",
    "p50_ms", "p95_ms", "p99_ms", "max_ms", "max_usd", "threshold", "runaway_factor", "runaway_points", "max_risk",
)  # fmt: skip
"""Keys of which a larger figure lets more pass."""
_USUAL: Mapping[str, Any] = {
    "beta": 0.05, "max_increase": "10%", "max_increase_points": POINTS,
    "runaway_factor": DEFAULT_FACTOR, "runaway_points": RUNAWAY_POINTS,
}  # fmt: skip
_USUAL_OF_LATENCY = {"max_increase": "20%"}
ELSE_NONE = frozenset({"max_tvd"})
"""Keys without which nothing is tolerated: to write one is to let more pass."""

_UNRATED = frozenset({"cost-regression", "distribution", "equivalent", "expectation", "hallucination"})
_STRICT = frozenset({"safety", "moderation"})
_PERCENTILES = {"p50_ms": (0.50, 0.60), "p95_ms": (0.05, 0.10), "p99_ms": (0.01, 0.02)}
_STRICT_BAD = 0.01
_DUST = 1e-9
_NUMBER = re.compile(r"\s*([0-9.]+)\s*%?\s*")


def usual(gate: Mapping[str, Any], key: str) -> Any:
    """The figure that a key has where it is not written; None where it has none."""
    found = _USUAL.get(key)
    return _USUAL_OF_LATENCY.get(key, found) if gate.get("type") == "latency" else found


def looser_rates(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Whether more failures are still good, or may pass as such, each with its key and its words."""
    was, now = _rates(old), _rates(new)
    if was is None or now is None:
        return
    if old.get("zero_tolerance") is True and new.get("zero_tolerance") is not True and now[0] > 0.0:
        yield "zero_tolerance", "zero_tolerance is gone"
    elif now[0] > was[0] + _DUST:
        key = "max_rate" if "max_rate" in new else "min_rate"
        before, after = _limit(old), _limit(new)
        same = before[0] == after[0]
        yield key, f"{before[0]}: {before[1]} → {after[1] if same else ': '.join(after)}"
    if now[1] > was[1] + _DUST and ("bad_rate" in old or "bad_rate" in new):
        yield "bad_rate", f"bad_rate: {_bad(old, was[1])} → {_bad(new, now[1])}"


def _rates(gate: Mapping[str, Any]) -> tuple[float, float] | None:
    """Shares of failures that are still good, and that must be caught; None where it asks for no rate."""
    kind = str(gate.get("type")).removeprefix("not-")
    if kind in _UNRATED or gate.get("baseline") is True:
        return None
    strict = gate.get("zero_tolerance") is True or kind in _STRICT
    named = next((_PERCENTILES[key] for key in _PERCENTILES if key in gate), None)
    least, most, bad = (figure(gate.get(key)) for key in ("min_rate", "max_rate", "bad_rate"))
    good = 1 - least if least is not None else most if most is not None else None
    if bad is not None and most is None:
        bad = 1 - bad
    if good is None:
        good, usual = (0.0, _STRICT_BAD) if strict else named or (1 - GOOD, 2 * (1 - GOOD))
        return good, usual if bad is None else bad
    return good, (2 * good or _STRICT_BAD) if bad is None else bad


def _limit(gate: Mapping[str, Any]) -> tuple[str, str]:
    """The key that says what is still good, with its figure."""
    key = next((key for key in ("min_rate", "max_rate") if key in gate), None)
    return (key, str(gate[key])) if key else ("min_rate", "not given")


def _bad(gate: Mapping[str, Any], share: float) -> str:
    if "bad_rate" in gate:
        return str(gate["bad_rate"])
    return f"not given ({share if 'max_rate' in gate else 1 - share:.4g})"


def more(low: Any, high: Any) -> bool:
    """Whether the second of two written figures is larger; False where one of them is none."""
    first, second = figure(low), figure(high)
    return first is not None and second is not None and second > first


def figure(value: Any) -> float | None:
    """A written figure; percent signs are passed over, as two figures of one key are compared."""
    if isinstance(value, bool) or value is None:
        return None
    written = _NUMBER.fullmatch(str(value))
    try:
        return float(written[1]) if written else None
    except ValueError:
        return None
