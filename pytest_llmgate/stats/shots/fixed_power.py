"""What a rule with one look will catch of known faults, before a shot is spent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pytest_llmgate.stats.shots.hypotheses import tvd
from pytest_llmgate.stats.shots.minp import FixedIdentityRule, power_statistics
from pytest_llmgate.stats.shots.montecarlo import generator
from pytest_llmgate.stats.shots.rule import Floats
from pytest_llmgate.stats.shots.screen import critical_value

_PURPOSE = 7
_MOST, _FEWEST, _CELLS = 200, 50, 1 << 15  # simulated streams of a fault: fewer where there are many outcomes
_NULLS = 2  # streams of a good circuit for each of a faulty one


class Chance(NamedTuple):
    """The probability (`power`) that a circuit with this fault fails; tvd: its distance from the reference."""

    name: str
    tvd: float
    power: float


def fixed_power(rule: FixedIdentityRule) -> tuple[Chance, ...]:
    """What the rule will catch of its alternatives, the hardest first.

    Simulated, on the safe side: a stream counts as caught where one of the three statistics is beyond its own critical
    value at alpha / 3 (see `screen.screen_shots`), or where it shows an outcome that the reference excludes.
    To about 0.04. Deterministic.
    """
    p, rng = rule.reference.p, generator(0, _PURPOSE)
    possible = p > 0.0
    null = p[possible] / p[possible].sum()
    runs = max(_FEWEST, min(_MOST, _CELLS // len(null)))
    good = power_statistics(rng.multinomial(rule.shots, null, _NULLS * runs), null)
    critical = np.array([critical_value(column, rule.alpha / good.shape[1]) for column in good.T])

    def power(q: Floats) -> float:
        inside = float(q[possible].sum())
        unseen = min(1.0, inside) ** rule.shots  # no outcome that the reference excludes
        if unseen < 1e-9:
            return 1.0
        drawn = rng.multinomial(rule.shots, q[possible] / inside, runs)
        caught = float((power_statistics(drawn, null) > critical).any(axis=1).mean())
        return 1.0 - unseen * (1.0 - caught)

    found = [Chance(other.name, tvd(p, other.p), power(other.p)) for other in rule.alternatives]
    return tuple(sorted(found, key=lambda item: (item.power, item.tvd, item.name)))
