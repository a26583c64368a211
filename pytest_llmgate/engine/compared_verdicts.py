"""From gates that are compared with a baseline to verdicts, with sentences that say what they rule out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pytest_llmgate.core.compared import UNIT, Compared, units_per_micro
from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.core.plan import GatePlan
from pytest_llmgate.core.rates import opposite, percent
from pytest_llmgate.core.verdict import GateVerdict
from pytest_llmgate.engine.compared import ComparedFold, CostFold, PairFold
from pytest_llmgate.engine.compared_runaways import RunawayFold
from pytest_llmgate.engine.compared_words import (
    anchor_words,
    cost_sentence,
    latency_sentence,
    pair_sentence,
    runaway_sentence,
    undecided_sentence,
)
from pytest_llmgate.engine.gate import STALE, UNAPPROVED
from pytest_llmgate.engine.stream import TestStream
from pytest_llmgate.engine.verdicts import CUT, too_many_holes, unjudged_gate
from pytest_llmgate.stats.clusters import clustered
from pytest_llmgate.stats.comparisons import mcnemar_exact
from pytest_llmgate.stats.ratio import Sums


def compared_verdict(gate: ComparedFold, stream: TestStream) -> GateVerdict:
    """The verdict of one gate that is compared with a baseline.

    Its estimate, interval, threshold and bad are those of the difference, or of the ratio of what replies take: below
    the threshold is good, from bad on is what must be caught.
    """
    decision = too_many_holes(gate, stream.plan.max_errors) or gate.decision
    assert decision is not None  # a finished stream has decided all gates
    plan = gate.plan
    shown = _shown(gate, decision, stream)
    blocking = plan.blocks and (decision.stop_reason != UNAPPROVED or plan.require_baseline)
    return replace(
        unjudged_gate(plan, _joined(shown.pop("reason"), gate.against, decision)),
        verdict=decision.outcome,
        n=gate.tally.n,
        successes=gate.tally.successes if gate.against.kind == "quality" else None,
        holes=gate.tally.holes,
        n_all=gate.seen.n,
        successes_all=gate.seen.successes if gate.against.kind == "quality" else None,
        stop_reason=decision.stop_reason,
        blocking=blocking,
        compared=compared_row(gate.against),
        **shown,
    )


def timed_verdict(found: GateVerdict, plan: GatePlan, against: Compared) -> GateVerdict:
    """The verdict of a latency gate whose limit is a baseline's: it names both, and what differs from the baseline."""
    reason = f"{found.reason}; {latency_sentence(plan, against, found.figures)}"
    return replace(
        found,
        reason=_joined(reason, against, Decision(found.verdict, found.stop_reason)),
        compared=compared_row(against),
    )


def _joined(reason: str, against: Compared, decision: Decision) -> str:
    """A reason with what differs from the baseline. Another anchor helps neither a pass nor a run that was cut."""
    step = decision.outcome is not Outcome.PASS and decision.stop_reason not in CUT
    return "; ".join((reason, *against.sentences, *anchor_words(against, step=step)))


def compared_row(against: Compared) -> dict[str, Any]:
    """Which baseline a gate is compared with, and how the test of today stands to it."""
    known = against.baseline
    unit = {UNIT: known.parameters[UNIT]} if known is not None and UNIT in known.parameters else {}
    return {
        "kind": against.kind,
        "standing": against.standing,
        "changes": list(against.sentences),
        "baseline": None
        if known is None
        else {**known.figures, **unit, "reason": known.reason, "author": known.author},
        "anchor": against.anchored,
    }


def _shown(gate: ComparedFold, decision: Decision, stream: TestStream) -> dict[str, Any]:
    if decision.stop_reason in (UNAPPROVED, STALE) or not gate.tally.n or decision.outcome is Outcome.ERROR:
        return {"reason": undecided_sentence(gate, decision, stream)}
    if isinstance(gate, PairFold):
        return _pairs(gate, decision, stream)
    if isinstance(gate, CostFold):
        return _cost(gate, decision, stream)
    assert isinstance(gate, RunawayFold)
    return _runaways(gate, decision, stream)


