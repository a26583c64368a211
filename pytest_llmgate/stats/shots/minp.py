"""Identity at a fixed number of shots: the Monte-Carlo-calibrated min-p of three statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.stats.shots.causes import distance_figures, rank_causes
from pytest_llmgate.stats.shots.distances import rounded
from pytest_llmgate.stats.shots.hypotheses import Alternative, Reference, tvd
from pytest_llmgate.stats.shots.montecarlo import calibrated_p, enough_draws, generator, in_blocks
from pytest_llmgate.stats.shots.rule import Floats, Ints, Seen

_PURPOSE = 1
_DECIMALS = 12  # ties that rounding errors would break stay ties


class MinP(NamedTuple):
    """Result of `minp_test`: the p-value, the three statistics on their usual scales, and what it was drawn with."""

    p_value: float
    pearson: float
    cressie_read: float
    tvd: float
    draws: int
    seed: int


def minp_test(counts: Ints, p: Floats, *, level: float, seed: int, draws: int | None = None) -> MinP:
    """Whether counts come from p: the smallest p-value of Pearson, Cressie-Read (2/3) and TVD, calibrated.

    Args: counts, p of equal length; p sums to 1. level at which the caller rejects (p_value <= level). seed: from a
    hash of the test, never one that shots were drawn with. draws: B, default 20 / level; fewer are used where the
    p-value is clearly above the level. Counts where p is 0 have p-value 0, exactly and without a draw. Raises
    ValueError for a B whose floor 1 / (B + 1) is not below the level, and for no counts at all.
    Why the level holds exactly: `montecarlo.calibrated_p`. Why three: no single one sees a shift between large
    outcomes, a spread over many small ones and new small outcomes alike. Source of the family of statistics:
    Cressie & Read (1984), Multinomial goodness-of-fit tests, section 2.
    """
    most, shots = enough_draws(level, draws), int(counts.sum())
    if shots < 1:
        raise ValueError("there are no shots to test")
    possible = p > 0.0
    if counts[~possible].any():
        return MinP(0.0, np.inf, np.inf, tvd(counts / shots, p), 0, seed)
    null = p[possible] / p[possible].sum()
    observed = power_statistics(counts[possible][np.newaxis], null)[0]
    rng = generator(seed, _PURPOSE, counts)

    def draw(size: int) -> Floats:
        return in_blocks(size, len(null), lambda rows: power_statistics(rng.multinomial(shots, null, rows), null))

    found = calibrated_p(observed, draw, level=level, draws=most)
    pearson, cressie_read, distance = (float(value) for value in observed)
    return MinP(found.p_value, shots * pearson, shots * cressie_read, distance, found.draws, seed)


def power_statistics(counts: Ints, p: Floats) -> Floats:
    """Pearson / n, Cressie-Read / n and TVD of rows of counts with equal sums n > 0; p > 0 everywhere.

    Shape (rows, 3). Pearson / n = sum f^2 / p - 1 and Cressie-Read / n = 9/5 (sum f^(5/3) p^(-2/3) - 1), f = c / n.
    """
    shots = int(counts[0].sum())
    parts = np.arange(int(counts.max()) + 1) / shots
    # powers of the few values that counts take are looked up, not computed for each cell
    pearson = (parts**2)[counts] @ (1.0 / p) - 1.0
    cressie_read = 1.8 * ((parts ** (5.0 / 3.0))[counts] @ p ** (-2.0 / 3.0) - 1.0)
    distance = np.abs(parts[counts] - p).sum(axis=1) / 2.0
    return np.round(np.column_stack([pearson, cressie_read, distance]), _DECIMALS)


@dataclass(frozen=True, eq=False, kw_only=True)
class FixedIdentityRule:
    """All of `shots`, one look at the end: fails where min-p rejects the reference at level alpha, else passes.

    P(fail | reference) <= alpha exactly. A pass says only that nothing was found: what it would have found is in
    the plan. alternatives: for the causes of a failure. seed: of the draws. Raises ValueError as `minp_test` does.
    """

    reference: Reference
    shots: int
    alpha: float
    seed: int
    alternatives: tuple[Alternative, ...] = ()
    draws: int | None = None

    def __post_init__(self) -> None:
        enough_draws(self.alpha, self.draws)
        if self.shots < 1:
            raise ValueError(f"a fixed rule needs at least 1 shot, not {self.shots}")

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The reference's and the alternatives' outcomes."""
        return self.reference.outcomes

    @property
    def looks(self) -> tuple[int, ...]:
        """One, at the end."""
        return (self.shots,)

    @property
    def least_p(self) -> float:
        """The smallest p-value that counts of outcomes which the reference allows can have.

        All shots in the rarest outcome make each of the three statistics as large as it gets, and no p-value is
        smaller than the probability of that.
        """
        possible = self.reference.p[self.reference.p > 0.0]
        rarest = possible.min()
        return float(np.isclose(possible, rarest, rtol=1e-9).sum() * rarest**self.shots)

    def test(self, seen: Seen) -> MinP:
        """The test of what was seen."""
        return minp_test(seen.counts, self.reference.p, level=self.alpha, seed=self.seed, draws=self.draws)

    def decide(self, seen: Seen) -> Decision | None:
        """The decision once all shots are there; a failure at once for an outcome that the reference excludes."""
        if seen.counts[self.reference.p <= 0.0].any():
            return Decision(Outcome.FAIL, "fixed")
        if seen.shots < self.shots:
            return None
        rejected = self.test(seen).p_value <= self.alpha
        return Decision(Outcome.FAIL if rejected else Outcome.PASS, "fixed")

    def figures(self, seen: Seen) -> Mapping[str, Any]:
        """`p_value`, `draws`, `seed`, `tvd`, `tvd_interval` and the ranked `causes`."""
        found = self.test(seen)
        return {
            "p_value": rounded(found.p_value),
            "draws": found.draws,
            "seed": self.seed,
            **distance_figures(seen, self.reference.p),
            "causes": rank_causes(self.reference, self.alternatives, seen.counts),
        }
