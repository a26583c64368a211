"""`latency`: how long the attempt that answered took, without our own waiting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.markers import PERCENTILES
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.ports import Measure
from pytest_llmgate.detectors.checks import bad_parameter, hole, shown
from pytest_llmgate.detectors.share import Comparison

# parameter: success rates (good, bad) that it implies; max_ms takes the ordinary rates
_LIMITS: dict[str, tuple[float | None, float | None]] = {
    "p50_ms": (0.50, 0.40),
    "p95_ms": (0.95, 0.90),
    "p99_ms": (0.99, 0.98),
    "max_ms": (None, None),
    "threshold": (None, None),
}


@dataclass(frozen=True, slots=True)
class LatencyMeasure:
    """Good where the latency is at most `limit` milliseconds; a call that met its deadline was too slow."""

    limit: float

    def measure(self, case: Case, seen: Observation) -> Measurement:
        if seen.error is not None:
            if seen.error.kind == "timeout":
                return Measurement(False, None, f"no answer in time, limit {self.limit:g} ms")
            return hole(seen)
        if seen.latency_ms is None:
            return Measurement(None, None, "the latency was not measured")
        good = seen.latency_ms <= self.limit
        return Measurement(good, None, f"{seen.latency_ms:.1f} ms, {'within' if good else 'over'} {self.limit:g} ms")


class LatencyAssertion:
    """The assertion type `latency`, with exactly one limit in milliseconds."""

    keys = frozenset({*_LIMITS, "of", "max_increase", "baseline"})
    compares: ClassVar[Comparison] = Comparison("latency", 0.20)

    def rates(self, params: Mapping[str, Any]) -> tuple[float | None, float | None]:
        """Rates of a percentile: at p95_ms, 95 % within the limit is good and 90 % is bad."""
        given = [percentile(params)] if params.get("baseline") else _given(params)
        return _LIMITS[given[0]] if given else (None, None)

    def build(self, params: Mapping[str, Any], files: SuiteFiles, where: Where | None) -> Measure:
        """The measure; raises LlmgateError unless exactly one positive limit is given, or asked of a baseline.

        With `baseline` the limit is the baseline's percentile and `max_increase` more, which the plan fills in; until
        there is a baseline every latency is within it.
        """
        given = _given(params)
        if params.get("baseline") and not given:
            if percentile(params) not in PERCENTILES:
                raise bad_parameter("of", f"{shown(params['of'])} is no percentile", where, "write p50, p95 or p99")
            return LatencyMeasure(math.inf)
        strays = [name for name in ("of", "max_increase") if name in params and not params.get("baseline")]
        if strays:
            raise bad_parameter(strays[0], "it speaks of a baseline", where, "add baseline: true, or delete it")
        if not given:
            raise problem("missing-parameter", "latency has no limit", where, "add p95_ms: 500, or max_ms: 500")
        if len(given) > 1:
            raise bad_parameter(" and ".join(given), "one limit a gate", where, "write one latency gate for each")
        limit = params[given[0]]
        if isinstance(limit, bool) or not isinstance(limit, (int, float)) or not 0 < limit < float("inf"):
            raise bad_parameter(given[0], f"{shown(limit)} is not a positive number of milliseconds", where)
        return LatencyMeasure(float(limit))


def percentile(params: Mapping[str, Any]) -> str:
    """The percentile that is compared with a baseline, by the name of its limit: `p95_ms`."""
    return f"{params.get('of', 'p95')}_ms"


def _given(params: Mapping[str, Any]) -> list[str]:
    return [name for name in _LIMITS if params.get(name) is not None]


LATENCY = LatencyAssertion()
