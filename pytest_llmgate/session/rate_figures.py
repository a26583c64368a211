"""The figures of one gate on a rate, for `llmgate plan`."""

from __future__ import annotations

from pytest_llmgate.core.plan import GatePlan
from pytest_llmgate.core.rates import opposite
from pytest_llmgate.reports.plan import GateFigures
from pytest_llmgate.stats.figures import plan_figures
from pytest_llmgate.stats.planning import RulePlan

_LABELS = ("perfect", "half-way to perfect", "at the limit", "half-way to bad", "bad", "far below")


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
        notes=rule.notes,
    )


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
