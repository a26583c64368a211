"""Which rule a gate gets, and what it will cost before anything is spent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.plan import GatePlan
from pytest_llmgate.core.ports import Designs
from pytest_llmgate.core.rates import opposite
from pytest_llmgate.stats.design import SequentialDesign, design_sequential
from pytest_llmgate.stats.goal import RateGoal
from pytest_llmgate.stats.looks import fixed_n, natural_ceiling
from pytest_llmgate.stats.rules import FixedRate, SequentialRate, ZeroTolerance

Kind = Literal["sequential", "fixed"]
RateRule = SequentialRate | FixedRate | ZeroTolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePlan:
    """The rule of one gate with the figures that chose it; rates are success rates.

    `bad_assumed`: nobody stated `bad`. `notes`: sentences that the user should read before spending.
    """

    rule: RateRule
    good: float
    bad: float
    bad_assumed: bool
    alpha: float
    beta: float
    family: int
    design: SequentialDesign | None = None
    notes: tuple[str, ...] = ()

    @property
    def alpha_used(self) -> float:
        """This gate's own share of alpha."""
        return self.alpha / self.family


def choose_rule(
    *,
    good: float,
    bad: float | None = None,
    alpha: float = 0.05,
    beta: float = 0.05,
    family: int = 1,
    ceiling: int | None = None,
    kind: Kind = "sequential",
    zero_tolerance: bool = False,
    bad_failure: float | None = None,
    designs: Designs | None = None,
) -> RulePlan:
    """The rule for a gate on a success rate.

    Args: good, bad success rates (bad None: twice the good failure rate, widened until the design fits the
    ceiling); alpha, beta error rates in (0, 0.5]; family >= 1 gates that share alpha; ceiling the most
    trials (None: the plan's own; for `fixed` all of them are used); zero_tolerance, or good = 1: the first
    violation fails, and bad_failure (0.01 if neither it nor bad is given) is what must be caught; designs
    a cache. Widening looks at the gate alone, so that the family changes nothing about what passes.
    Raises ValueError for rates on the wrong side, or where no bad rate fits the ceiling.
    """
    if ceiling is not None and ceiling < 1:
        raise ValueError(f"a ceiling is at least 1 trial, not {ceiling}")
    if zero_tolerance or good >= 1.0:
        return _zero_plan(good, bad, bad_failure, alpha, beta, family, ceiling, kind)
    alone = RateGoal(good=good, bad=good / 2 if bad is None else bad, alpha=alpha, beta=beta)
    if bad is None:
        alone = replace(alone, bad=assumed_bad(alone, ceiling, kind))
    goal = replace(alone, family=family)
    if kind == "fixed":
        return _fixed_plan(goal, bad is None, ceiling)
    return _sequential_plan(goal, bad is None, ceiling, designs)


def gate_rule(gate: GatePlan, bad: float | None, ceiling: int | None, designs: Designs | None) -> RulePlan:
    """The rule of a planned gate; raises LlmgateError (`rates-impossible`) for rates that no rule can tell apart.

    Args: bad success rate (None: to be assumed), ceiling the most trials (None: the plan's own), designs a cache.
    """
    try:
        return choose_rule(
            good=gate.good,
            bad=bad,
            alpha=gate.alpha,
            beta=gate.beta,
            family=gate.family,
            ceiling=ceiling,
            kind=gate.rule,
            zero_tolerance=gate.zero_tolerance,
            designs=designs,
        )
    except ValueError as fault:
        raise problem("rates-impossible", f"gate {gate.name!r}: {fault}", gate.where) from None


def _sequential_plan(goal: RateGoal, assumed: bool, ceiling: int | None, designs: Designs | None) -> RulePlan:
    design = cached_design(goal, ceiling, designs)
    rule = SequentialRate(design)
    notes = []
    first = rule.need_at_best
    if design.cut is None:
        notes.append(f"the ceiling of {design.ceiling} trials is below the design's own: it may be inconclusive")
        if first > design.ceiling:
            notes.append(f"a pass needs at least {first} trials, the ceiling is {design.ceiling}: it cannot pass")
    return _plan(rule, goal, assumed, design, notes)


def _fixed_plan(goal: RateGoal, assumed: bool, ceiling: int | None) -> RulePlan:
    rule = FixedRate(goal, fixed_n(goal)[0] if ceiling is None else ceiling)
    notes = []
    if rule.most_passing < 0:
        notes.append(f"{rule.trials} trials cannot rule out a success rate of {goal.bad:g}: it cannot pass")
    elif rule.least_failing > rule.most_passing:
        low, high = rule.most_passing + 1, rule.least_failing
        notes.append(f"{low} to {high} failures of {rule.trials} would be inconclusive")
    return _plan(rule, goal, assumed, None, notes)


