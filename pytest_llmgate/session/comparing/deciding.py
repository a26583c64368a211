"""Decides a comparison from the trials of both sides: pure, in the order of the trials."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.engine.stream import HOPELESS
from pytest_llmgate.stats.comparisons import mcnemar_exact
from pytest_llmgate.stats.cost_rule import CostGoal, CostRule, cost_rule
from pytest_llmgate.stats.paired import PairedGoal, PairedRate, PairTally
from pytest_llmgate.stats.ratio import Sums, ratio_bounds

_TAIL = 0.025


class Advice(StrEnum):
    """What to do with the candidate."""

    PROMOTE = "promote"
    HOLD = "hold"
    ROLL_BACK = "roll back"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a candidate must keep. margin: share by which good replies may become rarer. increase: share by which a
    reply may cost more, None: its cost is shown and decides nothing. measures: gates that share alpha."""

    margin: float = 0.05
    increase: float | None = None
    alpha: float = 0.05
    beta: float = 0.05
    measures: int = 1


class Unscored:
    """Trials of both sides that gave a measure nothing to go by; too many of them and nothing was judged.

    limit: the share of them from which on that is an error, `max_errors` of the test.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.drawn = 0
        self.baseline = 0
        self.candidate = 0

    def add(self, *, baseline: bool, candidate: bool) -> None:
        """Count one pair, and which of its sides has nothing to go by."""
        self.drawn += 1
        self.baseline += baseline
        self.candidate += candidate

    @property
    def too_many(self) -> bool:
        """Whether the measure is an error, unless it has failed."""
        return max(self.baseline, self.candidate) > self.limit * self.drawn

    def hopeless(self, ceiling: int) -> bool:
        """Whether more trials are pointless: there are too many of them already, whatever the rest says."""
        worst = max(self.baseline, self.candidate)
        return worst > self.limit * ceiling or worst == self.drawn >= HOPELESS

    def row(self) -> dict[str, Any]:
        """Their counts as they stand in `compare.json`."""
        return {"baseline": self.baseline, "candidate": self.candidate, "of": self.drawn, "limit": self.limit}


def ended(decision: Decision | None, unscored: Unscored, reason: str) -> Decision:
    """What a measure came to: its decision, unless too much of it could not be scored; without one it is open, or an
    error where that ended the test (`error`). reason: why no more was drawn."""
    failed = decision is not None and decision.outcome is Outcome.FAIL
    if unscored.too_many and not failed:
        return Decision(Outcome.ERROR, "holes")
    if decision is None:
        return Decision(Outcome.ERROR if reason == "error" else Outcome.INCONCLUSIVE, reason)
    open_still = decision.outcome is Outcome.INCONCLUSIVE and reason != "error"
    return Decision(Outcome.INCONCLUSIVE, reason) if open_still else decision


class PairedMeasure:
    """Folds the pairs of one measure until it is decided."""

    def __init__(self, test: str, name: str, wanted: Wanted, ceiling: int, max_errors: float = 0.0) -> None:
        goal = PairedGoal(margin=wanted.margin, alpha=wanted.alpha, beta=wanted.beta, family=wanted.measures)
        self.test, self.name = test, name
        self.rule = PairedRate(goal=goal, ceiling=max(1, ceiling))
        self.tally = PairTally()
        self.decision: Decision | None = None
        self.unscored = Unscored(max_errors)
        self.good = [0, 0]  # of the scored pairs, of the baseline and of the candidate

    def add(self, earlier: bool | None, today: bool | None) -> None:
        """Fold one pair, in the order of the trials."""
        if self.decision is not None:
            return
        self.unscored.add(baseline=earlier is None, candidate=today is None)
        if earlier is None:
            return
        self.tally = self.tally.add(today, earlier)
        if today is not None:
            self.good = [self.good[0] + earlier, self.good[1] + today]
        self.decision = self.rule.decide(self.tally)

    def row(self, reason: str) -> dict[str, Any]:
        """The measure as it stands in `compare.json`. reason: why no more was drawn."""
        tally, decision = self.tally, ended(self.decision, self.unscored, reason)
        scored = tally.n - tally.holes_lost - tally.holes_won
        interval = self.rule.interval(tally, cut=self.decision is None) if tally.n else None
        return {
            "test": self.test,
            "measure": self.name,
            "verdict": decision.outcome.value,
            "stop_reason": decision.stop_reason,
            "pairs": tally.n,
            "unpaired": self.unscored.baseline,
            "unscored": self.unscored.row(),
            "better": tally.better,
            "worse": tally.worse,
            "different_p": round(mcnemar_exact(tally.better, tally.worse), 6),
            "baseline_rate": round(self.good[0] / scored, 6) if scored else None,
            "candidate_rate": round(self.good[1] / scored, 6) if scored else None,
            "difference": round((tally.better - tally.worse) / tally.n, 6) if tally.n else None,
            "interval": None if interval is None else [round(interval.lower, 6), round(interval.upper, 6)],
            "margin": self.rule.goal.margin,
        }


FIGURES = ("total_tokens", "cost_usd", "latency_ms")
_SCALES = {"total_tokens": 1, "cost_usd": 1_000_000_000, "latency_ms": 1000}
ByCase = dict[str, Sums]


class Taken:
    """What both sides took on one test, by case, in whole numbers: tokens, nano-USD, microseconds."""

    def __init__(self) -> None:
        self.sides: tuple[dict[str, ByCase], dict[str, ByCase]] = (
            {figure: {} for figure in FIGURES},
            {figure: {} for figure in FIGURES},
        )

    def add(self, earlier: TrialRecord, today: TrialRecord) -> None:
        """Count one pair; a figure that either side lacks is left out of both."""
        for figure in FIGURES:
            values = [_figure(record, figure) for record in (earlier, today)]
            if None in values:
                continue
            for side, value in zip(self.sides, values, strict=True):
                side[figure][today.case] = side[figure].get(today.case, Sums(0, 0, 0)).add(value or 0)

    def of(self, figure: str) -> tuple[list[Sums], list[Sums]]:
        """Sums of the candidate and of the baseline by case, in one order."""
        earlier, today = (side[figure] for side in self.sides)
        return [today[case] for case in sorted(today)], [earlier[case] for case in sorted(today)]

    def pairs(self, figure: str) -> int:
        """Pairs in which both sides have a figure."""
        return sum(sums.n for sums in self.sides[1][figure].values())

    def row(self, figure: str) -> dict[str, Any] | None:
        """Means of both sides and their ratio with its 95 % interval; None where nothing was measured."""
        today, earlier = self.of(figure)
        if not today:
            return None
        means = [sum(sums.total / sums.n for sums in side) / len(side) / _SCALES[figure] for side in (earlier, today)]
        bounds = ratio_bounds(today, earlier, below=_TAIL, above=_TAIL)
        finite = math.isfinite(bounds.ratio) and math.isfinite(bounds.upper)
        return {
            "pairs": self.pairs(figure),
            "baseline": round(means[0], 9),
            "candidate": round(means[1], 9),
            "difference": round(means[1] - means[0], 9),
            "ratio": round(bounds.ratio, 6) if math.isfinite(bounds.ratio) else None,
            "interval": [round(bounds.lower, 6), round(bounds.upper, 6)] if finite else None,
        }


def _figure(record: TrialRecord, figure: str) -> int | None:
    usage = record.usage
    if figure == "total_tokens":
        known = usage.input_tokens is not None and usage.output_tokens is not None
        return (usage.input_tokens or 0) + (usage.output_tokens or 0) if known else None
    if figure == "cost_usd":
        return None if usage.cost_usd is None else int(usage.cost_usd * _SCALES[figure])
    return None if record.latency_ms is None or record.error else int(record.latency_ms * _SCALES[figure])


class CostMeasure:
    """Whether the candidate takes no more than allowed: tokens, as prices are a matter of the table."""

    def __init__(self, test: str, wanted: Wanted, n: int, cases: int, max_errors: float) -> None:
        assert wanted.increase is not None
        goal = CostGoal(margin=wanted.increase, alpha=wanted.alpha, beta=wanted.beta, family=wanted.measures)
        self.test, self.name = test, "cost-regression"
        self.rule: CostRule = cost_rule(goal, max(n, 2), cases=cases)
        self.decision: Decision | None = None
        self.unscored = Unscored(max_errors)

    def add(self, earlier: TrialRecord, today: TrialRecord, taken: Taken) -> None:
        """Decide, where with this pair as many were drawn as a planned look asks for."""
        if self.decision is None:
            unknown = [_figure(record, "total_tokens") is None for record in (earlier, today)]
            self.unscored.add(baseline=unknown[0], candidate=unknown[1])
            sides = taken.of("total_tokens")
            self.decision = self.rule.decide(taken.pairs("total_tokens"), *sides)

    def row(self, taken: Taken, reason: str) -> dict[str, Any]:
        """The measure as it stands in `compare.json`. reason: why no more was drawn."""
        decision, row = ended(self.decision, self.unscored, reason), taken.row("total_tokens") or {}
        return {
            "test": self.test,
            "measure": self.name,
            "verdict": decision.outcome.value,
            "stop_reason": decision.stop_reason,
            "pairs": row.get("pairs", 0),
            "unscored": self.unscored.row(),
            "ratio": row.get("ratio"),
            "interval": row.get("interval"),
            "margin": self.rule.goal.margin,
        }


def advice(verdicts: Sequence[str]) -> Advice:
    """One decision: roll back where anything got worse, promote where everything is shown to be kept, else hold.

    What could not be judged is an error, unless something is known to be worse.
    """
    found = set(verdicts)
    if Outcome.FAIL.value in found:
        return Advice.ROLL_BACK
    if Outcome.ERROR.value in found:
        return Advice.ERROR
    return Advice.PROMOTE if found == {Outcome.PASS.value} else Advice.HOLD


def feedback_rows(rows: Mapping[str, Mapping[str, Mapping[str, bool]]]) -> list[dict[str, Any]]:
    """How often people rejected or escalated, by side; `rows`: feedback by name, side and case."""
    found = []
    for name, sides in sorted(rows.items()):
        row: dict[str, Any] = {"feedback": name}
        for side, cases in sorted(sides.items()):
            row[side] = {"cases": len(cases), "said": sum(cases.values())}
        found.append(row)
    return found
