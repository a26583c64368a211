"""How long a log-likelihood walk takes to a boundary: the shots that a plan expects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pytest_llmgate.stats.shots.rule import Floats
from pytest_llmgate.stats.shots.schedule import FIRST

_OVERSHOOT = 0.583  # of a boundary, in standard deviations of a step (Siegmund 1985, equation 10.6)


@dataclass(frozen=True, slots=True)
class Walk:
    """ln of a likelihood ratio, shot by shot, under a distribution.

    drift, sigma: mean and standard deviation of a shot's step where the step is finite. sudden: probability that a
    shot excludes the other side outright, and with that decides.
    """

    drift: float
    sigma: float
    sudden: float

    def arrived(self, shots: int, height: float) -> float:
        """Probability to have been at or above a height > 0 at one of the looks up to so many shots.

        Brownian motion with this drift, its boundary raised by what a walk that is looked at every 64 shots
        overshoots it on average. Sources: Siegmund (1985), Sequential Analysis, section 3.2 for the passage time
        and section 10.2 for the correction.
        """
        stays = (1.0 - self.sudden) ** shots
        return 1.0 - stays * (1.0 - self._passed(shots, self.raised(height)))

    def raised(self, height: float) -> float:
        """A boundary together with the mean overshoot over it."""
        return height + _OVERSHOOT * self.sigma * math.sqrt(FIRST)

    def _passed(self, shots: int, height: float) -> float:
        spread = self.sigma * math.sqrt(shots)
        if spread <= 0.0:
            return 1.0 if self.drift * shots >= height else 0.0
        ahead = _normal_cdf((self.drift * shots - height) / spread)
        behind = _normal_cdf(-(self.drift * shots + height) / spread)
        if behind <= 0.0:
            return ahead
        return min(1.0, ahead + math.exp(2.0 * self.drift * height / self.sigma**2 + math.log(behind)))


def walk(under: Floats, towards: Floats, away: Floats) -> Walk:
    """The walk of ln (towards / away) with shots from `under`; all three in the same order."""
    sudden = float(under[(away <= 0.0) & (under > 0.0)].sum())
    both = (under > 0.0) & (away > 0.0) & (towards > 0.0)
    mass = float(under[both].sum())
    if mass <= 0.0:
        return Walk(0.0, 0.0, sudden)
    weights, steps = under[both] / mass, np.log(towards[both] / away[both])
    drift = float(weights @ steps)
    return Walk(drift, math.sqrt(max(0.0, float(weights @ (steps - drift) ** 2))), sudden)


def mean_stop(looks: Sequence[int], arrived: Sequence[float]) -> float:
    """Expected shots of a stream that stops at a look with these cumulative probabilities, or at the last look."""
    before = [0.0, *arrived[:-1]]
    steps = np.diff([0, *looks])
    return float(steps @ (1.0 - np.array(before)))


def _normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))
