"""What a failure most looks like: alternatives ranked by how likely they make what was seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pytest_llmgate.stats.shots.distances import rounded, tvd_interval
from pytest_llmgate.stats.shots.hypotheses import Alternative, Reference, tvd
from pytest_llmgate.stats.shots.rule import Floats, Ints, Seen

NEVER_REVEALED = 1e-9
"""An alternative whose TVD is below this has the reference's own distribution in this measurement."""

_CONFIDENCE = 0.95


def rank_causes(reference: Reference, alternatives: Sequence[Alternative], counts: Ints) -> list[dict[str, Any]]:
    """Alternatives that can explain the counts, the likeliest first: `name`, `kind`, `tvd`, `log10_ratio`.

    log10_ratio: of the likelihoods of alternative and reference; None where the reference excludes what was seen.
    Alternatives that exclude it, and those that this measurement never reveals, explain nothing and are left out.
    """
    base = log_likelihood(reference.p, counts)
    found = [
        (log_likelihood(other.p, counts), tvd(reference.p, other.p), other)
        for other in alternatives
        if tvd(reference.p, other.p) >= NEVER_REVEALED
    ]
    ranked = sorted((item for item in found if math.isfinite(item[0])), key=lambda item: (-item[0], item[2].name))
    return [
        {"name": other.name, "kind": other.kind, "tvd": rounded(distance), "log10_ratio": _log10(value - base)}
        for value, distance, other in ranked
    ]


def log_likelihood(p: Floats, counts: Ints) -> float:
    """Sum of c ln p; -inf where something was seen that p excludes."""
    seen = counts > 0
    if (p[seen] <= 0.0).any():
        return -math.inf
    return float(counts[seen] @ np.log(p[seen]))


def distance_figures(seen: Seen, p: Floats, *, looks: int = 1) -> dict[str, Any]:
    """`tvd` of what was seen, its `tvd_interval` at 95 % and the `confidence` of each of its two bounds.

    looks: how many totals the stream could stop at.
    """
    interval = tvd_interval(seen, p, confidence=_CONFIDENCE, looks=looks)
    each = 0.5 + 0.5 * _CONFIDENCE
    return {
        "tvd": rounded(tvd(seen.counts / max(1, seen.shots), p)),
        "tvd_interval": rounded(interval),
        "confidence": rounded((each, each)),
    }


def _log10(nats: float) -> float | None:
    found: float | None = rounded(nats / math.log(10.0))  # None where it is infinite
    return found
