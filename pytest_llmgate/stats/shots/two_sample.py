"""Recorded counts against new ones: neither of the two is taken for a distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.stats.shots.distances import rounded
from pytest_llmgate.stats.shots.montecarlo import calibrated_p, enough_draws, generator, in_blocks
from pytest_llmgate.stats.shots.rule import Floats, Ints, Seen
from pytest_llmgate.stats.shots.screen import balanced_changes, critical_value

_PURPOSE, _POWER, _CELLS_PURPOSE = 3, 4, 5
_DECIMALS = 12
_FOR_CELLS = 0.25  # of the recorded shots, where they must choose the cells
_RUNS, _FEWEST, _CELLS, _DEALS = 300, 50, 1 << 17, 4


class TwoSample(NamedTuple):
    """Result of `two_sample_test`. statistic: Pearson's, of two samples. draws: used. seed: of the draws."""

    p_value: float
    statistic: float
    draws: int
    seed: int


class Cells(NamedTuple):
    """Recorded counts by outcome: K known outcomes, and one entry more for all others."""

    outcomes: tuple[str, ...]
    counts: Ints


def cells(recorded: Mapping[str, int], *, seed: int, every: Sequence[str] | None = None) -> Cells:
    """The outcomes that a comparison with recorded counts tells apart, and the counts to compare with.

    Args: every: all outcomes that the registers can show, where they are few enough to be listed; then all recorded
    counts are kept. seed: from a hash, for the split where they are not.

    Without `every` the outcomes must not simply be those that were recorded: the rest would then have count 0 on the
    recorded side by choice, while a good circuit with many outcomes shows new ones all the time (with 1,000 recorded
    shots of a uniform 1,024, 38 % of the new ones), and every one of them would be blocked. So a quarter of the
    recorded shots, drawn at random without replacement, chooses the outcomes, and only the other three quarters,
    which are independent of it, are compared. Raises ValueError for a recorded outcome that is not among `every`.
    """
    names = sorted(recorded)
    if every is not None:
        strange = [name for name in names if name not in set(every)]
        if strange:
            raise ValueError(f"the recorded counts have an outcome that the circuit cannot show: {strange[0]!r}")
        outcomes = tuple(sorted(every))
        return Cells(outcomes, np.array([*(recorded.get(name, 0) for name in outcomes), 0], dtype=np.int64))
    counts = np.array([recorded[name] for name in names], dtype=np.int64)
    chosen = generator(seed, _CELLS_PURPOSE).multivariate_hypergeometric(
        counts, int(_FOR_CELLS * counts.sum()), method="marginals"
    )
    known, left = chosen > 0, counts - chosen
    outcomes = tuple(name for name, is_known in zip(names, known, strict=True) if is_known)
    return Cells(outcomes, np.array([*left[known], left[~known].sum()], dtype=np.int64))


def two_sample_test(recorded: Ints, new: Ints, *, level: float, seed: int, draws: int | None = None) -> TwoSample:
    """Whether two samples of shots come from one distribution, whatever that is: a permutation test.

    Args: counts of equal length, of cells that were not chosen by looking at either (see `cells`). level, seed, draws:
    as in `minp.minp_test`. Raises ValueError for an empty sample, and for too few draws.

    Given the pooled counts, every way to deal the shots out to the two samples is equally likely if they have one
    distribution: the new sample is multivariate hypergeometric, and the observed one is exchangeable with draws of
    it, so that the level holds exactly (Davison & Hinkley 1997, section 4.3; `montecarlo.calibrated_p`). Statistic:
    sum over cells of (new / n - recorded / m)^2 / pooled, which is Pearson's but for a factor.
    """
    most = enough_draws(level, draws)
    pooled, shots = recorded + new, int(new.sum())
    if shots < 1 or not recorded.any():
        raise ValueError("one of the two samples has no shots")
    seen = pooled > 0
    pool = pooled[seen]
    rng = generator(seed, _PURPOSE, np.concatenate([recorded, new]))

    def draw(size: int) -> Floats:
        return in_blocks(
            size,
            len(pool),
            lambda rows: _pearson(pool, rng.multivariate_hypergeometric(pool, shots, rows, "marginals")),
        )

    observed = _pearson(pool, new[seen][np.newaxis])[0]
    found = calibrated_p(observed, draw, level=level, draws=most)
    return TwoSample(found.p_value, float(observed[0]), found.draws, seed)


