"""The history of tests over runs: the index brought up to date, and what it says of rates, drift and indecision."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_llmgate.core.errors import LlmgateError, nearest, problem
from pytest_llmgate.core.files import shown_under
from pytest_llmgate.core.history import DriftFound, GateFigures, GateHistory, RunFigures, TestFigures, TestHistory
from pytest_llmgate.session.runs import readable_result
from pytest_llmgate.stats.drift import DriftDetector, DriftState
from pytest_llmgate.stats.goal import RateGoal, llr
from pytest_llmgate.store.history import HistoryIndex
from pytest_llmgate.store.register import ended_runs
from pytest_llmgate.store.run_figures import run_figures
from pytest_llmgate.store.rundir import STATE, RunDir

RECENT, OFTEN, OFTEN_SHARE = 10, 3, 0.2
_HINTS = {
    "ceiling": "raise trials, or set min_rate and bad_rate further apart; llmgate plan says what that takes",
    "budget": "raise --llm-budget",
    "holes": "mend what keeps replies from being scored",
    "new": "approve a baseline: llmgate baseline accept",
    "stale": "approve a new baseline: llmgate baseline accept",
    "interrupted": "go on with interrupted runs: pytest --llm-suite --llm-resume",
}
_Pair = tuple[RunFigures, TestFigures]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All tests that were ever judged, by id. notes: runs that were left out, and what is wrong with the index."""

    tests: Mapping[str, TestHistory]
    notes: tuple[str, ...]


def history(root: Path, detector: DriftDetector) -> History:
    """The history at a root; reads runs that are new since the last look. Raises `no-run` where there is none."""
    index = HistoryIndex(root)
    skipped = _update(root, index)
    index.save()
    runs = _seen_on_disk(root, index.runs())
    gone = sum(run.gone for run in runs)
    notes = [*index.notes, *_told(skipped)]
    if gone:
        notes.append(f"of {gone:,} of {len(runs):,} runs only these figures are left: their files were deleted")
    if not runs:
        said = f"there is no run that could be read: {'; '.join(notes)}" if notes else "there is no run yet"
        raise problem("no-run", said, None, "start one with: pytest --llm-suite")
    pairs: dict[str, list[_Pair]] = {}
    for run in runs:
        for test in run.tests:
            pairs.setdefault(test.id, []).append((run, test))
    return History(tests={name: _of_test(name, pairs[name], detector) for name in sorted(pairs)}, notes=tuple(notes))


def named(tests: Mapping[str, TestHistory], name: str) -> list[TestHistory]:
    """The tests that a person means: by id, or by its last part. Raises `unknown-test`, naming the nearest."""
    found = [tests[name]] if name in tests else [test for own, test in tests.items() if own.endswith(f"::{name}")]
    if not found:
        known = {*tests, *(own.rpartition("::")[2] for own in tests)} if "::" not in name else set(tests)
        raise problem("unknown-test", f"no run has judged a test {name!r}", None, nearest(name, known))
    return found


# ---- bringing the index up to date


def _update(root: Path, index: HistoryIndex) -> list[str]:
    """Read what is new or has changed; returns why runs were left out."""
    stamps, skipped = index.stamps(), []
    for folder in _folders(root):
        path = shown_under(folder, root.resolve())
        try:
            stamp = _stamp(folder)
            if stamp is None:
                skipped.append(f"{path}: the run was not finished")
            elif stamps.get(path) != stamp:
                index.put(_read(folder, path), stamp)
        except LlmgateError as fault:
            skipped += [
                found.message if found.where is None else f"{path}: {found.message}" for found in fault.problems
            ]
        except OSError as fault:
            skipped.append(f"{path}: {fault.strerror}")
    return skipped


def _read(folder: Path, path: str) -> RunFigures:
    run = RunDir.open(folder)
    result = readable_result(run)
    assert result is not None  # it has a stamp
    return run_figures(result, run.read_manifest(), folder, path)


def _folders(root: Path) -> Iterator[Path]:
    """Directories of runs: in `.llmgate/runs`, and wherever the register or the note of the newest run says."""
    runs = root / STATE / "runs"
    found = {path.resolve() for path in runs.iterdir() if not path.is_symlink()} if runs.is_dir() else set()
    found |= {(root / run.path).resolve() for run in ended_runs(root)}
    with suppress(LlmgateError):  # there is none, or it is damaged and found among the others
        found.add(RunDir.latest(root).path.resolve())
    return (
        folder for folder in sorted(found) if any((folder / name).is_file() for name in ("run.json", "result.json"))
    )


