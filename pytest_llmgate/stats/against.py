"""Which rule a gate gets that is compared with a baseline, and how many trials it asks for."""

from __future__ import annotations

import math

from pytest_llmgate.core.compared import Compared, ReplyBaseline
from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.plan import RUNAWAYS, GatePlan
from pytest_llmgate.stats.clusters import discordance
from pytest_llmgate.stats.cost_rule import CostGoal, CostRule, cost_rule, planned_n
from pytest_llmgate.stats.pair_bets import natural_pairs
from pytest_llmgate.stats.paired import PairedGoal, PairedRate
from pytest_llmgate.stats.ratio import Sums
from pytest_llmgate.stats.runaways import RunawayRule
from pytest_llmgate.stats.yardsticks import comparable, in_pairs

USUAL_LOOKS = 5
USUAL_N = 400
"""Trials of a gate on what replies take, where nothing is known of their spread. Nor is it where none of the baseline's
replies differ: if today's do not either, the first look decides, and if they do, theirs is the spread that counts."""
UNKNOWN_N = 400
"""Trials that a baseline rests on where nothing else says how many, as there is none to compare with yet."""
RUNAWAY_POINTS = 1.5
"""Runaways beyond the baseline's own that must be caught, in points, where nobody says how many."""
_RUNAWAYS_SEEN = 4.8  # runaways to expect where so many must be caught: 320 trials for one and a half points
_ENOUGH = 20  # second replies from which the share of cases' replies that differ is believed
ComparedRule = PairedRate | CostRule | RunawayRule


def compared_rule(gate: GatePlan, trials: int | None, cases: int) -> ComparedRule | None:
    """The rule of a gate that has a baseline; None where it is missing or stale, so that nothing can be decided.

    trials: the most that there may be; None: the plan's own. cases: of the test. Raises LlmgateError for a goal that
    makes no sense.
    """
    against = gate.compared
    if against is None or against.baseline is None or against.standing == "stale" or gate.margin is None:
        return None
    try:
        if against.kind == "quality":
            return paired_rule(gate, against, against.baseline, trials)
        if gate.params.get("part") == RUNAWAYS:
            return _runaways(gate, against, trials)
        return _cost(gate, against.baseline, trials, cases)
    except ValueError as fault:
        raise problem("rates-impossible", f"gate {gate.name!r}: {fault}", gate.where) from None


def trials_of(rule: ComparedRule | None) -> int:
    """The most trials that a rule can use; without one what a first baseline rests on."""
    return UNKNOWN_N if rule is None else rule.ceiling


def _runaways(gate: GatePlan, against: Compared, trials: int | None) -> RunawayRule:
    """The rule on as many trials as surely have a yardstick among those that are planned."""
    excess = round(float(gate.params.get("runaway_points", RUNAWAY_POINTS)) / 100.0, 12)
    planned = math.ceil(_RUNAWAYS_SEEN / excess)
    most = planned if trials is None else trials if gate.rule == "fixed" else min(trials, planned)
    paired = in_pairs(against.common)
    sizes = [case["n"] for case in against.common.values()]
    n = comparable([*sizes, *[0] * against.fresh], most, paired)
    return RunawayRule(
        alpha_used=gate.alpha_used, beta=gate.beta, excess=excess, n=max(n, 1), paired=paired, within=most
    )  # fmt: skip


def paired_rule(gate: GatePlan, against: Compared, baseline: ReplyBaseline, trials: int | None) -> PairedRate:
    """The sequential rule on pairs; no more pairs than the baseline has replies to the cases that are still asked."""
    assert gate.margin is not None
    goal = PairedGoal(margin=gate.margin, alpha=gate.alpha, beta=gate.beta, family=gate.family)
    known = known_discordance(baseline)
    most = natural_pairs(goal.margin, known, goal.alpha_used, goal.beta) if trials is None else trials
    return PairedRate(goal=goal, ceiling=max(1, min(most, replies_of(against))), discordance=known)


def replies_of(against: Compared) -> int:
    """Replies of the baseline that a reply of today can stand beside."""
    return sum(figures["n"] for figures in against.common.values())


def pairs_within(against: Compared, trials: int) -> int:
    """The most pairs that so many trials of the gate's cases can make: those of cases without a baseline make none."""
    if not against.cases:
        return min(trials, replies_of(against))
    rounds = math.ceil(trials / against.cases)
    return min(trials, sum(min(figures["n"], rounds) for figures in against.common.values()))


def known_discordance(baseline: ReplyBaseline) -> float | None:
    """P(two replies to one case are not both good or both bad), from cases with several; None from too few."""
    counts = [(case["n"], case["passed"]) for case in baseline.cases.values()]
    return discordance(counts) if sum(max(0, n - 1) for n, _ in counts) >= _ENOUGH else None


def _cost(gate: GatePlan, baseline: ReplyBaseline, trials: int | None, cases: int) -> CostRule:
    assert gate.margin is not None
    goal = CostGoal(margin=gate.margin, alpha=gate.alpha, beta=gate.beta, family=gate.family)
    looks = 1 if gate.rule == "fixed" else int(gate.params.get("looks", USUAL_LOOKS))
    spread = relative_sd(baseline)
    n = planned_n(goal, relative_sd=spread, cases=cases) if spread else USUAL_N
    if trials is not None:
        n = trials if gate.rule == "fixed" else min(n, trials)
    return cost_rule(goal, max(n, 2), looks=looks, cases=cases)


def relative_sd(baseline: ReplyBaseline) -> float | None:
    """Standard deviation of the difference of two replies to one case, by the baseline's mean; None if unknown.

    0 where no two replies to a case differ: of a build whose replies do that says no more than None.
    """
    several = [Sums(**case) for case in baseline.cases.values() if case["n"] > 1]
    if sum(case.n - 1 for case in several) < _ENOUGH or not baseline.figures["total"]:
        return None
    mean = baseline.figures["total"] / baseline.figures["n"]
    return math.sqrt(2.0 * math.fsum(case.variance for case in several) / len(several)) / mean
