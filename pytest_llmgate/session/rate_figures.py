"""The figures of one gate on a rate, for `llmgate plan`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from pytest_llmgate.core.groups import groups_in, trials_for
from pytest_llmgate.core.plan import GatePlan
from pytest_llmgate.core.rates import opposite
from pytest_llmgate.reports.plan import GateFigures
from pytest_llmgate.stats.figures import plan_figures
from pytest_llmgate.stats.path import OC, Charted
from pytest_llmgate.stats.planning import RulePlan

_LABELS = ("perfect", "half-way to perfect", "at the limit", "half-way to bad", "bad", "far below")


@dataclass(frozen=True, slots=True)
class InTrials:
    """A rule on groups of repeats, charted by trials: a test draws the cases in rounds until a group is complete."""

    rule: Charted
    cases: int
    repeats: int

    def oc(self, p: float) -> OC:
        """The operating characteristics at success rate p, its sizes in trials."""
        chart = self.rule.oc(p)
        last = trials_for(len(chart.survival), self.cases, self.repeats)
        survival = tuple(chart.survival[groups_in(trials, self.cases, self.repeats)] for trials in range(last))
        return replace(chart, mean_n=math.fsum(survival), survival=survival)


def rate_figures(gate: GatePlan, rule: RulePlan) -> GateFigures:
    """What a gate will take, exactly."""
    exact = plan_figures(rule)
    turned = gate.unwanted
    return GateFigures(
        name=gate.name,
        type=gate.type,
        rule=_rule_name(gate, rule),
        good=_shown(rule.good, turned),
        bad=_shown(rule.bad, turned),
        bad_assumed=gate.bad_assumed,
        alpha_used=gate.alpha_used,
        beta=gate.beta,
        mean_n=[(_label(p, rule), _shown(p, turned), mean) for p, mean in exact.mean_n],
        n95_good=exact.n95_good,
        ceiling=exact.ceiling,
        p_blocked_good=exact.p_fail_good,
        p_pass_bad=exact.p_pass_bad,
        p_inconclusive_good=exact.p_inconclusive_good,
        p_inconclusive_bad=exact.p_inconclusive_bad,
        fixed_n=exact.fixed_n,
        curtailed=(exact.curtailed_good, exact.curtailed_bad),
        never_blocks_good=gate.zero_tolerance,
        family=gate.family,
        unwanted=turned,
        severity=gate.severity if gate.quarantine is None else "quarantined",
        notes=(*rule.notes, *_group_notes(gate)),
        repeats=gate.repeats,
    )


def _group_notes(gate: GatePlan) -> tuple[str, ...]:
    if gate.repeats == 1:
        return ()
    return (f"a group is {gate.repeats} trials of one case; groups of identical replies are left out",)


def _rule_name(gate: GatePlan, rule: RulePlan) -> str:
    if gate.zero_tolerance:
        return "zero tolerance"
    if gate.rule == "fixed":
        return "fixed"
    return "sequential" if rule.design is None or rule.design.calibrated else "sequential, cut at the ceiling"


def _label(p: float, rule: RulePlan) -> str:
    good, bad = rule.good, rule.bad
    rates = (1.0, (1.0 + good) / 2, good, (good + bad) / 2, bad)
    return next((name for name, rate in zip(_LABELS, rates, strict=False) if rate == p), _LABELS[-1])


def _shown(rate: float, turned: bool) -> float:
    return opposite(rate) if turned else round(rate, 12)
