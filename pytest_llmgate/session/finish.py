"""After the last trial: merge what the workers wrote, decide what nobody finished, and write the results."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from pytest_llmgate.core.compared import ReplyBaseline
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.plan import SUITE_SUFFIX, TestPlan, plan_from_row
from pytest_llmgate.core.ports import Designs
from pytest_llmgate.core.record import record_from_row, usage_from_row, usage_row
from pytest_llmgate.core.reply import Usage, total_usage
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.core.verdict import TestVerdict
from pytest_llmgate.engine.decide import decide_test
from pytest_llmgate.engine.run import Stream
from pytest_llmgate.engine.verdicts import unjudged
from pytest_llmgate.reports.numbers import counted
from pytest_llmgate.reports.summary import build_result
from pytest_llmgate.session import baseline_diff
from pytest_llmgate.session.assembly import CUT_SHORT, cut_short, stream
from pytest_llmgate.session.outputs import Outputs
from pytest_llmgate.session.planner import redactor_of
from pytest_llmgate.session.records import finish_manifest, unnoted_words
from pytest_llmgate.session.reply_proposals import proposals_of
from pytest_llmgate.session.what_changed import changes_since
from pytest_llmgate.store.atomic import write_atomic
from pytest_llmgate.store.cassette_merge import merge_segments, remove_segments, segment_header, segment_paths
from pytest_llmgate.store.designs import DesignCache
from pytest_llmgate.store.journal import Recorded
from pytest_llmgate.store.merge import discard_tests, merge_tests, merge_trials
from pytest_llmgate.store.proposals import merge_proposals
from pytest_llmgate.store.rundir import RunDir

DIFF_PAGE = "baseline.proposed.md"
"""What the proposals of a run would change, for the pull request."""


def decide_recorded(
    plan: TestPlan,
    rows: Iterable[Mapping[str, Any]],
    designs: Designs,
    *,
    order: int = 0,
    cut: str = "interrupted",
    run: RunDir | None = None,
) -> TestVerdict:
    """The verdict that recorded trials give; where they end too early, undecided gates stay so (`cut`).

    run: where the circuits among them were written down.
    """
    if plan.kind == "circuit":
        return _decide_circuit(plan, rows, designs, order, cut, run)
    window = stream(plan, designs)
    _refold(window, rows, cut)
    return decide_test(window, order)


def _decide_circuit(
    plan: TestPlan, rows: Iterable[Mapping[str, Any]], designs: Designs, order: int, cut: str, run: RunDir | None
) -> TestVerdict:
    """The same for a circuit, from the distributions that were written down before its first shot."""
    from pytest_llmgate.engine.circuit_verdicts import decide_circuit
    from pytest_llmgate.session.circuits.recorded import brief_of
    from pytest_llmgate.session.circuits.rules import stream_of
    from pytest_llmgate.session.circuits.scatter import facts_at_end

    brief = None if run is None else brief_of(run, plan.id)
    if brief is None:
        return unjudged(plan, ("the run ended before this circuit was made ready",), order)
    window = stream_of(plan, brief, designs)
    _refold(window, rows, cut, own=("budget",))
    return decide_circuit(window, facts_at_end(window, brief), order)


def _refold(window: Stream, rows: Iterable[Mapping[str, Any]], cut: str, own: tuple[str, ...] = ()) -> None:
    """Fold recorded rows in the order in which the stream asks for them. own: cuts that the stream takes as trials."""
    recorded = iter(rows)
    while (trial := window.next()) is not None:
        known = window.known(trial)
        if known is not None:  # was certain, so it was not asked again and left no row
            window.put(known)
            continue
        row = next(recorded, None)
        if row is None or row["index"] != trial.index or row["seed"] != trial.seed:
            window.cut(cut)
            break
        reason = cut_short(row)
        if reason and reason not in own:
            window.cut(reason)
            break
        window.put(record_from_row(row, trial.case))


def finish_run(
    settings: Settings, run: RunDir, report: Callable[[Mapping[str, Any]], Outputs]
) -> tuple[dict[str, Any], Outputs]:
    """Merge a run, write `result.json`, then its reports; the result, and what became of the reports.

    report: writes them. One that failed is a warning in the result that is returned, not in the one on disk.
    """
    plans = run.read_plan()
    rows = {row["id"]: row for row in merge_tests(run)}
    designs = DesignCache(settings.root)
    missing = [plan for plan in plans if plan["id"] not in rows]
    if missing:
        recorded = Recorded(run)
        for order, plan in enumerate(plans):
            if plan["id"] not in rows:
                verdict = decide_recorded(plan_from_row(plan), recorded.rows(plan["id"]), designs, order=order, run=run)
                rows[plan["id"]] = verdict.to_row()
    tests = [_without_order(rows[plan["id"]]) for plan in plans if not rows[plan["id"]].get("skipped")]
    merge_trials(run, [plan["id"] for plan in plans], {test["id"]: test["trials"] for test in tests})
    execution = _execution(settings, run)
    unnoted = unnoted_words(settings.root, run) if plans else []
    execution["warnings"] += [*shared_names(plans), *unnoted]
    interrupted = bool(missing) or _was_cut(tests)
    if settings.baseline == "propose":
        proposed = merge_proposals(run, _proposed(run, plans, rows))
        execution["proposed_baselines"] = len(proposed)
    redactor = redactor_of(settings)
    since = changes_since(settings.root, plans, os.environ, lambda text: redactor.redact(text)[0])
    execution |= {"changes": since.rows, "changes_against": since.against}
    live = drew_anew(tests, execution)
    head = _run_row(run, execution.pop("recorded_at"), interrupted=interrupted, live=live)
    result = build_result(head, tests, execution)
    run.write_result(result)
    if settings.baseline == "propose":
        text = baseline_diff.written(run, settings.root, result, list(proposed.values()))
        write_atomic(run.path / DIFF_PAGE, text.encode("utf-8", "backslashreplace"))
    discard_tests(run)
    outputs = report(result)
    unregistered = finish_manifest(settings.root, run, live=live)
    late = [*outputs.warnings, *(unregistered if not unnoted else ())]  # one sentence says that nothing can be written
    # Last, so that a cassette that is broken loses no verdict.
    complete = not interrupted and settings.record == "all" and not settings.resume
    late += merge_cassettes(settings, run, plans if complete else [])
    return {**result, "execution": {**execution, "warnings": [*execution["warnings"], *late]}}, outputs


def _proposed(
    run: RunDir, plans: Iterable[Mapping[str, Any]], rows: Mapping[str, Mapping[str, Any]]
) -> Iterator[ReplyBaseline]:
    """What tests on replies propose; one that could not be judged proposes nothing."""
    recorded = Recorded(run)
    for row in plans:
        judged = rows[row["id"]]
        if row["kind"] != "circuit" and not judged.get("skipped") and judged["verdict"] != "error":
            yield from proposals_of(plan_from_row(row), recorded.rows(row["id"]))
    recorded.close()


def merge_cassettes(settings: Settings, run: RunDir, anew: Iterable[Mapping[str, Any]]) -> list[str]:
    """Bring this run's recordings into the cassettes; a sentence for each that cannot be written.

    anew: plans that were recorded anew from end to end; a suite all of whose tests are among them drops from its
    cassette what is no longer asked. Raises LlmgateError for a cassette that is broken, or that cannot be written
    though the run itself lies beside it.
    """
    files = run.read_manifest().options.get("whole", [])
    whole = {plan["cassette"] for plan in anew if plan["file"] in files}
    by_cassette: dict[str, list[Path]] = {}
    for segment in segment_paths(run.path):
        header = segment_header(segment)
        if header is not None:
            by_cassette.setdefault(header[0], []).append(segment)
    unwritten = []
    for name, segments in by_cassette.items():
        try:
            merge_segments(settings.root / name, segments, prune=name in whole)
        except LlmgateError as fault:
            if fault.problems[0].code != "cannot-write" or not run.is_elsewhere(settings.root):
                raise
            unwritten.append(_unwritten(name, run, fault))
        else:
            remove_segments(segments)
    return unwritten


def _unwritten(cassette: str, run: RunDir, fault: LlmgateError) -> str:
    """What became of replies that a read-only checkout has no room for."""
    kept = f"what was recorded stays in {run.path}"
    return f"{cassette}: {fault.problems[0].message}: {kept}; --llm-record=live records nothing"


def _without_order(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "order"}


def _was_cut(tests: Iterable[Mapping[str, Any]]) -> bool:
    return any(gate["stop_reason"] in CUT_SHORT for test in tests for gate in test["gates"])


def shared_names(plans: Iterable[Mapping[str, Any]]) -> list[str]:
    """A sentence for each name that several suite files of a run bear: reports and metrics show them as one."""
    files: dict[str, set[str]] = {}
    for plan in plans:
        if plan["file"].endswith(SUITE_SUFFIX):  # a test module bears the name of the suite that it belongs to
            files.setdefault(plan["suite"], set()).add(plan["file"])
    return [
        f"{counted(len(found), 'suite file')} named {name!r}: {', '.join(sorted(found))}: reports and metrics show "
        "them as one; give each a `suite:` of its own"
        for name, found in sorted(files.items())
        if len(found) > 1
    ]


def drew_anew(tests: Iterable[Mapping[str, Any]], execution: Mapping[str, Any]) -> bool:
    """Whether a model or a device was asked, or a test body ran, which may ask anybody."""
    bodies = sum(test["trials"] for test in tests if test["kind"] == "body")
    return bool(execution["billed"]["calls"] > 0 or bodies > execution["replayed_trials"])


def _run_row(run: RunDir, recorded_at: str | None, *, interrupted: bool, live: bool) -> dict[str, Any]:
    """live: a run that drew nothing anew is no attempt, and has the number of the last one."""
    manifest = run.read_manifest()
    return {
        "id": manifest.id,
        "seed": manifest.seed,
        "seeds": manifest.seeds,
        "plan_digest": manifest.plan_digest,
        "record": manifest.record,
        "interrupted": interrupted,
        "commit": manifest.commit,
        "dirty": manifest.dirty,
        "attempt": manifest.attempt if live else max(1, manifest.attempt - 1),
        "live": live,
        "recorded_at": recorded_at,
        "started": manifest.started,
        "versions": dict(manifest.versions),
    }


def _execution(settings: Settings, run: RunDir) -> dict[str, Any]:
    """The figures of all processes together; after a resume what was paid is counted from the trials."""
    lines = [
        json.loads(line)
        for path in sorted(run.path.glob("execution.*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    firsts = [line["first"] for line in lines if line["first"]]
    lasts = [line["last"] for line in lines if line["last"]]
    dates = [line["recorded_at"] for line in lines if line["recorded_at"]]
    billed = _recount(run) if settings.resume else total_usage(usage_from_row(line["billed"]) for line in lines)
    return {
        "overrun_trials": sum(line["overrun_trials"] for line in lines),
        "replayed_trials": sum(line["replayed_trials"] for line in lines),
        "billed": usage_row(billed._replace(cost_usd=billed.cost_usd or (Decimal(0) if not billed.calls else None))),
        "unpriced_models": sorted({name for line in lines for name in line["unpriced_models"]}),
        "warnings": sorted({text for line in lines for text in line.get("warnings", ())}),
        "wall_s": round(max(lasts) - min(firsts), 3) if firsts and lasts else None,
        "workers": settings.workers,
        "recorded_at": min(dates) if dates else None,
    }


def _recount(run: RunDir) -> Usage:
    with (run.path / "trials.jsonl").open(encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines)
        return total_usage(usage_from_row(row["usage"]) for row in rows if not row["replayed"])
