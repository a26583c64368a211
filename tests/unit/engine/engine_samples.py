"""Plans, records and parts in a few words, for the tests of the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.codec import text_digest
from pytest_llmgate.core.decision import Rule
from pytest_llmgate.core.observation import Measurement, Observation
from pytest_llmgate.core.plan import GatePlan, ModelPlan, TestPlan
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.engine.folds import folds_of
from pytest_llmgate.engine.judge import Judge
from pytest_llmgate.engine.run import TestRun
from pytest_llmgate.engine.stream import TestStream
from pytest_llmgate.stats.planning import choose_rule


def cases(count: int) -> tuple[Case, ...]:
    return tuple(Case(id=f"c{number}", vars={"q": number}) for number in range(count))


def gate(name: str = "good", **fields: Any) -> GatePlan:
    given = {"type": name, "good": 0.9, "bad": 0.7, **fields}
    return GatePlan(name=name, **given)


def plan(*gates: GatePlan, **fields: Any) -> TestPlan:
    """A test of one function with 5 cases; its first pass needs 12 good trials at the gates' own rates."""
    given: dict[str, Any] = {
        "id": "a.suite.yaml::t", "suite": "a", "file": "a.suite.yaml", "kind": "function", "base": ".",
        "cases": cases(5), "gates": gates or (gate(),), "trials": 60, **fields,
    }  # fmt: skip
    return TestPlan(**given)


def prompt_plan(*gates: GatePlan, deterministic: bool | None = None, **fields: Any) -> TestPlan:
    """A prompt at temperature 0."""
    model = ModelPlan(alias="m", provider="python", model="x", params={"temperature": 0}, deterministic=deterministic)
    return plan(*gates, **{"kind": "prompt", "model": model, **fields})


@cache
def rule(good: float, bad: float, family: int, kind: Any, ceiling: int) -> Rule:
    return choose_rule(
        good=good, bad=bad, family=family, kind=kind, ceiling=ceiling, zero_tolerance=good == 1, bad_failure=1.0 - bad
    ).rule


def stream(test: TestPlan, sampled: int = 0) -> TestStream:
    return TestStream(
        test, folds_of(test, lambda g: rule(g.good, g.bad, g.family, g.rule, g.trials or test.trials)), sampled
    )


Answer = bool | None | Mapping[str, bool | None]


def record(test: TestPlan, trial: Trial, answer: Answer = True, **fields: Any) -> TrialRecord:
    """A completed trial; one answer stands for every gate of the test."""
    verdicts = answer if isinstance(answer, Mapping) else dict.fromkeys((g.name for g in test.gates), answer)
    text = fields.pop("text", f"reply to {trial.case}")
    given = {"reply": text_digest(text), "latency_ms": 1.0, **fields}
    return TrialRecord(test=test.id, case=test.cases[trial.case].id, trial=trial, verdicts=verdicts, **given)


def run_through(window: TestStream, answer: Callable[[Trial], Answer], **fields: Any) -> int:
    """Sample one trial after another to the end; the number of trials that were really asked."""
    asked = 0
    while (trial := window.next()) is not None:
        known = window.known(trial)
        if known is None:
            asked += 1
            known = record(window.plan, trial, answer(trial), **fields)
        window.put(known)
    return asked


class Says:
    """A measure that looks at the reply's text: `bad` is bad, an absent reply is a hole."""

    def measure(self, case: Case, seen: Observation) -> Measurement:
        if seen.reply is None:
            return Measurement(None, None, "no reply")
        good = not seen.reply.text.startswith("bad")
        return Measurement(good, None, "" if good else f"said {seen.reply.text}")


class Pages:
    """A journal in memory. full: raises as a full disk does, from this many rows on."""

    def __init__(self, full: int | None = None) -> None:
        self.rows: list[TrialRecord] = []
        self.full = full

    def append(self, record: TrialRecord, text: str | None, extra: Mapping[str, Any] | None = None) -> None:
        if self.full is not None and len(self.rows) >= self.full:
            raise OSError(28, "No space left on device")
        self.rows.append(record)


def make_run(test: TestPlan, subject: Any, journal: Pages | None = None, **fields: Any) -> TestRun:
    measures = [Says()] * len(test.gates)
    return TestRun(stream(test), Judge(test, measures), journal or Pages(), subject, **fields)


def said(text: str = "good", **fields: Any) -> Observation:
    return Observation(Reply(text), **fields)


def outcomes(window: TestStream) -> Sequence[str]:
    return [f"{fold.decision.outcome.value} {fold.decision.stop_reason}" for fold in window.gates if fold.decision]
