"""The rule of a distribution that must lie within a tolerance: TVD at most `max_tvd` is good, `bad_tvd` is not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.stats.shots.distances import rounded
from pytest_llmgate.stats.shots.rule import Floats, Seen
from pytest_llmgate.stats.shots.tvd_bounds import (
    UpperBound,
    exceeds,
    lower_bound,
    noise_floor,
    plug_in,
    split,
    upper_bound,
)

MOST_LOOKS = 5
_PASS = Decision(Outcome.PASS, "boundary")
_FAIL = Decision(Outcome.FAIL, "boundary")
_CEILING = Decision(Outcome.INCONCLUSIVE, "ceiling")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ToleranceRule:
    """Fails where TVD <= max_tvd is ruled out, passes where TVD >= bad_tvd is; else undecided at the last look.

    outcomes: K known ones. p: K + 1 probabilities of the reference. 0 < max_tvd < bad_tvd <= 1. alpha: chance to
    fail a circuit whose TVD is at most max_tvd. beta: chance to pass one whose TVD is at least bad_tvd. looks: totals
    of shots, planned before the first shot.

    Look j may err with the share (n_j - n_{j-1})/n_last of alpha and of beta, in proportion to the shots drawn since
    the look before: the shares sum to 1, so that over all looks the errors are at most alpha and beta, however
    the looks depend on each other (union bound). Half of both is left for the last look when looks double, and an
    early look, which only a clear case can decide, costs it little. Source: Lan & DeMets (1983), Biometrika 70, the
    linear spending function. The bounds of a look are proven for its number of shots and any number of outcomes
    (`tvd_bounds`). Between the two TVDs either word is right; fail is said first.

    Raises ValueError for what no rule can be made of.
    """

    outcomes: tuple[str, ...]
    p: Floats
    max_tvd: float
    bad_tvd: float
    alpha: float
    beta: float
    looks: tuple[int, ...]
    _uppers: tuple[UpperBound, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.p) != len(self.outcomes) + 1:
            raise ValueError(f"{len(self.outcomes)} outcomes need as many probabilities and one, not {len(self.p)}")
        check_tolerance(self.p, self.max_tvd, self.bad_tvd, self.alpha, self.beta, self.looks)
        bounds = [upper_bound(self.p, n, self.beta * self.share(n), self.bad_tvd) for n in self.looks]
        object.__setattr__(self, "_uppers", tuple(bounds))

    def share(self, shots: int) -> float:
        """The part of alpha and of beta that is spent at this look, or at the next one where this is none."""
        place = next((i for i, look in enumerate(self.looks) if look >= shots), len(self.looks) - 1)
        before = self.looks[place - 1] if place else 0
        return (self.looks[place] - before) / self.looks[-1]

    def decide(self, seen: Seen) -> Decision | None:
        """The decision at a planned look; None between looks."""
        last = seen.shots >= self.looks[-1]
        if not last and seen.shots not in self.looks:
            return None
        if exceeds(split(seen, self.p), self.max_tvd, self.alpha * self.share(seen.shots)):
            return _FAIL
        if self._upper(seen.shots).rules_out(plug_in(seen, self.p), self.bad_tvd):
            return _PASS
        return _CEILING if last else None

    def figures(self, seen: Seen) -> Mapping[str, Any]:
        """`tvd` with its bounds as decided by: pass implies upper <= bad_tvd, fail implies lower >= max_tvd.

        `tvd` is the plug-in distance, cut to the interval: with many outcomes noise lifts it above even its upper
        bound. `tvd_plug_in` is the distance as observed, `tvd_floor` what a perfect circuit shows on average.
        Away from a planned look (a run that was cut) the errors of the look that did not come are used.
        """
        common = {
            "shots": seen.shots,
            "max_tvd": self.max_tvd,
            "bad_tvd": self.bad_tvd,
            "confidence": [1.0 - self.alpha, 1.0 - self.beta],
        }
        if seen.shots == 0:
            nothing = dict.fromkeys(("tvd", "tvd_plug_in", "tvd_floor", "tvd_interval", "tvd_interval_method"))
            return rounded({**common, **nothing})  # type: ignore[no-any-return]
        bound, observed = self._upper(seen.shots), plug_in(seen, self.p)
        lower = lower_bound(split(seen, self.p), self.alpha * self.share(seen.shots))
        upper = max(lower, bound.at(observed))
        measured = {
            "tvd": min(max(observed, lower), upper),
            "tvd_plug_in": observed,
            "tvd_floor": noise_floor(self.p, seen.shots),
            "tvd_interval": [lower, upper],
            "tvd_interval_method": f"split-sample/{bound.method}",
        }
        return rounded({**common, **measured})  # type: ignore[no-any-return]

    def _upper(self, shots: int) -> UpperBound:
        if shots in self.looks:
            return self._uppers[self.looks.index(shots)]
        return upper_bound(self.p, shots, self.beta * self.share(shots), self.bad_tvd)


def tolerance_looks(ceiling: int, first: int = 64) -> tuple[int, ...]:
    """At most 5 looks, in equal ratios from `first` to `ceiling`, at least doubling. Args: both at least 1."""
    doublings = math.floor(math.log2(ceiling / first)) if ceiling > first else 0
    steps = min(MOST_LOOKS - 1, doublings)
    if steps == 0:
        return (ceiling,)
    ratio = (ceiling / first) ** (1.0 / steps)
    return (*(round(first * ratio**step) for step in range(steps)), ceiling)


def check_tolerance(
    p: Floats, max_tvd: float, bad_tvd: float, alpha: float, beta: float, looks: tuple[int, ...]
) -> None:
    """Refuse what no tolerance can be decided with. Args as in ToleranceRule; raises ValueError."""
    if len(p) < 2 or not abs(float(p.sum()) - 1.0) < 1e-6 or (p < 0.0).any():
        raise ValueError("the reference needs a probability for every outcome and one for all others, which sum to 1")
    if not 0.0 < max_tvd < bad_tvd <= 1.0:
        raise ValueError(f"max_tvd must lie between 0 and bad_tvd, not {max_tvd:g} with bad_tvd {bad_tvd:g}")
    if not (0.0 < alpha <= 0.5 and 0.0 < beta <= 0.5):
        raise ValueError(f"alpha and beta must lie between 0 and 0.5, not {alpha:g} and {beta:g}")
    if not looks or looks[0] < 1 or any(after <= before for before, after in pairwise(looks)):
        raise ValueError(f"looks are increasing numbers of shots, not {looks}")
