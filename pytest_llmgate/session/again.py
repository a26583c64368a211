"""Looking at a run again: decide it anew from its records, or draw one of its trials once more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pytest_llmgate.core.errors import nearest, problem
from pytest_llmgate.core.observation import Observation
from pytest_llmgate.core.plan import GatePlan, TestPlan, plan_from_row
from pytest_llmgate.core.ports import BlockingSubject
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.trial import Trial, TrialKeys
from pytest_llmgate.engine.judge import Judge
from pytest_llmgate.reports.summary import build_result
from pytest_llmgate.session import assembly
from pytest_llmgate.session.finish import decide_recorded
from pytest_llmgate.session.gate_session import GateSession
from pytest_llmgate.session.planner import Planner
from pytest_llmgate.session.runs import readable_result
from pytest_llmgate.store.designs import DesignCache
from pytest_llmgate.store.journal import Recorded
from pytest_llmgate.store.rundir import RunDir


@dataclass(frozen=True, slots=True, kw_only=True)
class Otherwise:
    """Other thresholds to decide a recorded run by. gate: the gates of this name, all if None.

    good, bad: success rates. limit_ms: of latency gates.
    """

    gate: str | None = None
    good: float | None = None
    bad: float | None = None
    alpha: float | None = None
    beta: float | None = None
    limit_ms: float | None = None

    @property
    def changes(self) -> dict[str, float]:
        """The gate fields that differ."""
        fields = {name: getattr(self, name) for name in ("good", "bad", "alpha", "beta")}
        return {name: value for name, value in fields.items() if value is not None}


def regate(root: Path, run: RunDir, otherwise: Otherwise) -> dict[str, Any]:
    """The result that a recorded run gives, without one call; with other thresholds it is exploratory."""
    designs = DesignCache(root)
    recorded, tests, touched = Recorded(run), [], False
    plans = [plan_from_row(row) for row in run.read_plan()]
    _check_known(otherwise, plans)
    for order, plan in enumerate(plans):
        mine = replace(plan, gates=tuple(_changed(gate, otherwise) for gate in plan.gates))
        touched = touched or mine != plan or otherwise.limit_ms is not None
        rows = _remeasured(recorded.rows(plan.id), mine, otherwise)
        verdict = decide_recorded(mine, rows, designs, order=order, cut="recording-end", run=run)
        tests.append(verdict.to_row())
    known = readable_result(run) or {"run": {}, "execution": {}}
    return build_result({**known["run"], "exploratory": touched}, tests, known["execution"])


def _check_known(otherwise: Otherwise, plans: Sequence[TestPlan]) -> None:
    """Refuse thresholds that no gate of the run would take, or the answer would only seem to be about them."""
    gates = [gate for plan in plans for gate in plan.gates]
    names = {gate.name for gate in gates}
    if otherwise.gate is not None and otherwise.gate not in names:
        raise problem("unknown-gate", f"the run has no gate {otherwise.gate!r}", None, nearest(otherwise.gate, names))
    timed = any(gate.type == "latency" and otherwise.gate in (None, gate.name) for gate in gates)
    if otherwise.limit_ms is not None and not timed:
        what = "the run has no latency gate" if otherwise.gate is None else f"{otherwise.gate!r} is no latency gate"
        raise problem("unknown-gate", f"{what} that --limit-ms could change")


def _changed(gate: GatePlan, otherwise: Otherwise) -> GatePlan:
    if otherwise.gate not in (None, gate.name) or not otherwise.changes or not gate.rated:
        return gate
    changed = replace(gate, trials=None, bad_assumed=False, **otherwise.changes)  # type: ignore[arg-type]
    if not 0.0 < changed.bad < changed.good <= 1.0:
        text = f"{gate.name}: bad {changed.bad:g} must lie below good {changed.good:g}, both as success rates"
        raise problem("rates-wrong-side", text, gate.where, "give both, with --good and --bad")
    return changed


def _remeasured(rows: Iterator[Mapping[str, Any]], plan: TestPlan, otherwise: Otherwise) -> Iterator[Mapping[str, Any]]:
    """Rows with the latency gates measured against another limit."""
    names = [gate.name for gate in plan.gates if gate.type == "latency" and otherwise.gate in (None, gate.name)]
    for row in rows:
        if otherwise.limit_ms is None or row["latency_ms"] is None:
            yield row
        else:
            good = row["latency_ms"] <= otherwise.limit_ms
            yield {**row, "verdicts": {**row["verdicts"], **dict.fromkeys(names, good)}}


@dataclass(frozen=True, slots=True)
class Redrawn:
    """One trial as it was recorded and as it came again. record, seen: of the new draw; None for a test body."""

    plan: TestPlan
    trial: Trial
    row: Mapping[str, Any] | None
    said: str | None
    record: TrialRecord | None
    seen: Observation | None


def replay_trial(planner: Planner, run: RunDir, test_id: str, index: int) -> Redrawn:
    """Draw one trial of a recorded run once more, with its seed and its case, under the suite as it is today."""
    plan = recorded_plan(run, test_id)
    recorded = Recorded(run)
    row = recorded.get(test_id, index)
    said = recorded.transcript(row["reply"]) if row is not None and row["reply"] else None
    text = None if said is None else str(said["text"])
    if plan.kind == "body":
        return Redrawn(plan, _trial(plan, index), row, text, None, None)
    today = plan_of_today(planner, plan)
    record, seen = _draw(planner, today, index)
    return Redrawn(today, record.trial, row, text, record, seen)


def recorded_plan(run: RunDir, test_id: str) -> TestPlan:
    """The plan of one test of a run; raises LlmgateError for a test that it does not have."""
    plans = {row["id"]: plan_from_row(row) for row in run.read_plan()}
    if test_id not in plans:
        raise problem("unknown-test", f"the run has no test {test_id!r}", None, nearest(test_id, plans))
    return plans[test_id]


def plan_of_today(planner: Planner, plan: TestPlan) -> TestPlan:
    """The same test as its suite file has it now; raises LlmgateError where it is gone."""
    suite = planner.suite(planner.settings.root / plan.file)
    today = {test.id: test for test in suite.tests}
    if plan.id not in today:
        raise problem("unknown-test", f"{plan.file} has no test {plan.id!r} any more", None, nearest(plan.id, today))
    return today[plan.id]


def _trial(plan: TestPlan, index: int) -> Trial:
    keys = TrialKeys(plan.seed, plan.id, tuple(case.id for case in plan.cases))
    return next(keys.trials(index))


def _draw(planner: Planner, plan: TestPlan, index: int) -> tuple[TrialRecord, Observation]:
    """One observation outside any run: nothing of it is kept."""
    with TemporaryDirectory(prefix="llmgate-") as folder:
        session = GateSession(planner, RunDir(Path(folder), "replay-trial"), [plan])
        try:
            subject, trial = session.prepare(plan.id).subject, _trial(plan, index)
            if isinstance(subject, BlockingSubject):
                seen = subject.sample_now(trial)
            else:
                assert subject is not None
                seen = session.engine.call(subject.sample(trial))
            judge = Judge(plan, assembly.measures(plan, session.parts), session.parts.redact_text)
            return judge.record(trial, seen), seen
        finally:
            session.close()
