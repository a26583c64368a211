"""What a rate gate must tell apart, and how often it may be wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RateGoal:
    """Success rates that are good or bad, and the error rates at which they must be told apart.

    Args: good, bad success rates with 0 < bad < good <= 1; alpha, beta in (0, 0.5]: P(a good build is
    blocked), P(a bad build is let through); family >= 1: gates among which alpha is split (Bonferroni).
    Raises ValueError for an impossible goal.
    """

    good: float
    bad: float
    alpha: float = 0.05
    beta: float = 0.05
    family: int = 1

    def __post_init__(self) -> None:
        if not 0.0 < self.good <= 1.0:
            raise ValueError(f"the good success rate must lie above 0 and at most at 1, not at {self.good:g}")
        if not 0.0 < self.bad < self.good:
            raise ValueError(
                f"the bad success rate must lie above 0 and below the good one ({self.good:g}), not at {self.bad:g}"
            )
        check_risks(self.alpha, self.beta, self.family)

    @property
    def alpha_used(self) -> float:
        """This gate's own share of alpha: alpha / family."""
        return self.alpha / self.family


def check_risks(alpha: float, beta: float, family: int) -> None:
    """Raises ValueError unless alpha and beta lie in (0, 0.5] and the family has at least 1 gate."""
    for name, value in (("alpha", alpha), ("beta", beta)):
        if not 0.0 < value <= 0.5:
            raise ValueError(f"{name} must lie above 0 and at most at 0.5, not at {value:g}")
    if family < 1:
        raise ValueError(f"a family has at least 1 gate, not {family}")


def steps(goal: RateGoal) -> tuple[float, float]:
    """How far one failure raises, and one success lowers, the log likelihood ratio. Raises if good is 1."""
    if goal.good >= 1.0:
        raise ValueError("a good rate of 1 leaves no room for failures: use the zero-tolerance rule")
    return math.log((1.0 - goal.bad) / (1.0 - goal.good)), math.log(goal.good / goal.bad)


def llr(goal: RateGoal, failed: int, n: int) -> float:
    """ln of P_bad(data) / P_good(data), for `failed` of n trials. Source: Wald (1945)."""
    x, y = steps(goal)
    return failed * x - (n - failed) * y
