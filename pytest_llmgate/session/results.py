"""Recorded runs for people: their verdict, their report, one of their trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_llmgate.extensions.registry import Registry
from pytest_llmgate.reports import terminal
from pytest_llmgate.reports.escape import harmless
from pytest_llmgate.session.again import Redrawn, plan_of_today, recorded_plan, replay_trial
from pytest_llmgate.session.outputs import Outputs, check_named, view_of, write_outputs
from pytest_llmgate.session.planner import Planner
from pytest_llmgate.session.runs import open_run, result_of
from pytest_llmgate.store.journal import Recorded
from pytest_llmgate.store.report_files import read_note
from pytest_llmgate.store.rundir import RunDir
from pytest_llmgate.suites.schema import suite_schema

__all__ = ["lines", "open_run", "render_report", "replayed", "result_of", "suite_schema", "with_texts"]


def lines(root: Path, name: str | None, result: Mapping[str, Any], width: int, color: bool) -> list[str]:
    """A result as text, with the failing replies of its run."""
    return terminal.lines(with_texts(open_run(root, name), result), width, color, run=name or "latest")


def with_texts(run: RunDir, result: Mapping[str, Any]) -> dict[str, Any]:
    """A result whose failing trials carry what was said, from the transcripts."""
    if not any(test["failing"] for test in result["tests"]):
        return dict(result)
    recorded = Recorded(run)

    def said(row: Mapping[str, Any]) -> dict[str, Any]:
        found = recorded.transcript(row["reply"]) if row["reply"] else None
        return dict(row) if found is None else {**row, "text": found["text"]}

    tests = [{**test, "failing": [said(row) for row in test["failing"]]} for test in result["tests"]]
    return {**result, "tests": tests}


def render_report(
    root: Path, name: str | None, registry: Registry, only: Sequence[str], environ: Mapping[str, str]
) -> Outputs:
    """Write a run's reports again: those that it had, or `only` these, which also append to files and print.

    A report that cannot be written does not keep the others from it. Raises LlmgateError for an unknown one.
    """
    check_named(registry, only)
    run, result = open_run(root, name), result_of(root, name)
    wanted = frozenset(only or read_note(run.path).names or ("html",))
    view = view_of(run, root, environ)
    return write_outputs(result, view, registry, lambda name, renderer: name in wanted, aloud=bool(only))


def replayed(planner: Planner, run: RunDir, test_id: str, index: int) -> list[str]:
    """One trial, or one chunk of shots, of a recorded run as it was and as it comes again. Raises LlmgateError."""
    plan = recorded_plan(run, test_id)
    if plan.kind != "circuit":
        return redrawn_lines(replay_trial(planner, run, test_id, index))
    from pytest_llmgate.session.circuits.replay import replay_chunk  # imports qiskit

    of_suite = plan.circuit is not None and plan.circuit.source is not None
    today = plan_of_today(planner, plan) if of_suite else plan
    return replay_chunk(planner, run, today, Recorded(run).get(test_id, index))


def redrawn_lines(redrawn: Redrawn) -> list[str]:
    """One trial as recorded and as it came again."""
    trial, case = redrawn.trial, redrawn.plan.cases[redrawn.trial.case]
    head = f"{redrawn.plan.id}: trial {trial.index}, case {case.id}, repeat {trial.repeat}, seed {trial.seed}"
    found = [head, *_recorded_lines(redrawn)]
    if redrawn.record is None or redrawn.seen is None:
        return [*found, "drawn again: not here; run the test itself: pytest --llm-suite " + redrawn.plan.id]
    record, seen = redrawn.record, redrawn.seen
    found.append(f"drawn again: {_verdicts(record.verdicts)}")
    if seen.error is not None:
        return [*found, f"  {seen.error.kind}: {harmless(seen.error.message)}"]
    text = seen.reply.text if seen.reply is not None else ""
    same = "the same reply" if text == redrawn.said else "another reply"
    same = "nothing recorded to compare with" if redrawn.said is None else same
    return [*found, *_said(text), f"  ({same}, {'recorded' if seen.replayed else 'asked live'})"]


def _recorded_lines(redrawn: Redrawn) -> list[str]:
    row = redrawn.row
    if row is None:
        return ["recorded: nothing"]
    error = [f"  {harmless(row['error'])}"] if row["error"] else []
    return [f"recorded: {_verdicts(row['verdicts'])}", *error, *_said(redrawn.said)]


def _said(text: str | None) -> list[str]:
    return [] if text is None else [f"  | {harmless(line)}" for line in text.splitlines() or [""]]


def _verdicts(verdicts: Mapping[str, bool | None]) -> str:
    words = {True: "good", False: "bad", None: "not scored"}
    said = ", ".join(f"{name} {words[good]}" for name, good in verdicts.items())
    return said or "no gate judges this trial by itself"
