"""How surely a circuit with one known fault fails, by how many shots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytest_llmgate.stats.shots.hypotheses import Alternative
from pytest_llmgate.stats.shots.identity import IdentityRule
from pytest_llmgate.stats.shots.rule import Floats
from pytest_llmgate.stats.shots.walks import Walk, walk


class Catch(NamedTuple):
    """One declared alternative on its way to a failure.

    walk, height: its own term of the evidence, which is taken to be the one that catches it, and where it has. let_by:
    about the probability that its own likelihood ratio ever rules it out.
    """

    walk: Walk
    height: float
    let_by: float

    def arrived(self, shots: int) -> float:
        """About the probability that the evidence is there by so many shots."""
        return self.walk.arrived(shots, self.height)

    def power(self, shots: int) -> float:
        """About the probability that it fails by so many shots; by few of them rather too low."""
        return max(0.0, self.arrived(shots) - self.let_by)


def catches(rule: IdentityRule) -> Sequence[tuple[Alternative, Catch]]:
    """The declared alternatives of a rule, in its order. Normal approximations, see `walks.Walk.arrived`."""
    weights = np.exp(rule.process.log_weights[: len(rule.declared)])
    return [(other, _catch(rule, other.p, float(weight))) for other, weight in zip(rule.declared, weights, strict=True)]


def _catch(rule: IdentityRule, q: Floats, weight: float) -> Catch:
    height = -math.log(rule.sequential_alpha * weight)
    return Catch(walk(q, q, rule.reference.p), height, _let_by(rule, q))


def _let_by(rule: IdentityRule, q: Floats) -> float:
    """1 / beta with its overshoot."""
    back = walk(q, rule.reference.p, q)
    return math.exp(-back.raised(-math.log(rule.beta))) if back.sigma > 0.0 else 0.0
