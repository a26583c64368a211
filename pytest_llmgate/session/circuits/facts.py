"""What a report says of a circuit test as a whole."""

from __future__ import annotations

from typing import Any

from pytest_llmgate.core.codec import plain
from pytest_llmgate.quantum.canonical import circuit_digest
from pytest_llmgate.quantum.lab import Lab
from pytest_llmgate.quantum.shape import drawing, shape_of
from pytest_llmgate.session.circuits.outline import Outline, job_of

_WIDTH = 100  # columns of a drawing


def facts_of(made: Outline, lab: Lab) -> dict[str, Any]:
    """Digest, shape, drawing, backend, noise and method of the first arm; the others differ in values only."""
    plan, first = made.plan, made.arms[0]
    assert plan.circuit is not None
    described = lab.describe(job_of(plan, first.circuit, first.arm))
    return {
        "digest": circuit_digest(first.logical),
        "shape": plain(shape_of(first.logical)),
        "drawing": drawing(first.logical, width=_WIDTH),
        "source": plan.circuit.source,
        "backend": plan.circuit.backend.provider,
        "device": plan.circuit.backend.name or plan.circuit.backend.options.get("target"),
        "described": dict(described),
        "arms": [arm.arm.id for arm in made.arms],
        "shots_ceiling": plan.circuit.shots,
    }
