"""Sequential non-inferiority of paired replies: today's reply and the baseline's on the same case.

A pair's difference D is 1 where only today's reply is good, -1 where only the baseline's is, else 0. The rule is a fold
over their counts, and valid at every stop by Ville's inequality: see pair_bets.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_llmgate.core.decision import Decision, Interval, Outcome
from pytest_llmgate.stats.goal import check_risks
from pytest_llmgate.stats.pair_bets import USUAL_DISCORDANCE, Bets, Step, bets_for, log_capital, pair_chances

_PASS = Decision(Outcome.PASS, "boundary")
_FAIL = Decision(Outcome.FAIL, "boundary")
_CEILING = Decision(Outcome.INCONCLUSIVE, "ceiling")
_RUNS = 4_000  # simulated for a plan: a mean is right to about 1 %, a chance of 0.05 to 0.0035 (one standard error)


class PairTally(NamedTuple):
    """Pairs folded so far: `n` in all; `better` with D = 1, `worse` with D = -1.

    Holes are pairs whose reply of today could not be scored: `holes_lost` where the baseline's was good,
    `holes_won` where it was bad.
    """

    n: int = 0
    better: int = 0
    worse: int = 0
    holes_lost: int = 0
    holes_won: int = 0

    def add(self, today: bool | None, baseline: bool) -> PairTally:
        """The tally after one more pair; `today` None is a hole."""
        n, better, worse, lost, won = self
        if today is None:
            return PairTally(n + 1, better, worse, lost + baseline, won + (not baseline))
        return PairTally(n + 1, better + (today and not baseline), worse + (baseline and not today), lost, won)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedGoal:
    """How much worse than the baseline is bad, and how often a verdict may be wrong.

    Args: margin in (0, 1), the fall of the rate of good replies that must be caught (0.05: 5 points); alpha, beta in
    (0, 0.5]: P(a build no worse than the baseline is blocked), P(one worse by the margin is let through);
    family >= 1: gates among which alpha is split (Bonferroni). Raises ValueError for an impossible goal.
    """

    margin: float
    alpha: float = 0.05
    beta: float = 0.05
    family: int = 1

    def __post_init__(self) -> None:
        if not 0.0 < self.margin < 1.0:
            raise ValueError(f"the margin must lie above 0 and below 1 (100 points), not at {self.margin:g}")
        check_risks(self.alpha, self.beta, self.family)

    @property
    def alpha_used(self) -> float:
        """This gate's own share of alpha: alpha / family."""
        return self.alpha / self.family


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedRate:
    """Passes once a mean of D of at most -margin is ruled out at beta, fails once one of at least 0 is at alpha_used.

    Args: goal; ceiling >= 1, the most pairs; discordance: P(two replies to one case are not both good or both bad) of
    the baseline alone, in [0, 1], known before the first pair, or None. It only chooses the bets, and so the number of
    pairs: the error rates hold whatever it is. A pass holds with every hole bad, a fail with every hole good.
    Raises ValueError outside of these ranges.
    """

    goal: PairedGoal
    ceiling: int
    discordance: float | None = None
    _for_pass: Bets = field(init=False, repr=False, compare=False)
    _for_fail: Bets = field(init=False, repr=False, compare=False)
    _pass_steps: tuple[Step, ...] = field(init=False, repr=False, compare=False)
    _fail_steps: tuple[Step, ...] = field(init=False, repr=False, compare=False)
    _limits: tuple[float, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.ceiling < 1:
            raise ValueError(f"a ceiling is at least 1 pair, not {self.ceiling}")
        if self.discordance is not None and not 0.0 <= self.discordance <= 1.0:
            raise ValueError(f"the discordance is a rate between 0 and 1, not {self.discordance:g}")
        margin, known = self.goal.margin, self.discordance
        for_pass = bets_for(-margin, 0.0, known)
        for_fail = bets_for(0.0, margin, known)
        computed = {
            "_for_pass": for_pass,
            "_for_fail": for_fail,
            "_pass_steps": for_pass.steps(-margin),
            "_fail_steps": for_fail.steps(0.0),
            "_limits": (-math.log(self.goal.beta), -math.log(self.goal.alpha_used)),
        }
        for name, value in computed.items():
            object.__setattr__(self, name, value)

    @property
    def any_time(self) -> bool:
        """True: stopping early, for any reason, keeps the stated error rates."""
        return True

    def decide(self, tally: PairTally) -> Decision | None:
        """The decision at this tally, or None to go on."""
        if self._passes(tally):
            return _PASS
        if log_capital(self._fail_steps, *_at_best(tally)) >= self._limits[1]:
            return _FAIL
        return None if tally.n < self.ceiling else _CEILING

    def _passes(self, tally: PairTally, more: int = 0) -> bool:
        up, same, down = _at_worst(tally)
        return log_capital(self._pass_steps, up, same + more, down) >= self._limits[0]

    def need(self, tally: PairTally) -> int:
        """Further pairs, all with D = 0, after which it is decided (0 where it is; never past the ceiling)."""
        if self.decide(tally) is not None:
            return 0
        return self._first_pass(tally)

    def _first_pass(self, tally: PairTally) -> int:
        """Further pairs with D = 0 after which it passes, or the ceiling ends it; the tally itself does not pass.

        Such a pair adds to every bet on a pass, and to none on a fail.
        """
        low, high = 0, self.ceiling - tally.n
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._passes(tally, middle) else (middle, high)
        return high

    def interval(self, tally: PairTally, *, cut: bool = False) -> Interval:
        """Bounds of the mean of D, in [-1, 1], valid at every stop: a pass has lower >= -margin, a fail upper <= 0.

        `cut` changes nothing: the bounds hold however the run ended.
        """
        goal = self.goal
        up, same, down = _at_worst(tally)
        lower = self._for_pass.lower(up, same, down, goal.beta, hint=-goal.margin)
        up, same, down = _at_best(tally)
        upper = -self._for_fail.lower(up, same, down, goal.alpha_used, hint=0.0)
        return Interval(lower, upper + 0.0, "betting", (1.0 - goal.beta, 1.0 - goal.alpha_used))


def _at_worst(tally: PairTally) -> tuple[int, int, int]:
    """Pairs with D = 1, 0 and -1 if every hole is bad."""
    n, better, worse, lost, _ = tally
    return better, n - better - worse - lost, worse + lost


def _at_best(tally: PairTally) -> tuple[int, int, int]:
    """Pairs with -D = 1, 0 and -1 if every hole is good."""
    n, better, worse, _, won = tally
    return worse, n - better - worse - won, better + won


class PairedFigures(NamedTuple):
    """What a paired gate will do with a build that is the same as the baseline, and with one worse by the margin.

    Means are in pairs. Simulated with a fixed seed over independent pairs, without holes.
    """

    mean_same: float
    n95_same: int
    p_inconclusive_same: float
    p_fail_same: float
    mean_worse: float
    p_inconclusive_worse: float
    p_pass_worse: float


def paired_figures(rule: PairedRate, discordance: float | None = None, *, runs: int = _RUNS) -> PairedFigures:
    """The figures that `llmgate plan` prints for a paired gate.

    Args: discordance in [0, 1]: how often two replies of one build to one case differ; None: the rule's own, or 0.2
    where that is not known. The worse build loses `margin` of the good replies on top. runs: simulated ones, each.
    """
    known = rule.discordance if discordance is None else discordance
    apart, margin = USUAL_DISCORDANCE if known is None else known, rule.goal.margin
    limits = Limits(rule)
    same = simulate(limits, *pair_chances(0.0, apart), runs)
    worse = simulate(limits, *pair_chances(-margin, apart), runs)
    return PairedFigures(
        mean_same=math.fsum(n for _, n in same) / runs,
        n95_same=sorted(n for _, n in same)[math.ceil(0.95 * runs) - 1],
        p_inconclusive_same=_share(same, Outcome.INCONCLUSIVE),
        p_fail_same=_share(same, Outcome.FAIL),
        mean_worse=math.fsum(n for _, n in worse) / runs,
        p_inconclusive_worse=_share(worse, Outcome.INCONCLUSIVE),
        p_pass_worse=_share(worse, Outcome.PASS),
    )


def _share(ends: list[tuple[Outcome, int]], outcome: Outcome) -> float:
    return sum(end is outcome for end, _ in ends) / len(ends)


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a rule ends if no further pair differs, by the pairs that do; looked up once for all runs."""

    rule: PairedRate
    found: dict[tuple[int, int], tuple[Outcome, int]] = field(default_factory=dict)

    def at(self, better: int, worse: int) -> tuple[Outcome, int]:
        """The outcome and the number of pairs at which it comes, holes aside. A fail comes at once or never."""
        key = better, worse
        if key not in self.found:
            tally = PairTally(better + worse, better, worse)
            end = tally._replace(n=tally.n + self.rule.need(tally))
            decided = self.rule.decide(end)
            assert decided is not None
            self.found[key] = decided.outcome, end.n
        return self.found[key]


def simulate(limits: Limits, better: float, worse: float, runs: int) -> list[tuple[Outcome, int]]:
    """The ends of runs whose pairs have D = 1 and -1 with these chances: outcome and pairs; the seed is fixed.

    From one pair that differs to the next: between them only a pass or the ceiling can end a run.
    """
    rng = random.Random(f"pairs {better!r} {worse!r}")  # noqa: S311 - a simulation, no secret
    return [_run(limits, rng, better, better + worse) for _ in range(runs)]


def _run(limits: Limits, rng: random.Random, better: float, either: float) -> tuple[Outcome, int]:
    n, up, down = 0, 0, 0
    while True:
        outcome, end = limits.at(up, down)
        row = _row(rng, either, limits.rule.ceiling)
        if n + row >= end:
            return outcome, max(n, end)
        n += row + 1
        if rng.random() * either < better:
            up += 1
        else:
            down += 1


def _row(rng: random.Random, either: float, longest: int) -> int:
    """Pairs that do not differ before the next one that does."""
    if either <= 0.0 or either >= 1.0:
        return 0 if either else longest
    return int(min(math.log(1.0 - rng.random()) / math.log1p(-either), longest))
