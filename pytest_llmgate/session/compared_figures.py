"""What a gate that is compared with a baseline will take, for `llmgate plan`."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_llmgate.core.compared import Compared
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.plan import GatePlan, TestPlan
from pytest_llmgate.core.rates import percent
from pytest_llmgate.engine.compared_words import points
from pytest_llmgate.reports.plan_gates import ComparedFigures
from pytest_llmgate.stats.against import ComparedRule, compared_rule
from pytest_llmgate.stats.cost_rule import CostRule
from pytest_llmgate.stats.paired import PairedRate, paired_figures
from pytest_llmgate.stats.runaways import RunawayRule


def compared_figures(gate: GatePlan, plan: TestPlan) -> ComparedFigures:
    """What such a gate will take, and what it will say."""
    against = gate.compared
    assert against is not None
    expected, *said = _said(gate, against, compared_rule(gate, gate.trials, len(plan.cases)))
    return ComparedFigures(
        name=gate.name,
        severity=gate.severity if gate.quarantine is None else "quarantined",
        expected=float(expected),
        said=tuple(map(str, said)),
        notes=against.sentences,
    )


def _said(gate: GatePlan, against: Compared, rule: ComparedRule | None) -> Sequence[float | str]:
    """Trials to expect, and sentences."""
    if isinstance(rule, PairedRate):
        return _pairs(gate, rule)
    if isinstance(rule, CostRule):
        limit, looks = percent(gate.margin or 0.0), " and ".join(f"{look:,}" for look in rule.looks)
        said = f"no increase is good, + {limit} must be caught; looks at {looks} trials (asymptotic)"
        return rule.ceiling, said, _risks(gate)
    if isinstance(rule, RunawayRule):
        good = f"no more than the baseline is good, {points(rule.excess)} more must be caught"
        return rule.n, f"{good}; one look at {rule.n:,} trials", _risks(gate), *_too_few(rule, against)
    if against.standing == "stale":
        return 0, "its baseline cannot be compared with: it will be inconclusive"
    blocks = "it will be inconclusive, and block" if gate.require_baseline else "it compares and blocks nothing"
    return 0, f"no approved baseline yet: {blocks}"


def _too_few(rule: RunawayRule, against: Compared) -> list[str]:
    """That not even a build without any runaway could pass."""
    known = against.baseline.figures if against.baseline is not None else {}
    clean = rule.decide(rule.n, 0, known.get("runaways", 0), max(1, known.get("runaways_of", 1)))
    if clean is not None and clean.outcome is Outcome.PASS:
        return []
    return [f"note: {rule.n:,} trials cannot rule that out: allow more, or write larger runaway_points"]


def _risks(gate: GatePlan) -> str:
    shared = f", 1 of {gate.family} that share it" if gate.family > 1 else ""
    blocked = f"blocks a good build at {percent(gate.alpha_used)} risk{shared}"
    return f"{blocked}; lets a bad one pass at {percent(gate.beta)}"


def _pairs(gate: GatePlan, rule: PairedRate) -> Sequence[float | str]:
    found, limit = paired_figures(rule), points(gate.margin or 0.0)
    said = f"no worse than the baseline is good, {limit} worse must be caught; at most {rule.ceiling:,} pairs"
    mean = f"{found.mean_same:.0f} pairs to expect of the same build"
    return found.mean_same, said, f"{mean}, inconclusive {percent(found.p_inconclusive_same)}", _risks(gate)
