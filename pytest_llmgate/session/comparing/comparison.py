"""Compares two models on one suite, from the options of `llmgate compare` to its result."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from pytest_llmgate.core.codec import plain
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.session.comparing.asked import (
    TRAFFIC,
    Arm,
    Traffic,
    aliases_of,
    compared_plans,
    left_out,
    read_traffic,
)
from pytest_llmgate.session.comparing.deciding import (
    FIGURES,
    CostMeasure,
    PairedMeasure,
    Taken,
    Wanted,
    advice,
    feedback_rows,
)
from pytest_llmgate.session.comparing.feedback import Feedback, read_feedback
from pytest_llmgate.session.comparing.sampling import Asked, Kept, Side
from pytest_llmgate.session.planner import Planner
from pytest_llmgate.store.atomic import storing, write_atomic
from pytest_llmgate.store.rundir import STATE, new_id, state_folder

SCHEMA = "llmgate.compare/1"
RESULT = "compare.json"
_FIRST_BATCH = 32
_COST_N = 400

MakePlanner = Callable[[Mapping[str, Any]], Planner]
"""A planner with options over those of every run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be compared. baseline, candidate: aliases; the baseline may be TRAFFIC. trials: of each model on a
    test at most. cases, feedback: files. wanted: what the candidate must keep; `measures` is filled in."""

    suite: Path
    baseline: str
    candidate: str
    trials: int | None = None
    cases: Path | None = None
    feedback: Path | None = None
    margin: float = 0.05
    increase: float | None = None
    alpha: float = 0.05
    beta: float = 0.05
    options: Mapping[str, Any] = field(default_factory=dict)


def compare(root: Path, asked: Request, planner: MakePlanner) -> dict[str, Any]:
    """The result, which is also written to `compare.json` in a directory of its own. Raises LlmgateError."""
    traffic = None if asked.cases is None else read_traffic(asked.cases, root)
    baseline, candidate = _arms(asked, planner, traffic)
    cases = frozenset(case.id for plan in candidate.plans for case in plan.cases)
    said = read_feedback(asked.feedback, cases) if asked.feedback is not None else {}
    folder = _folder(root)
    new = Asked(candidate, folder / "candidate")
    old: Side = new
    try:
        old = _old(baseline, traffic, new, folder)
        found = _sampled(candidate.plans, old, new, asked, said)
    finally:
        new.close()
        if old is not new:
            old.close()
    suite = candidate.planner.suite(asked.suite)
    result = {
        "schema": SCHEMA,
        "suite": suite.name,
        "file": suite.file,
        "baseline": asked.baseline,
        "candidate": asked.candidate,
        **found,
        "feedback": feedback_rows(said),
        "left_out": left_out(suite, candidate.plans),
        "directory": folder.relative_to(root).as_posix(),
    }
    write_atomic(folder / RESULT, (json.dumps(plain(result), indent=1, ensure_ascii=False) + "\n").encode())
    return result


def _arms(asked: Request, planner: MakePlanner, traffic: Traffic | None) -> tuple[Arm | None, Arm]:
    """Both sides; None for recorded traffic, which has no model."""
    if asked.candidate == asked.baseline:
        raise problem("compare-same", f"both sides are {asked.candidate!r}", None, "name two models of the suite")
    if asked.baseline == TRAFFIC and (traffic is None or not traffic.replies):
        hint = "give --cases FILE whose rows have a 'reply'"
        raise problem("nothing-to-compare", "there are no recorded replies to compare with", None, hint)
    own = aliases_of(planner(asked.options).suite(asked.suite))
    old = None if asked.baseline == TRAFFIC else _arm(asked, asked.baseline, own, planner, traffic)
    return old, _arm(asked, asked.candidate, own, planner, traffic)


def _arm(asked: Request, alias: str, own: Sequence[str], planner: MakePlanner, traffic: Traffic | None) -> Arm:
    sent = [f"{name}={alias}" for name in own if name != alias]
    made = planner({**asked.options, "models": sent or None})
    suite = made.suite(asked.suite)
    return Arm(alias=alias, planner=made, plans=compared_plans(suite, traffic, asked.trials))


def _old(arm: Arm | None, traffic: Traffic | None, new: Asked, folder: Path) -> Side:
    if arm is not None:
        return Asked(arm, folder / "baseline")
    assert traffic is not None
    return Kept(new.plans, traffic, new.session)


def _folder(root: Path) -> Path:
    """A new directory, whose name tells when it was made."""
    with storing(root / STATE):
        state_folder(root)
        path = root / STATE / "compare" / new_id()
        path.mkdir(parents=True)
    return path


def _sampled(plans: Sequence[TestPlan], old: Side, new: Side, asked: Request, said: Feedback) -> dict[str, Any]:
    """Draw until everything is decided, and say what was found."""
    both = {name: sides for name, sides in said.items() if len(sides) > 1}
    measures = sum(len(plan.gates) for plan in plans) + len(both) + (len(plans) if asked.increase is not None else 0)
    wanted = Wanted(
        margin=asked.margin, increase=asked.increase, alpha=asked.alpha, beta=asked.beta, measures=max(1, measures)
    )
    tests = [_Test(plan, wanted) for plan in plans]
    for test in tests:
        test.run(old, new)
    people = [_people(name, sides, wanted) for name, sides in sorted(both.items())]
    outcomes = [outcome for test in tests for outcome in test.outcomes()]
    outcomes += [measure.decision.outcome if measure.decision else Outcome.INCONCLUSIVE for measure in people]
    return {
        "advice": advice(outcomes).value,
        "measures": [row for test in tests for row in test.rows()] + [measure.row() for measure in people],
        "taken": [{"test": test.plan.id, **test.taken_rows()} for test in tests],
        "trials": sum(test.drawn for test in tests),
        "wanted": {"margin": wanted.margin, "increase": wanted.increase, "alpha": wanted.alpha, "beta": wanted.beta},
    }


def _people(name: str, sides: Mapping[str, Mapping[str, bool]], wanted: Wanted) -> PairedMeasure:
    """Feedback on both sides as one more measure, in pairs by case: good where nobody rejected or escalated."""
    earlier, today = sides["baseline"], sides["candidate"]
    cases = sorted(earlier.keys() & today.keys())
    measure = PairedMeasure("feedback", f"not-{name}", wanted, len(cases))
    for case in cases:
        measure.add(not earlier[case], not today[case])
    return measure


class _Test:
    """One test of a comparison while it is sampled."""

    def __init__(self, plan: TestPlan, wanted: Wanted) -> None:
        self.plan = plan
        self.taken = Taken()
        self.drawn = 0
        self._measures = [PairedMeasure(plan.id, gate.name, wanted, plan.trials) for gate in plan.gates]
        n = min(plan.trials, _COST_N)
        self._cost = None if wanted.increase is None else CostMeasure(wanted, n, len(plan.cases))

    def run(self, old: Side, new: Side) -> None:
        """Draw batches from both sides until all is decided, or there is no more."""
        for size in self._batches():
            for side in (old, new):
                side.draw(self.plan.id, size)
            pairs = zip(old.records(self.plan.id, size), new.records(self.plan.id, size), strict=False)
            found = list(pairs)[self.drawn :]
            for earlier, today in found:
                self.taken.add(earlier, today)
                for measure in self._measures:
                    measure.add(earlier.verdicts.get(measure.name), today.verdicts.get(measure.name))
                if self._cost is not None:
                    self._cost.look(self.taken)
            self.drawn += len(found)
            if self._over() or self.drawn < size:
                return

    def _batches(self) -> list[int]:
        """Trials after which all are looked at: always twice as many, up to the most; and every look at the cost."""
        sizes = {self.plan.trials, *(self._cost.rule.looks if self._cost is not None else ())}
        for power in count():
            size = _FIRST_BATCH << power
            if size >= self.plan.trials:
                return sorted(each for each in sizes if each <= self.plan.trials)
            sizes.add(size)
        raise AssertionError("count() has no end")

    def _over(self) -> bool:
        decided = all(measure.decision is not None for measure in self._measures)
        return decided and (self._cost is None or self._cost.decision is not None)

    def outcomes(self) -> list[Outcome]:
        """What every measure came to; one that is open is inconclusive."""
        decisions = [measure.decision for measure in self._measures]
        decisions += [self._cost.decision] if self._cost is not None else []
        return [Outcome.INCONCLUSIVE if decision is None else decision.outcome for decision in decisions]

    def rows(self) -> list[dict[str, Any]]:
        """The measures as they stand in the result."""
        found = [measure.row() for measure in self._measures]
        return [*found, self._cost_row()] if self._cost is not None else found

    def _cost_row(self) -> dict[str, Any]:
        assert self._cost is not None
        decision, row = self._cost.decision, self.taken.row("total_tokens") or {}
        return {
            "test": self.plan.id,
            "measure": "cost-regression",
            "verdict": Outcome.INCONCLUSIVE.value if decision is None else decision.outcome.value,
            "stop_reason": "ceiling" if decision is None else decision.stop_reason,
            "pairs": row.get("pairs", 0),
            "ratio": row.get("ratio"),
            "interval": row.get("interval"),
            "margin": self._cost.rule.goal.margin,
        }

    def taken_rows(self) -> dict[str, Any]:
        """What both sides took."""
        return {figure: self.taken.row(figure) for figure in FIGURES}
