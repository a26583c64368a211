"""How a device scattered around what the simulator expects of it, beside the facts of its circuit."""

from __future__ import annotations

from typing import Any

from pytest_llmgate.core.circuit import arm_labels
from pytest_llmgate.engine.circuit_stream import CircuitStream
from pytest_llmgate.session.circuits.question import Brief
from pytest_llmgate.stats.shots.dispersion import HardwareVariance, hardware_variance


def facts_at_end(stream: CircuitStream, brief: Brief) -> dict[str, Any]:
    """The facts of a test whose stream is done; of a device with the variance of its jobs, arm by arm."""
    facts = dict(brief.facts)
    found = []
    for place, (expected, label) in enumerate(zip(brief.simulated, arm_labels(stream.arms), strict=False)):
        jobs = stream.jobs(place)
        if expected is not None and jobs:
            found.append({"arm": label, **_row(hardware_variance(expected, jobs))})
    return {**facts, "variance": found} if found else facts


def _row(found: HardwareVariance) -> dict[str, Any]:
    """The index of dispersion around the simulator's expectation, and between the jobs; 1 is shot noise alone."""
    return {
        "jobs": found.chunks,
        "shots": found.shots,
        "overall": found.overall.index,
        "overall_interval": found.overall.interval,
        "between": None if found.between is None else found.between.index,
        "between_interval": None if found.between is None else found.between.interval,
        "unexpected": found.unexpected,
        "confidence": found.confidence,
    }