def _pearson(pool: Ints, new: Ints) -> Floats:
    """Pearson's statistic of rows of new counts against what is left of the pool; shape (rows, 1)."""
    total, shots = int(pool.sum()), int(new[0].sum())
    expected = pool * (shots / total)
    scale = total / (total - shots)  # (new - expected)^2 / expected of both samples together
    statistic: Floats = np.round(scale * ((new - expected) ** 2 @ (1.0 / expected)), _DECIMALS)
    return statistic[:, np.newaxis]


def two_sample_power(recorded: Ints, shots: int, *, level: float, tvd: float = 0.1) -> float:
    """About the power against an undeclared change of this TVD with so many new shots, from simulation.

    Changes are those of `screen.screen_shots`, from the recorded frequencies, which stand in for the truth here and
    only here: a plan's figure, not a decision. Deterministic. tvd in (0, 0.5).
    """
    old = recorded[recorded > 0]
    if len(old) < 2:
        return 1.0 - (1.0 - tvd) ** shots
    truth = old / old.sum()
    runs = max(_FEWEST, min(_RUNS, _CELLS // len(old)))
    rng = generator(shots, _POWER)
    new = rng.multinomial(shots, balanced_changes(truth, tvd, runs))
    pools = new + rng.multinomial(int(old.sum()), truth, runs)
    statistics, dealt = [], []
    for pool, drawn in zip(pools, new, strict=True):
        seen = pool > 0
        rows = rng.multivariate_hypergeometric(pool[seen], shots, _DEALS, "marginals")
        found = _pearson(pool[seen], np.concatenate([drawn[seen][np.newaxis], rows]))
        statistics.append(found[0])
        dealt.append(found[1:])
    return float((np.array(statistics) > critical_value(np.concatenate(dealt)[:, 0], level)).mean())


@dataclass(frozen=True, eq=False, kw_only=True)
class TwoSampleRule:
    """New shots against recorded ones, one look at the end: fails where the permutation test rejects at level alpha.

    known: the cells, chosen without a look at what is compared (see `cells`). shots: of the new sample. P(fail) <=
    alpha if both samples have one distribution, over both samples. Raises ValueError as `two_sample_test` does.
    """

    known: Cells
    shots: int
    alpha: float
    seed: int
    draws: int | None = None

    def __post_init__(self) -> None:
        enough_draws(self.alpha, self.draws)
        if self.shots < 1 or not self.known.counts.any():
            raise ValueError("a comparison needs at least 1 recorded and 1 new shot")

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The cells but the last, which counts all other outcomes."""
        return self.known.outcomes

    @property
    def looks(self) -> tuple[int, ...]:
        """One, at the end."""
        return (self.shots,)

    def power(self, tvd: float = 0.1) -> float:
        """About the power against an undeclared change of this TVD."""
        return two_sample_power(self.known.counts, self.shots, level=self.alpha, tvd=tvd)

    def test(self, seen: Seen) -> TwoSample:
        """The test of what was seen."""
        return two_sample_test(self.known.counts, seen.counts, level=self.alpha, seed=self.seed, draws=self.draws)

    def decide(self, seen: Seen) -> Decision | None:
        """The decision once all shots are there."""
        if seen.shots < self.shots:
            return None
        rejected = self.test(seen).p_value <= self.alpha
        return Decision(Outcome.FAIL if rejected else Outcome.PASS, "fixed")

    def figures(self, seen: Seen) -> Mapping[str, Any]:
        """`p_value`, `statistic`, `draws`, `seed`, `recorded` shots compared with, and `tvd` between the samples.

        That TVD is of two samples: larger than that of their distributions, by about sqrt(outcomes / shots).
        """
        found, old = self.test(seen), self.known.counts
        between = float(np.abs(seen.counts / seen.shots - old / old.sum()).sum()) / 2.0
        return {
            "p_value": rounded(found.p_value),
            "statistic": rounded(found.statistic),
            "draws": found.draws,
            "seed": self.seed,
            "recorded": int(old.sum()),
            "tvd": rounded(between),
        }
