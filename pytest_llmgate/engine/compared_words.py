"""Sentences of gates that are compared with a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmgate.core.compared import Compared
from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.core.markers import PERCENTILES
from pytest_llmgate.core.plan import GatePlan
from pytest_llmgate.core.rates import percent
from pytest_llmgate.engine.compared import ComparedFold, CostFold, PairFold
from pytest_llmgate.engine.compared_runaways import RunawayFold
from pytest_llmgate.engine.gate import FIRST_ERROR, STALE, UNAPPROVED
from pytest_llmgate.engine.stream import TestStream
from pytest_llmgate.engine.verdicts import first_problem, left_undecided
from pytest_llmgate.stats.against import pairs_within, replies_of
from pytest_llmgate.stats.ratio import RatioBounds

_LONGEST_REASON = 120
_ANEW = " and accept it with --anchor"
_NOUNS = {
    "total_tokens": "tokens",
    "input_tokens": "input tokens",
    "output_tokens": "output tokens",
    "cost": "cost",
    "calls": "calls",
}
_ENDS = {
    "budget": "the budget ended the run",
    "interrupted": "the run was interrupted (go on with --llm-resume)",
    "recording-end": "the recorded trials end here",
    "holes": "replies without a figure leave it open",
}


def undecided_sentence(gate: ComparedFold, decision: Decision, stream: TestStream) -> str:
    """A gate that could not be compared, or not be judged."""
    if decision.stop_reason == UNAPPROVED:
        return "no approved baseline: propose one with --llm-baseline=propose, take it with llmgate baseline accept"
    if decision.stop_reason == STALE:
        return f"its baseline cannot be compared with: {stale_step(gate.against)}"
    first = first_problem(gate.name, stream.evidence.problems)
    if decision.stop_reason == "holes":
        share = f"{gate.tally.holes} of {gate.tally.n} trials could not be scored"
        return f"{share} (limit {percent(stream.plan.max_errors)}){first}"
    return f"{_end(gate, decision, stream)} after {gate.tally.n} trials{first}"


def stale_step(against: Compared) -> str:
    """What to do about a baseline that cannot be compared with."""
    anew = "propose a new one with --llm-baseline=propose, take it with llmgate baseline accept --changed --anchor"
    if against.incomparable == "recorded":
        live = "run it live (--llm-record=live) on the class of machine that timed the baseline"
        return f"{live}; on recorded replies it is never decided, which blocks unless the gate says severity: warn"
    if against.incomparable == "machine":
        return f"run it on that class, or {anew}"
    return anew


def anchor_words(against: Compared, *, step: bool = True) -> tuple[str, ...]:
    """That a gate is tested against the anchor, and why that was accepted. step: also what moves it."""
    known = against.baseline
    if known is None or not against.anchored:
        return ()
    reason = " ".join(known.reason.split())  # whoever edits the file by hand may write lines
    reason = reason if len(reason) <= _LONGEST_REASON else f"{reason[: _LONGEST_REASON - 1]}…"
    said = f'compared with the anchor ("{reason}"), not with what was accepted last'
    return (f"{said}: llmgate baseline accept --anchor moves it" if step else said,)


def few_pairs(against: Compared, trials: int) -> str:
    """Why so many trials make fewer pairs, and what to do about it."""
    said = f"{trials:,} trials make at most {pairs_within(against, trials)} pairs"
    more = ", or allow more trials" if replies_of(against) > pairs_within(against, trials) else ""
    if not against.fresh:
        return (
            f"{said}, as the baseline has few replies to some cases: propose one with more baseline_trials{_ANEW}{more}"
        )
    return f"{said}, as {_fresh(against)}: propose one of all cases{_ANEW}{more}"


def _fresh(against: Compared) -> str:
    have = "has" if against.fresh == 1 else "have"
    return f"{against.fresh} of today's {against.cases} cases {have} no baseline"


def _end(gate: ComparedFold, decision: Decision, stream: TestStream) -> str:
    if decision.outcome is Outcome.ERROR:
        return "could not be judged"
    if decision.stop_reason in ("first-fail", FIRST_ERROR):
        return left_undecided(decision.stop_reason, stream.unjudged)
    if decision.stop_reason == "ceiling" and gate.against.fresh:
        return f"{_fresh(gate.against)} and count for nothing: propose one of all cases{_ANEW}, or allow more trials"
    most = f"with at most {stream.plan.trials} trials; allow more, or allow a larger difference"
    return _ENDS.get(decision.stop_reason, most)


def pair_sentence(gate: PairFold, decision: Decision, stream: TestStream) -> str:
    """Pairs of one reply of today and one of the baseline."""
    pairs, rates, margin = gate.pairs, gate.rates(), points(gate.plan.margin or 0.0)
    if decision.stop_reason == "census" and rates is not None:
        word = "within" if decision.outcome is Outcome.PASS else "beyond"
        return f"{_rates(*rates)}, one possible reply a case (census): {word} the allowed {margin}"
    counted = f"{pairs.n} pairs with the baseline, {pairs.worse} worse, {pairs.better} better"
    shown = "" if rates is None else f" ({_rates(*rates)})"
    if decision.outcome is Outcome.PASS:
        return f"{counted}{shown}: {margin} or more worse is ruled out ({percent(gate.plan.beta)} risk)"
    if decision.outcome is Outcome.FAIL:
        return f"{counted}{shown}: no worse than the baseline is ruled out ({percent(gate.plan.alpha_used)} risk)"
    return f"{counted}{shown}: cannot tell the same from {margin} worse yet; {_pairs_end(gate, decision, stream)}"


def _pairs_end(gate: PairFold, decision: Decision, stream: TestStream) -> str:
    if decision.stop_reason != "ceiling":
        return _end(gate, decision, stream)
    if gate.against.fresh:
        return few_pairs(gate.against, gate.seen.n)
    if gate.pairs.n >= replies_of(gate.against):
        return f"the baseline has no more than {gate.pairs.n} replies: propose one with more baseline_trials{_ANEW}"
    if gate.pairs.n >= gate.rule.ceiling:
        return f"with at most {gate.rule.ceiling} pairs; allow more trials, or a larger difference"
    return _end(gate, decision, stream)


def _rates(now: float, was: float) -> str:
    return f"good {percent(now)} now, {percent(was)} in the baseline"


def points(share: float) -> str:
    """`5 points`, `1 point`: a difference of shares."""
    number = f"{round(share * 100, 4):g}"
    return f"{number} {'point' if number == '1' else 'points'}"


def cost_sentence(gate: CostFold, decision: Decision, stream: TestStream, found: RatioBounds | None) -> str:
    """The mean of what replies take."""
    noun, limit = _NOUNS[str(gate.plan.params.get("of", "total_tokens"))], percent(gate.plan.margin or 0.0)
    change = _change((found.ratio if found is not None else gate.ratio() or 1.0) - 1.0)
    replayed = f", {gate.replayed} of them replayed" if gate.replayed else ""
    counted = f"{noun} {change}{_of_it(gate)} on {len(gate.sides()[0])} cases, {gate.compared_n} trials{replayed}"
    if decision.stop_reason == "census":
        word = "within" if decision.outcome is Outcome.PASS else "beyond"
        return f"{counted}, one possible reply a case (census): {word} the allowed + {limit}"
    if decision.outcome is Outcome.PASS:
        return f"{counted}: + {limit} or more is ruled out ({percent(gate.plan.beta)} risk)"
    if decision.outcome is Outcome.FAIL:
        return f"{counted}: no increase is ruled out ({percent(gate.plan.alpha_used)} risk)"
    return f"{counted}: cannot tell no increase from + {limit} yet; {_end(gate, decision, stream)}"


def _of_it(gate: CostFold) -> str:
    """Of money: how the tokens behind it changed, so that a change of prices is told from one of tokens."""
    ratio = gate.token_ratio()
    return "" if gate.plan.params.get("of") != "cost" or ratio is None else f" (tokens {_change(ratio - 1.0)})"


def _change(share: float) -> str:
    sign = "−" if share < 0 else "+"
    return f"{sign} {percent(abs(share))}"


def runaway_sentence(gate: RunawayFold, decision: Decision, stream: TestStream) -> str:
    """Replies that take a multiple of what their case took."""
    y, m = gate.earlier
    multiple = f"{gate.factor:g} × their case's baseline"
    counted = f"{gate.runaways} of {gate.n} trials took over {multiple}, {y} of {m} of its own"
    if gate.rule.paired:
        one = f"{gate.factor:g} × the baseline's one to their case"
        counted = f"{gate.runaways} of {gate.n} replies took over {one}, {y} the other way round"
    if decision.stop_reason == "census":
        word = "no more" if decision.outcome is Outcome.PASS else "more"
        return f"{counted} (census): {word} than the baseline"
    if decision.outcome is Outcome.PASS:
        return f"{counted}: {points(gate.rule.excess)} more is ruled out ({percent(gate.plan.beta)} risk)"
    if decision.outcome is Outcome.FAIL:
        return f"{counted}: no more than the baseline is ruled out ({percent(gate.plan.alpha_used)} risk)"
    excess, end = points(gate.rule.excess), _end(gate, decision, stream)
    if gate.rule.paired and decision.stop_reason in ("fixed", "ceiling"):
        end = "propose a baseline with more replies a case (baseline_trials), or allow a larger difference"
    return f"{counted}: cannot tell the same from {excess} more yet; {end}"


def latency_sentence(plan: GatePlan, against: Compared, figures: Mapping[str, Any]) -> str:
    """The percentile of today, that of the baseline, and the limit that it makes."""
    of, today = _percentile(plan), figures.get("quantile_ms")
    now = f"{of} of no trial" if today is None else f"{of} {_ms(today)}"
    return f"{now}, {limit_of(plan, against)}"


def limit_of(plan: GatePlan, against: Compared) -> str:
    """How the limit of a latency gate comes from its baseline."""
    of = _percentile(plan)
    assert against.baseline is not None
    was, limit = against.baseline.figures[f"{of}_us"] / 1000, float(plan.params[f"{of}_ms"])
    return f"the baseline's {_ms(was)} + {percent(plan.margin or 0.0)} = {_ms(limit)}"


def _percentile(plan: GatePlan) -> str:
    """`p95`, of a gate whose limit was filled in from its baseline."""
    return next(name for name in plan.params if name in PERCENTILES).removesuffix("_ms")


def _ms(value: float) -> str:
    return f"{value:.4g} ms" if value < 1000 else f"{value:,.0f} ms"
