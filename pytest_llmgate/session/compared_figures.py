"""What a gate that is compared with a baseline will take, for `llmgate plan`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from pytest_llmgate.core.compared import Compared
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.groups import groups_in
from pytest_llmgate.core.plan import GatePlan, TestPlan
from pytest_llmgate.core.rates import percent
from pytest_llmgate.engine.compared_words import anchor_words, few_pairs, limit_of, points, stale_step
from pytest_llmgate.reports.plan_gates import ComparedFigures, GateFigures
from pytest_llmgate.stats.against import ComparedRule, compared_rule, pairs_within, relative_sd
from pytest_llmgate.stats.cost_rule import CostRule
from pytest_llmgate.stats.paired import PairedRate, paired_figures
from pytest_llmgate.stats.runaways import RunawayRule


def has_rate(gate: GatePlan) -> bool:
    """Whether a gate will be decided by a rate: one on latencies only where its baseline gives it a limit."""
    return gate.rated and (gate.compared is None or gate.compared.standing in ("same", "changed"))


def noted(gate: GatePlan, figures: GateFigures) -> GateFigures:
    """The figures of a gate on a rate, with the limit that a baseline gives it and what differs from that."""
    against = gate.compared
    if against is None or against.baseline is None:
        return figures
    notes = (limit_of(gate, against), *against.sentences, *anchor_words(against))
    return replace(figures, notes=(*notes, *figures.notes))


def compared_figures(gate: GatePlan, plan: TestPlan) -> ComparedFigures:
    """What such a gate will take, and what it will say."""
    against = gate.compared
    assert against is not None
    expected, *said = _said(gate, plan, against, compared_rule(gate, gate.trials, len(plan.cases)))
    return ComparedFigures(
        name=gate.name,
        severity=gate.severity if gate.quarantine is None else "quarantined",
        expected=float(expected),
        said=tuple(map(str, said)),
        notes=(*against.sentences, *anchor_words(against)),
    )


def _said(gate: GatePlan, plan: TestPlan, against: Compared, rule: ComparedRule | None) -> Sequence[float | str]:
    """Trials to expect, and sentences."""
    if isinstance(rule, PairedRate):
        return _pairs(gate, against, rule, _own_trials(gate, against, plan))
    if isinstance(rule, CostRule):
        limit, looks = percent(gate.margin or 0.0), " and ".join(f"{look:,}" for look in rule.looks)
        said = f"no increase is good, + {limit} must be caught; looks at {looks} trials (asymptotic)"
        assert against.baseline is not None
        if relative_sd(against.baseline) == 0.0:
            never = (
                "no two of the baseline's replies to a case differ: if today's do not either, the first look decides"
            )
            return rule.looks[0], said, never, _risks(gate)
        return rule.ceiling, said, _risks(gate)
    if isinstance(rule, RunawayRule):
        return _runaways(gate, rule, against)
    if against.standing == "stale":
        blocks = " and block" if gate.blocks else ""
        return 0, f"its baseline cannot be compared with: it will be inconclusive{blocks}; {stale_step(against)}"
    blocks = "it will be inconclusive, and block" if gate.require_baseline else "it compares and blocks nothing"
    return 0, f"no approved baseline yet: {blocks}"


def _runaways(gate: GatePlan, rule: RunawayRule, against: Compared) -> Sequence[float | str]:
    good = f"no more than the baseline is good, {points(rule.excess)} more must be caught"
    kind = "pairs, as cases have one reply in the baseline" if rule.paired else "trials"
    return (
        rule.ceiling if not rule.paired else rule.n,
        f"{good}; one look at {rule.n:,} {kind}",
        _risks(gate),
        *_too_few(rule, against),
    )


def _too_few(rule: RunawayRule, against: Compared) -> list[str]:
    """That not even a build without any runaway could pass."""
    known = against.baseline.figures if against.baseline is not None else {}
    earlier = (0, rule.n) if rule.paired else (known.get("runaways", 0), max(1, known.get("runaways_of", 1)))
    clean = rule.decide(rule.n, 0, *earlier)
    if clean is not None and clean.outcome is Outcome.PASS:
        return []
    more = "propose a baseline with more replies (baseline_trials)" if rule.paired else "allow more"
    unit = "pairs" if rule.paired else "trials"
    return [f"note: {rule.n:,} {unit} cannot rule that out: {more}, or write larger runaway_points"]


def _risks(gate: GatePlan) -> str:
    shared = f", 1 of {gate.family} that share it" if gate.family > 1 else ""
    blocked = f"blocks a good build at {percent(gate.alpha_used)} risk{shared}"
    return f"{blocked}; lets a bad one pass at {percent(gate.beta)}"


def _own_trials(gate: GatePlan, against: Compared, plan: TestPlan) -> int:
    """The trials of a test, or the groups of them, that fall on a gate's own cases."""
    found = groups_in(plan.trials, len(plan.cases), gate.repeats)
    return math.ceil(found * against.cases / len(plan.cases)) if against.cases else found


def _pairs(gate: GatePlan, against: Compared, rule: PairedRate, trials: int) -> Sequence[float | str]:
    possible = max(1, min(rule.ceiling, pairs_within(against, trials)))
    found, limit = paired_figures(replace(rule, ceiling=possible)), points(gate.margin or 0.0)
    said = f"no worse than the baseline is good, {limit} worse must be caught; at most {possible:,} pairs"
    mean = f"{found.mean_same:.0f} pairs to expect of the same build"
    expected = found.mean_same if possible == rule.ceiling else float(trials)
    few = [f"note: {few_pairs(against, trials)}"] if possible < rule.ceiling else []
    return expected, said, f"{mean}, inconclusive {percent(found.p_inconclusive_same)}", _risks(gate), *few
