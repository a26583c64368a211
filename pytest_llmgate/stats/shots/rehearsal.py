"""A gate rehearsed on simulated good circuits: how many shots a pass takes, and whether it comes at all."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pytest_llmgate.stats.shots.identity import IdentityRule
from pytest_llmgate.stats.shots.montecarlo import generator

_PURPOSE = 6
_MOST, _FEWEST, _CELLS = 600, 40, 1 << 16  # streams: fewer where there are many outcomes


class Rehearsal(NamedTuple):
    """Result of `rehearse`. shots: mean of a good circuit's stream. passes: part of them that pass by the ceiling."""

    shots: float
    passes: float


def rehearse(rule: IdentityRule) -> Rehearsal:
    """Good streams until they pass or reach the ceiling, false alarms (at most alpha of them) left out.

    Simulated, because alternatives on opposite sides of the reference are not ruled out together. 600 streams, 40
    where outcomes are many: the mean is within about 5 (20) % at 2 standard errors. Deterministic.
    """
    p = rule.reference.p
    rng = generator(0, _PURPOSE)
    alive = streams = max(_FEWEST, min(_MOST, _CELLS // len(p)))
    counts = np.zeros((streams, len(p)))
    ratios = rule.process.ratios[: len(rule.declared)].T
    total, before = 0.0, 0
    for look in rule.looks:
        total += alive * (look - before)
        counts += rng.multinomial(look - before, p, alive)
        before = look
        if rule.can_pass and look >= (rule.screen_at or 0):
            counts = counts[(counts @ ratios).max(axis=1, initial=-math.inf) > math.log(rule.beta)]
            alive = len(counts)
        if not alive:
            break
    return Rehearsal(total / streams, 1.0 - alive / streams)