def _plan(
    rule: RateRule, goal: RateGoal, assumed: bool, design: SequentialDesign | None, notes: Sequence[str]
) -> RulePlan:
    return RulePlan(
        rule=rule,
        good=goal.good,
        bad=goal.bad,
        bad_assumed=assumed,
        alpha=goal.alpha,
        beta=goal.beta,
        family=goal.family,
        design=design,
        notes=tuple(notes),
    )


def _zero_plan(
    good: float,
    bad: float | None,
    bad_failure: float | None,
    alpha: float,
    beta: float,
    family: int,
    ceiling: int | None,
    kind: Kind,
) -> RulePlan:
    assumed = bad is None and bad_failure is None
    if bad is None:
        bad = 1.0 - (0.01 if bad_failure is None else bad_failure)
    goal = RateGoal(good=1.0, bad=bad, alpha=alpha, beta=beta, family=family)
    rule = ZeroTolerance(
        bad_failure=opposite(bad),  # a rounding above 0.01 would cost a trial
        beta=beta,
        alpha_used=goal.alpha_used,
        limit=ceiling,
        fixed=kind == "fixed",
    )
    notes = []
    if rule.ceiling < rule.needed:
        notes.append(
            f"{rule.needed} clean trials are needed, the ceiling is {rule.ceiling}: it is inconclusive at best"
        )
    return _plan(rule, goal, assumed, None, notes)


def assumed_bad(goal: RateGoal, ceiling: int | None, kind: Kind = "sequential") -> float:
    """The bad rate where none is stated: twice the good failure rate, widened until the design fits.

    Args: goal (its bad is ignored), ceiling the most trials or None. Rounded to 3 decimals, more only where
    the good rate needs them. Raises ValueError if no bad rate fits the ceiling.
    """
    failure = 1.0 - goal.good
    places = max(3, math.ceil(-math.log10(failure)) + 1)
    scale = float(10**places)
    start = min(math.floor((1.0 - 2.0 * failure) * scale + 1e-6), math.ceil(goal.good * scale) - 1)
    # a good rate of at most 0.5 has no doubled failure rate: half of it is as far away
    start = start if start >= 1 else math.floor(goal.good / 2 * scale)
    if start >= 1 and _fits(replace(goal, bad=start / scale), ceiling, kind):
        return start / scale
    low, high = 0, start  # low fits (or is 0, which no rate is), high does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _fits(replace(goal, bad=middle / scale), ceiling, kind) else (low, middle)
    if low == 0:
        raise ValueError(
            f"{ceiling} trials cannot tell a success rate of {goal.good:g} from any worse one at "
            f"alpha {goal.alpha:g} and beta {goal.beta:g}: allow more trials, or state the bad rate"
        )
    return low / scale


def _fits(goal: RateGoal, ceiling: int | None, kind: Kind) -> bool:
    if ceiling is None:
        return True
    if kind == "sequential":
        return natural_ceiling(goal) <= ceiling
    rule = FixedRate(goal, ceiling)
    return rule.most_passing >= 0 and rule.least_failing == rule.most_passing


def cached_design(goal: RateGoal, ceiling: int | None, designs: Designs | None = None) -> SequentialDesign:
    """`design_sequential`, looked up in a cache first. What does not read as this goal's design is replaced."""
    if designs is None:
        return design_sequential(goal, ceiling)
    key = design_key(goal, ceiling)
    kept = designs.get(key)
    if kept is not None:
        try:
            design = SequentialDesign.from_json(kept)
            if design.goal == goal:
                return design
        except (KeyError, TypeError, ValueError):
            pass  # written by something else: computed anew
    design = design_sequential(goal, ceiling)
    designs.put(key, design.to_json())
    return design


def design_key(goal: RateGoal, ceiling: int | None) -> str:
    """The stable name of a design; its first part changes with the algorithm."""
    rates = (goal.good, goal.bad, goal.alpha, goal.beta)
    return ":".join(["sequential/2", *(repr(r) for r in rates), str(goal.family), str(ceiling)])


def wald_bound(goal: RateGoal) -> tuple[float, float]:
    """The least E[N] at good and at bad of any test with these errors.

    Source: Wald & Wolfowitz (1948): kl(alpha, 1 - beta) / KL(good, bad), kl(beta, 1 - alpha) / KL(bad, good).
    """
    alpha, beta = goal.alpha_used, goal.beta
    at_good = _kl(alpha, 1.0 - beta) / _kl(goal.good, goal.bad)
    return at_good, _kl(beta, 1.0 - alpha) / _kl(goal.bad, goal.good)


def _kl(p: float, q: float) -> float:
    """Relative entropy of two coins, in nats; q in (0, 1)."""
    rest = 0.0 if p >= 1.0 else (1.0 - p) * math.log((1.0 - p) / (1.0 - q))
    return rest + (0.0 if p <= 0.0 else p * math.log(p / q))
