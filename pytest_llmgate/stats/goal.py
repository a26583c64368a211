"""What a rate gate must tell apart, and how often it may be wrong."""

from __future__ import annotations

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
        for name in ("alpha", "beta"):
            value = getattr(self, name)
            if not 0.0 < value <= 0.5:
                raise ValueError(f"{name} must lie above 0 and at most at 0.5, not at {value:g}")
        if self.family < 1:
            raise ValueError(f"a family has at least 1 gate, not {self.family}")

    @property
    def alpha_used(self) -> float:
        """This gate's own share of alpha: alpha / family."""
        return self.alpha / self.family