def _stamp(folder: Path) -> str | None:
    """How a run's result is on disk; None where there is none yet."""
    try:
        found = (folder / "result.json").stat()
    except FileNotFoundError:
        return None
    return f"{found.st_mtime_ns}:{found.st_size}:{found.st_ino}"


def _seen_on_disk(root: Path, runs: Sequence[RunFigures]) -> list[RunFigures]:
    """The runs, told apart whether their files are still there, or were deleted or replaced by those of another run."""
    newest = {run.path: run.id for run in runs}
    here = {path: (root / path / "result.json").exists() for path in newest}
    return [replace(run, gone=not here[run.path] or newest[run.path] != run.id) for run in runs]


def _told(skipped: Sequence[str]) -> list[str]:
    if not skipped:
        return []
    more = f"; and {len(skipped) - 3:,} more" if len(skipped) > 3 else ""
    return [f"left out: {'; '.join(skipped[:3])}{more}"]


# ---- one test


def _of_test(name: str, pairs: Sequence[_Pair], detector: DriftDetector) -> TestHistory:
    asked = [test for run, test in pairs if run.drawn in ("live", "mixed")]
    recent = asked[-RECENT:]
    undecided = [test for test in recent if test.verdict == "inconclusive"]
    share = sum(test.verdict == "inconclusive" for test in asked) / len(asked) if asked else 0.0
    often = len(undecided) >= OFTEN and share >= OFTEN_SHARE
    names = dict.fromkeys(gate.name for _, test in reversed(pairs) for gate in test.gates)
    fresh = _fresh(pairs)
    return TestHistory(
        id=name,
        runs=tuple(pairs),
        gates=tuple(_of_gate(gate, pairs, fresh, detector) for gate in names),
        recent=len(recent),
        inconclusive=len(undecided),
        often=often,
        hint=_hint(undecided) if often else "",
    )


def _hint(undecided: Sequence[TestFigures]) -> str:
    """What to do about the commonest reason."""
    gates = [gate for test in undecided for gate in test.gates if gate.blocking and gate.verdict == "inconclusive"]
    counts = Counter(gate.stop_reason for gate in gates)
    commonest = counts.most_common(1)[0][0] if counts else ""
    return _HINTS.get(commonest, "see their reasons: llmgate verdict RUN")


def _fresh(pairs: Sequence[_Pair]) -> set[str]:
    """Ids of the runs whose replies nobody has seen before: none from a cassette, and a root seed of their own."""
    seeds: set[int] = set()
    found = set()
    for run, test in pairs:
        if run.drawn in ("live", "offline") and test.seed not in seeds:
            found.add(run.id)
        seeds.add(test.seed)
    return found


def _of_gate(name: str, pairs: Sequence[_Pair], fresh: set[str], detector: DriftDetector) -> GateHistory:
    rows = [(run, next((gate for gate in test.gates if gate.name == name), None)) for run, test in pairs]
    present = [(run, gate) for run, gate in rows if gate is not None]
    newest = present[-1][1]
    return GateHistory(
        name=name,
        seen=tuple(gate for _, gate in rows),
        drift=_drift([(run.id, gate) for run, gate in present if run.id in fresh], newest, detector),
    )


def _drift(rows: Sequence[tuple[str, GateFigures]], newest: GateFigures, detector: DriftDetector) -> DriftFound | None:
    """What the detector says after these runs; it starts anew where the good or the bad rate was changed."""
    asked = (newest.type, newest.success_rates)
    if _goal(newest) is None:
        return None
    state, alarm = DriftState(), None
    runs: list[str] = []
    for run, gate in rows:
        if (gate.type, gate.success_rates) != asked:
            state, runs, alarm = DriftState(), [], None
            continue
        goal = _goal(gate)
        if goal is None or gate.n == 0 or gate.stop_reason == "census" or gate.successes is None:
            continue  # nothing was drawn, or nothing of it is chance
        # A trial that was never scored counts as a good one: so it raises no alarm, whatever it would have been.
        after = detector.after(state, llr(goal, gate.n - gate.successes - gate.holes, gate.n))
        alarm = (alarm or run) if after.drifting else None
        state = after
        runs.append(run)
    return DriftFound(
        counted=len(runs),
        evidence=float(f"{math.exp(state.log_m):.4g}"),
        drifting=state.drifting,
        since=runs[state.since] if state.drifting else None,
        alarm=alarm,
    )


def _goal(gate: GateFigures) -> RateGoal | None:
    """The rates to tell apart; None where a single failure is already the answer, or where there is no rate."""
    rates = gate.success_rates
    if rates is None or not 0.0 < rates[1] < rates[0] < 1.0:
        return None
    return RateGoal(good=rates[0], bad=rates[1])
