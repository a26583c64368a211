"""One chunk of a recorded circuit test, drawn once more: the same circuit, noise and seed give the same shots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pytest_llmgate.core.circuit import AER, CircuitFailed, ShotResult
from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.reports.escape import harmless
from pytest_llmgate.session.circuits.desk import CircuitDesk, DeskRooms
from pytest_llmgate.session.circuits.recorded import brief_of
from pytest_llmgate.session.planner import Planner
from pytest_llmgate.store.rundir import RunDir

_SHOWN = 16


def replay_chunk(planner: Planner, run: RunDir, plan: TestPlan, row: Mapping[str, Any] | None) -> list[str]:
    """What a chunk was, and what comes when it is drawn again. Raises LlmgateError where it cannot be drawn here."""
    if row is None:
        return [f"{plan.id}: nothing recorded"]
    outcome = row.get("outcome") or {}
    head = f"{plan.id}: chunk {row['index']}, arm {harmless(str(row['case']))}, seed {row['seed']}"
    found = [head, f"recorded: {_told(outcome) if outcome.get('counts') else harmless(str(row['error']))}"]
    assert plan.circuit is not None
    if plan.circuit.source is None:
        return [*found, f"drawn again: not here; run the test itself: pytest --llm-suite {plan.id}"]
    if plan.circuit.backend.provider != AER or outcome.get("method") == "given":
        return [*found, "drawn again: not here; what a device drew is not to be had twice"]
    drawn = _draw(planner, run, plan, row)
    same = "the same shots" if dict(drawn.counts) == outcome.get("counts") else "other shots"
    return [*found, f"drawn again: {_told({'counts': drawn.counts, 'method': drawn.method})}", f"  ({same})"]


def _draw(planner: Planner, run: RunDir, plan: TestPlan, row: Mapping[str, Any]) -> ShotResult:
    """The chunk under the suite as it is today, on the arm of that name; nothing is kept."""
    brief = brief_of(run, plan.id)
    arms = [] if brief is None else [arm.id for arm in brief.arms]
    if row["case"] not in arms:
        raise problem("run-damaged", f"the run has no arm {row['case']!r} of {plan.id}", None, "record the run anew")
    place = arms.index(row["case"])
    with TemporaryDirectory(prefix="llmgate-") as folder:
        rooms = DeskRooms(
            root=planner.settings.root,
            scratch=Path(folder),
            run="replay-trial",
            registry=planner.registry,
            designs=planner.designs,
            redact_text=str,
        )
        desk = CircuitDesk(rooms)
        try:
            trial = Trial(row["index"], place, row["repeat"], row["seed"])
            return desk.redraw(plan, trial, int(row["outcome"]["shots"]))
        except CircuitFailed as failed:
            raise problem("circuit-run", f"{failed.kind}: {failed.message}", plan.where) from None
        finally:
            desk.close()


def _told(outcome: Mapping[str, Any]) -> str:
    """`64 shots by exact: 00 25, 11 39`."""
    counts = outcome["counts"]
    listed = ", ".join(f"{name} {number}" for name, number in sorted(counts.items())[:_SHOWN])
    more = f" and {len(counts) - _SHOWN} more outcomes" if len(counts) > _SHOWN else ""
    return harmless(f"{sum(counts.values()):,} shots by {outcome.get('method')}: {listed}{more}")
