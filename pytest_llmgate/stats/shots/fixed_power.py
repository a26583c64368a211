"""What a rule with one look will catch of known faults, before a shot is spent."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pytest_llmgate.stats.shots.hypotheses import tvd
from pytest_llmgate.stats.shots.minp import FixedIdentityRule, power_statistics
from pytest_llmgate.stats.shots.montecarlo import generator
from pytest_llmgate.stats.shots.rule import Floats

_PURPOSE = 7
_SURELY = 1e-9
_MOST, _FEWEST, _CELLS = 200, 50, 1 << 15  # simulated streams of a fault: fewer where there are many outcomes
_NULLS, _NULL_CELLS = 20.0, 1 << 21  # streams of a good circuit: 20 / alpha, as far as there is time


class Chance(NamedTuple):
    """The probability (`power`) that a circuit with this fault fails; tvd: its distance from the reference."""

    name: str
    tvd: float
    power: float


def fixed_power(rule: FixedIdentityRule) -> tuple[Chance, ...]:
    """What the rule will catch of its alternatives, the hardest first.

    Simulated: a stream counts as caught where its min-p, calibrated as in `minp_test` but by one set of good streams
    for all, is among the smallest `alpha` of theirs, or where it shows an outcome that the reference excludes. To
    about 0.1; low where outcomes are so many that fewer than 1 / alpha good streams are drawn. Deterministic.
    """
    p, rng = rule.reference.p, generator(0, _PURPOSE)
    possible = p > 0.0
    null = p[possible] / p[possible].sum()
    runs = max(_FEWEST, min(_MOST, _CELLS // len(null)))
    nulls = max(2 * runs, min(math.ceil(_NULLS / rule.alpha), _NULL_CELLS // len(null)))
    good = power_statistics(rng.multinomial(rule.shots, null, nulls), null)
    ordered = np.sort(good, axis=0)
    critical = np.sort(_least_p(good, ordered))[max(0, math.floor(rule.alpha * nulls) - 1)]

    def power(q: Floats) -> float:
        inside = float(q[possible].sum())
        unseen = min(1.0, inside) ** rule.shots  # no outcome that the reference excludes
        if unseen < _SURELY:
            return 1.0
        drawn = power_statistics(rng.multinomial(rule.shots, q[possible] / inside, runs), null)
        caught = float((_least_p(drawn, ordered) <= critical).mean())
        return 1.0 - unseen * (1.0 - caught)

    found = [Chance(other.name, tvd(p, other.p), power(other.p)) for other in rule.alternatives]
    return tuple(sorted(found, key=lambda item: (item.power, item.tvd, item.name)))


def _least_p(rows: Floats, ordered: Floats) -> Floats:
    """The smallest part of good streams, over the three statistics, that reaches what each row shows."""
    reached = [
        len(null) - np.searchsorted(null, column, "left") for null, column in zip(ordered.T, rows.T, strict=True)
    ]
    return np.asarray(np.min(reached, axis=0) / len(ordered), np.float64)