def _pairs(gate: PairFold, decision: Decision, stream: TestStream) -> dict[str, Any]:
    """The increase of the rate of bad replies; below 0 they are rarer than in the baseline."""
    pairs, rates, margin = gate.pairs, gate.rates(), gate.plan.margin or 0.0
    census = decision.stop_reason == "census"
    interval = None if census or not pairs.n else gate.rule.interval(pairs, cut=decision.stop_reason in CUT)
    estimate = (pairs.worse - pairs.better) / pairs.n if pairs.n else None
    if census and rates is not None:
        estimate = rates[1] - rates[0]
    figures = {
        "pairs": pairs.n,
        "better": pairs.better,
        "worse": pairs.worse,
        "different_p": round(mcnemar_exact(pairs.better, pairs.worse), 6),
        "rate": None if rates is None else round(rates[0], 6),
        "baseline_rate": round(gate.baseline.figures["passed"] / gate.baseline.figures["n"], 6),
        **_clusters(gate),
    }
    return {
        "reason": pair_sentence(gate, decision, stream),
        "estimate": None if estimate is None else round(estimate, 12),
        "interval": None if interval is None else (round(-interval.upper, 12), round(-interval.lower, 12)),
        "interval_method": None if interval is None else interval.method,
        "confidence": None if interval is None else (interval.confidence[1], interval.confidence[0]),
        "threshold": 0.0,
        "bad": margin,
        "figures": figures,
    }


def _clusters(gate: ComparedFold) -> dict[str, Any]:
    """How alike the replies to one case are, and what they are worth as independent ones."""
    counts = [(tally.n - tally.holes, tally.successes) for tally in gate.by_case.values() if tally.n > tally.holes]
    found = clustered(counts) if counts else None
    if found is None:
        return {}
    return {
        "clustered_se": _rounded(found.se),
        "icc": _rounded(found.icc),
        "effective_n": _rounded(found.effective_n, 1),
    }


def _rounded(value: float | None, digits: int = 6) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, digits)


def _cost(gate: CostFold, decision: Decision, stream: TestStream) -> dict[str, Any]:
    today, base = gate.sides()
    census = decision.stop_reason == "census"
    found = None
    if today and not census:
        found = gate.rule.bounds(gate.compared_n, today, base, cut=decision.stop_reason in CUT)
    ratio = found.ratio if found is not None else gate.ratio()
    finite = found is not None and found.upper < float("inf")
    return {
        "reason": cost_sentence(gate, decision, stream, found),
        "estimate": _rounded(ratio),
        "interval": (_down(found.lower), _down(found.upper)) if found is not None and finite else None,
        "interval_method": found.method if found is not None and finite else None,
        "confidence": (opposite(gate.plan.alpha_used), opposite(gate.plan.beta)) if finite else None,
        "threshold": 1.0,
        "bad": round(1.0 + (gate.plan.margin or 0.0), 12),
        "figures": {
            "of": gate.plan.params.get("of", "total_tokens"),
            "mean": _mean(gate, today),
            "baseline_mean": _mean(gate, base),
            "cases": len(today),
            "looks": list(gate.rule.looks),
            "token_ratio": _rounded(gate.token_ratio()),
            "replayed": gate.replayed,
        },
    }


def _mean(gate: CostFold, side: Sequence[Sums]) -> float | None:
    """Of tokens or calls, and of costs in micro-USD, whatever unit they are kept in."""
    mean = gate.mean(side)
    return None if mean is None else _rounded(mean / units_per_micro(gate.baseline), 3)


def _down(value: float) -> float:
    return round(value, 9)


def _runaways(gate: RunawayFold, decision: Decision, stream: TestStream) -> dict[str, Any]:
    y, m = gate.earlier
    census = decision.stop_reason == "census"
    found = None if census or not gate.n else gate.rule.bounds(gate.n, gate.runaways, y, m)
    return {
        "reason": runaway_sentence(gate, decision, stream),
        "estimate": round(gate.runaways / gate.n - y / m, 9) if gate.n else None,
        "interval": None if found is None else (_down(found[1]), _down(found[2])),
        "interval_method": None if found is None else "unconditional",
        "confidence": None if found is None else (opposite(gate.plan.alpha_used), opposite(gate.plan.beta)),
        "threshold": 0.0,
        "bad": gate.rule.excess,
        "figures": {
            "factor": gate.factor,
            "runaways": gate.runaways,
            "runaways_of": gate.n,
            "baseline_runaways": y,
            "baseline_runaways_of": m,
            "paired": gate.rule.paired,
            "rate": percent(gate.runaways / gate.n) if gate.n else None,
        },
    }
