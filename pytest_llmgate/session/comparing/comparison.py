"""Compares two models on one suite, from the options of `llmgate compare` to its result."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_llmgate.core.codec import plain
from pytest_llmgate.core.errors import LlmgateError, problem
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.session.comparing.asked import Arm, aliases_of, compared_plans, left_out
from pytest_llmgate.session.comparing.deciding import PairedMeasure, Wanted, advice, feedback_rows
from pytest_llmgate.session.comparing.feedback import NOTHING_SAID, Feedback, read_feedback
from pytest_llmgate.session.comparing.one_test import TestCompared
from pytest_llmgate.session.comparing.sampling import Asked, Kept, Side
from pytest_llmgate.session.comparing.traffic import TRAFFIC, Traffic, read_traffic
from pytest_llmgate.session.planner import Planner
from pytest_llmgate.store.atomic import storing, write_atomic
from pytest_llmgate.store.rundir import STATE, new_id, state_folder

SCHEMA = "llmgate.compare/1"
RESULT = "compare.json"
FEEDBACK_END = "feedback-end"
"""Why a measure on feedback is open: people said no more."""

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
    said = read_feedback(asked.feedback, _case_ids(candidate, traffic)) if asked.feedback is not None else NOTHING_SAID
    folder = _folder(root)
    new = Asked(candidate, folder / "candidate")
    old: Side = new
    try:
        old = _old(baseline, traffic, new, folder)
        found = _sampled(candidate.plans, old, new, asked, said.rows)
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
        "feedback": feedback_rows(said.rows),
        "repeated_feedback": said.repeated,
        "traffic": _traffic_row(traffic) if asked.baseline == TRAFFIC else None,
        "left_out": left_out(suite, candidate.plans),
        "directory": folder.relative_to(root).as_posix(),
    }
    write_atomic(folder / RESULT, (json.dumps(plain(result), indent=1, ensure_ascii=False) + "\n").encode())
    return result


def _case_ids(arm: Arm, traffic: Traffic | None) -> frozenset[str]:
    """Of the cases that people may have said something of: a row on any other would be lost."""
    known = [case for plan in arm.plans for case in plan.cases] if traffic is None else traffic.cases
    return frozenset(case.id for case in known)


def _traffic_row(traffic: Traffic | None) -> dict[str, int] | None:
    """How many recorded rows could be compared with, and how many have no reply."""
    if traffic is None:
        return None
    rows, answered = len(traffic.cases), len(traffic.answered)
    return {"rows": rows, "replies": answered, "without_reply": rows - answered}


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
    recorded = asked.baseline == TRAFFIC
    cases = None if traffic is None else traffic.answered if recorded else traffic.cases
    return Arm(alias=alias, planner=made, plans=compared_plans(suite, cases, asked.trials, recorded=recorded))


def _old(arm: Arm | None, traffic: Traffic | None, new: Asked, folder: Path) -> Side:
    if arm is not None:
        return Asked(arm, folder / "baseline")
    assert traffic is not None
    return Kept(new.plans, traffic, new.session)


def _folder(root: Path) -> Path:
    """A new directory, whose name tells when it was made."""
    path = root / STATE / "compare" / new_id()
    try:
        with storing(state_folder(root)):
            path.mkdir(parents=True)
    except LlmgateError as fault:
        hint = f"comparisons are kept in {STATE}: make it writable, or work in a copy of the checkout"
        raise LlmgateError(*(replace(found, hint=hint) for found in fault.problems)) from None
    return path


def _sampled(plans: Sequence[TestPlan], old: Side, new: Side, asked: Request, said: Feedback) -> dict[str, Any]:
    """Draw until everything is decided, and say what was found."""
    both = {name: sides for name, sides in said.items() if len(sides) > 1}
    measures = sum(len(plan.gates) for plan in plans) + len(both) + (len(plans) if asked.increase is not None else 0)
    wanted = Wanted(
        margin=asked.margin, increase=asked.increase, alpha=asked.alpha, beta=asked.beta, measures=max(1, measures)
    )
    tests = [TestCompared(plan, wanted) for plan in plans]
    for test in tests:
        test.run(old, new)
    rows = [row for test in tests for row in test.rows()]
    rows += [_people(name, sides, wanted).row(FEEDBACK_END) for name, sides in sorted(both.items())]
    return {
        "advice": advice([row["verdict"] for row in rows]).value,
        "measures": rows,
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
