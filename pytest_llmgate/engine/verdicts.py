"""From folded gates to verdicts with sentences that say what they rule out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from pytest_llmgate.core.decision import Decision, Interval, Outcome
from pytest_llmgate.core.markers import PERCENTILES
from pytest_llmgate.core.plan import GatePlan, TestPlan
from pytest_llmgate.core.rates import opposite, percent
from pytest_llmgate.core.reply import NO_USAGE
from pytest_llmgate.core.verdict import GateVerdict, TestVerdict
from pytest_llmgate.engine.flags import flag_figures, flag_words
from pytest_llmgate.engine.gate import FIRST_ERROR, Fold, GateFold
from pytest_llmgate.stats.intervals import quantile_ci

CUT = frozenset({"budget", "interrupted", "first-fail", FIRST_ERROR, "recording-end"})


class RateEvidence(Protocol):
    """What a sentence may name beside the counts."""

    @property
    def problems(self) -> Sequence[str]:
        """What went wrong, each reason once."""

    def latencies(self, gate: str) -> Sequence[float]:
        """Milliseconds of the trials that answered, of those cases that count for a gate."""


class RateStream(Protocol):
    """What a verdict on a rate needs of its stream, be it of replies or of shots."""

    plan: TestPlan
    unjudged: str

    @property
    def evidence(self) -> RateEvidence: ...


def gate_verdict(gate: GateFold, stream: RateStream) -> GateVerdict:
    """The verdict of one gate on a rate, with its interval and its sentence."""
    decision = too_many_holes(gate, stream.plan.max_errors) or gate.decision
    assert decision is not None  # a finished stream has decided all gates
    plan, tally = gate.plan, gate.tally
    interval = gate.rule.interval(tally, cut=decision.stop_reason in CUT) if tally.n else None
    scored = tally.n - tally.holes
    rate = tally.successes / scored if scored else None
    return replace(
        unjudged_gate(plan, sentence(gate, decision, stream) + flag_words(gate)),
        verdict=decision.outcome,
        n=tally.n,
        successes=tally.successes,
        holes=tally.holes,
        n_all=gate.seen.n,
        successes_all=gate.seen.successes,
        estimate=None if rate is None else _shown(plan, rate),
        interval=None if interval is None else _turned(plan, interval),
        interval_method=None if interval is None else interval.method,
        confidence=None if interval is None else interval.confidence,
        stop_reason=decision.stop_reason,
        figures=_figures(gate, stream),
    )


def _figures(gate: GateFold, stream: RateStream) -> dict[str, Any]:
    """What was measured beside the rate."""
    if gate.repeats > 1:
        return {"repeats": gate.repeats, "identical": gate.identical, **flag_figures(gate)}
    if gate.plan.flagging is not None:
        return flag_figures(gate)
    return _latency_figures(gate.plan, stream.evidence.latencies(gate.name)) if gate.plan.type == "latency" else {}


def _latency_figures(plan: GatePlan, latencies: Sequence[float]) -> dict[str, Any]:
    """The quantile that a percentile gate asks about, with its order-statistic interval (David & Nagaraja, §7.1).

    Over all counted trials that answered; None where there are too few for a bound.
    """
    named = next((name for name in plan.params if name in PERCENTILES), None)
    if named is None or not latencies:
        return {}
    quantile, ranked = PERCENTILES[named], sorted(latencies)
    low, high, _ = quantile_ci(len(ranked), quantile, 0.95)
    return {
        "quantile": quantile,
        "quantile_ms": round(ranked[max(0, math.ceil(quantile * len(ranked)) - 1)], 3),
        "quantile_interval_ms": [
            round(ranked[low - 1], 3) if low >= 1 else None,
            round(ranked[high - 1], 3) if high <= len(ranked) else None,
        ],
    }


def too_many_holes(gate: Fold, limit: float) -> Decision | None:
    """An error where more than the allowed share of trials could not be scored and nothing is proved bad."""
    tally, decided = gate.tally, gate.decision
    if tally.holes > limit * tally.n and (decided is None or decided.outcome is not Outcome.FAIL):
        return Decision(Outcome.ERROR, "holes")
    return None


def _shown(plan: GatePlan, rate: float) -> float:
    """A success rate as the gate reports it: for `max_rate` gates the rate of the unwanted event."""
    return opposite(rate) if plan.unwanted else round(rate, 12)


def _turned(plan: GatePlan, interval: Interval) -> tuple[float, float]:
    if plan.unwanted:
        return (_shown(plan, interval.upper), _shown(plan, interval.lower))
    return (interval.lower, interval.upper)


def sentence(gate: GateFold, decision: Decision, stream: RateStream) -> str:
    """What the decision means: n, rate and limit, and what is ruled out at which risk."""
    if decision.stop_reason == "census":
        return _census_sentence(gate, decision)
    if decision.outcome is Outcome.ERROR:
        return _error_sentence(gate, decision, stream)
    if decision.outcome is Outcome.INCONCLUSIVE:
        return _inconclusive_sentence(gate, decision, stream)
    return _pass_sentence(gate) if decision.outcome is Outcome.PASS else _fail_sentence(gate)


def _counted(gate: GateFold) -> str:
    """`57 of 58 (98.3 %)`, or of unwanted events `1 of 58 (1.72 %)`; holes are named."""
    plan, tally = gate.plan, gate.tally
    hits = tally.failed if plan.unwanted else tally.successes
    scored = tally.n - tally.holes
    share = "" if not scored or hits in (0, scored) else f" ({percent(hits / scored)})"
    holes = f", {tally.holes} not scored" if tally.holes else ""
    groups = f" groups of {gate.repeats}" if gate.repeats > 1 else ""
    same = f", {gate.identical} of identical replies left out" if gate.identical else ""
    return f"{hits} of {scored}{groups}{share}{holes}{same}"


def _drawn(gate: GateFold) -> str:
    """`58`, or `58 groups of 3`; those of identical replies are named."""
    same = f" ({gate.identical} of identical replies left out)" if gate.identical else ""
    return f"{gate.tally.n} groups of {gate.repeats}{same}" if gate.repeats > 1 else f"{gate.tally.n}"


def _pass_sentence(gate: GateFold) -> str:
    plan = gate.plan
    risk = f"({percent(plan.beta)} risk)"
    if plan.zero_tolerance:
        return f"no violation in {_drawn(gate)}: a rate of {percent(1 - plan.bad)} or more is ruled out {risk}"
    side = "at or above" if plan.unwanted else "at or below"
    return f"{_counted(gate)}: {side} {percent(_shown(plan, plan.bad))} is ruled out {risk}"


def _fail_sentence(gate: GateFold) -> str:
    plan = gate.plan
    if plan.zero_tolerance:
        times = "1 violation" if gate.tally.failed == 1 else f"{gate.tally.failed} violations"
        unit = "trial" if gate.repeats == 1 else "group"
        first = "" if plan.rule == "fixed" else f", the first at {unit} {gate.tally.n}"
        return f"{times} in {_drawn(gate)}{first}: none is tolerated (limit 0 %)"
    side = "at or below" if plan.unwanted else "at or above"
    limit = percent(_shown(plan, plan.good))
    return f"{_counted(gate)}: {side} the limit of {limit} is ruled out ({percent(plan.alpha_used)} risk)"


def _census_sentence(gate: GateFold, decision: Decision) -> str:
    plan = gate.plan
    word = {Outcome.PASS: "keeps", Outcome.FAIL: "breaks"}.get(decision.outcome, "may break")
    limit = percent(_shown(plan, plan.good))
    return f"{_counted(gate)} cases, each with one possible reply (census): {word} the limit of {limit}"


def _error_sentence(gate: GateFold, decision: Decision, stream: RateStream) -> str:
    first = first_problem(gate.name, stream.evidence.problems)
    unit = "shots" if stream.plan.kind == "circuit" else "trials"
    if decision.stop_reason == "holes":
        groups = f"groups of {gate.repeats}" if gate.repeats > 1 else "trials"
        share = f"{gate.tally.holes} of {gate.tally.n} {groups} could not be scored"
        return f"{share} (limit {percent(stream.plan.max_errors)}){first}"
    return f"could not be judged after {gate.tally.n} {unit}{first}"


def first_problem(gate: str, problems: Sequence[str]) -> str:
    """`; first: …`, of the first trial that this gate has no score for, as far as the problems name gates."""
    own = (said for said in problems if f": {gate}: " in said or f"; {gate}: " in said)
    first = next(own, problems[0] if problems else "")
    return f"; first: {first}" if first else ""


def left_undecided(reason: str, unjudged: str) -> str:
    """What ended the test before a gate was decided. unjudged: the gate that could not be judged."""
    other = "another gate failed" if reason == "first-fail" else f"gate {unjudged} could not be judged"
    return f"left undecided when {other} (stop: all goes on)"


def _inconclusive_sentence(gate: GateFold, decision: Decision, stream: RateStream) -> str:
    plan, counted = gate.plan, _counted(gate)
    good, bad = percent(_shown(plan, plan.good)), percent(_shown(plan, plan.bad))
    between = f"cannot tell {good} from {bad} yet"
    if decision.stop_reason == "identical":
        return (
            "every case gave the same reply twice: identical replies are no agreement, so there is nothing to compare"
        )
    if gate.identical and not gate.tally.n:
        same = f"all {gate.identical} groups of {gate.repeats} have identical replies"
        return f"{same}, which is no agreement: there is nothing to compare"
    if decision.stop_reason == "budget":
        return f"{counted}: {between}; the budget ended the run"
    if decision.stop_reason == "interrupted":
        return f"{counted}: {between}; the run was interrupted (go on with --llm-resume)"
    if decision.stop_reason in ("first-fail", FIRST_ERROR):
        return f"{counted}: {left_undecided(decision.stop_reason, stream.unjudged)}"
    if decision.stop_reason == "recording-end":
        return f"{counted}: {between}; the recorded trials end here"
    if decision.stop_reason == "holes":
        return f"{counted}: a trial without a score may hide a violation"
    unit = "shots" if stream.plan.kind == "circuit" else "trials"
    return f"{counted}: {between} with at most {stream.plan.trials} {unit}; allow more, or widen bad_rate"


def unjudged(plan: TestPlan, problems: tuple[str, ...], order: int = 0) -> TestVerdict:
    """The error verdict of a test that could not even start."""
    gates = tuple(unjudged_gate(gate, problems[0] if problems else "not judged") for gate in plan.gates)
    return TestVerdict(
        id=plan.id,
        suite=plan.suite,
        kind=plan.kind,
        verdict=Outcome.ERROR,
        target=plan.target,
        trials=0,
        cases=0,
        cases_total=len(plan.cases),
        holes=0,
        distinct_replies=None,
        usage=NO_USAGE,
        gates=gates,
        problems=problems,
        order=order,
        file=plan.file,
        line=plan.where.line if plan.where else None,
    )


def unjudged_gate(plan: GatePlan, reason: str) -> GateVerdict:
    """The verdict of a gate that nothing has been measured for."""
    rated = plan.rated
    return GateVerdict(
        name=plan.name,
        type=plan.type,
        severity=plan.severity,
        verdict=Outcome.ERROR,
        n=0,
        successes=0 if rated else None,
        holes=0,
        n_all=0,
        successes_all=0 if rated else None,
        estimate=None,
        interval=None,
        interval_method=None,
        confidence=None,
        threshold=_shown(plan, plan.good) if rated else None,
        bad=_shown(plan, plan.bad) if rated else None,
        bad_assumed=plan.bad_assumed,
        alpha=plan.alpha,
        alpha_used=plan.alpha_used,
        family=plan.family,
        beta=plan.beta,
        stop_reason="error",
        reason=reason,
        blocking=plan.blocks,
        quarantine={"until": plan.quarantine.until, "reason": plan.quarantine.reason} if plan.quarantine else None,
    )
