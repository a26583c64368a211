"""What a run leaves on disk, as one process sees it: opened before the first trial, closed after the last."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pytest_llmgate.core.codec import text_digest
from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.plan import TestPlan, plan_digest
from pytest_llmgate.core.ports import Redactor
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.core.verdict import TestVerdict
from pytest_llmgate.redaction.plans import stored_plan
from pytest_llmgate.store.atomic import storing
from pytest_llmgate.store.cassette import JsonlCassette
from pytest_llmgate.store.cassette_merge import recover, start_segment
from pytest_llmgate.store.designs import DesignCache
from pytest_llmgate.store.git import revision
from pytest_llmgate.store.journal import Journal, Recorded
from pytest_llmgate.store.ledger import FileLedger, Slots
from pytest_llmgate.store.locks import exclusive
from pytest_llmgate.store.manifest import RunManifest
from pytest_llmgate.store.merge import discard_tests
from pytest_llmgate.store.register import attempt_number, note_ended
from pytest_llmgate.store.rundir import RunDir, find_interrupted

DEFAULT_BUDGET = Decimal("1.00")
_RESUME_HINT = "start a new run without --llm-resume"
_PACKAGES = (
    "pytest-llmgate", "pytest", "aiohttp", "jsonschema-rs", "google-re2", "jinja2", "xllamacpp", "numpy", "scipy",
    "qiskit", "qiskit-aer",
)  # fmt: skip


def open_run(settings: Settings) -> RunDir:
    """The directory of this run: a new one, or with `--llm-resume` that of the newest interrupted run.

    What killed runs recorded is brought into their cassettes first, so that it is not paid for again.
    """
    if not settings.resume:
        recover(settings.root, settings.results)
        return RunDir.create(settings.root, settings.results)
    found = find_interrupted(settings.root, settings.results)
    if found is None:
        raise problem("nothing-to-resume", "there is no interrupted run to go on with", None, _RESUME_HINT)
    recover(settings.root, settings.results, spare=found.path)
    _stop_file(found).unlink(missing_ok=True)
    discard_tests(found)  # verdicts are decided anew, from the recorded trials
    FileLedger(found.path / "ledger.json", settings.budget).resume()
    return found


def ask_to_stop(run: RunDir) -> None:
    """Tell all workers of a run that it has been cut, so that they send nothing more."""
    with suppress(OSError):  # they are then ended a little later, by force
        _stop_file(run).touch()


def asked_to_stop(run: RunDir) -> bool:
    """Whether somebody cut the run."""
    return _stop_file(run).exists()


def note_refusal(run: RunDir) -> None:
    """Note for the process that merges that this worker refused to go on with the run."""
    with storing(run.path):
        (run.path / "refused").touch()


def was_refused(run: RunDir) -> bool:
    """Whether a worker refused to go on with the run; asking takes the note away."""
    note = run.path / "refused"
    found = note.exists()
    note.unlink(missing_ok=True)
    return found


def _stop_file(run: RunDir) -> Path:
    return run.path / "stop"


class Records:
    """The files of a run for one process. redactor: refuses to record what it would still change."""

    def __init__(self, settings: Settings, run: RunDir, redactor: Redactor) -> None:
        self.settings = settings
        self.run = run
        self.designs = DesignCache(settings.root)
        self.cassettes: dict[str, JsonlCassette] = {}
        self._redactor = redactor
        self._journal: Journal | None = None
        self._recorded: Recorded | None = None

    def begin(self, plans: Sequence[TestPlan], whole: Sequence[str]) -> None:
        """Write down what will be sampled, once for all workers; refuse to resume another plan.

        whole: files of suites of which no test was deselected.
        """
        manifest = self._manifest(plans, whole)
        with exclusive(self.run.path / "begin.lock"):
            if (self.run.path / "run.json").is_file():
                _same_run(self.run.read_manifest(), manifest)
            else:
                self.run.write_plan([stored_plan(self._redactor, plan) for plan in plans])
                self.run.write_manifest(manifest)
        if self.settings.resume:
            self._recorded = Recorded(self.run)
        self._journal = Journal(self.run, self.settings.worker)

    def _manifest(self, plans: Sequence[TestPlan], whole: Sequence[str]) -> RunManifest:
        commit, dirty = revision(self.settings.root)
        # Whoever asks again with another seed asks again: attempts are counted without the seeds.
        question = plan_digest(tuple(replace(plan, seed=0) for plan in plans))
        seeds = {plan.seed for plan in plans}
        own = {"seeds": {plan.id: plan.seed for plan in plans}} if len(seeds) > 1 else {}
        return RunManifest(
            id=self.run.id,
            seed=None if own else next(iter(seeds), self.settings.seed),
            plan_digest=plan_digest(tuple(plans)),
            record=self.settings.record,
            commit=commit,
            dirty=dirty,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=_versions(),
            options={"whole": list(whole), **own},
            tests=tuple(plan.id for plan in plans),
            question=question,
            attempt=attempt_number(self.settings.root, question, commit),
        )

    @property
    def journal(self) -> Journal:
        assert self._journal is not None  # begin() comes first
        return self._journal

    def ledger(self, budget: Decimal | None) -> FileLedger:
        """Money and rates, shared by the workers of the run."""
        return FileLedger(self.run.path / "ledger.json", budget if budget is not None else DEFAULT_BUDGET)

    def places(self) -> Slots:
        """Places for trials, shared by more workers than there may be trials in flight."""
        return Slots(self.run.path / "places", self.settings.concurrency)

    def cassette(self, path: str, seed: int) -> JsonlCassette:
        """The cassette beside a suite; new recordings go to this process's segment first."""
        key = f"{path}\0{seed}"
        if key not in self.cassettes:
            mode, file = self.settings.record, self.settings.root / path
            keeps = mode in ("new", "all")
            segment = (
                start_segment(self.run.path, self.settings.root, file, mode, self.settings.worker) if keeps else None
            )
            self.cassettes[key] = JsonlCassette(file, seed, mode, segment, self._redactor)
            self.cassettes[key].load()
        return self.cassettes[key]

    @contextmanager
    def turn(self, test_id: str) -> Iterator[bool]:
        """Workers that have been given the same test take turns; yields whether another has sampled it already.

        What that one recorded is then found by `row_of`, so that nothing is drawn twice.
        """
        with exclusive(self.run.path / f"turn.{text_digest(test_id)}.lock"):
            self._recorded = Recorded(self.run)
            yield test_id in self._recorded.tests

    def row_of(self, test_id: str) -> Callable[[int], Mapping[str, Any] | None] | None:
        """Looks up what an interrupted start recorded of a test, by index."""
        recorded = self._recorded
        return None if recorded is None else lambda index: recorded.get(test_id, index)

    def transcript(self, digest: str) -> Mapping[str, Any] | None:
        """The reply with this digest that an interrupted start recorded."""
        return None if self._recorded is None else self._recorded.transcript(digest)

    def verdict(self, verdict: TestVerdict, *, expected: bool = False) -> None:
        """Write a test's verdict where the merging process finds it; of several of a test it takes the last.

        expected: whether pytest reported its failure as an expected one.
        """
        row = {"order": verdict.order, **verdict.to_row()}
        self.journal.test_done({**row, "expected": True} if expected else row)

    def circuit(self, line: str) -> None:
        """Write down what deciding a circuit test needs, before its first shot."""
        path = circuit_segment(self.run, self.settings.worker)
        with storing(path), path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def skipped(self, test_id: str) -> None:
        """Note that a test was skipped, so that nobody waits for its verdict."""
        self.journal.test_done({"id": test_id, "skipped": True})

    def close(self, execution: Mapping[str, Any]) -> None:
        """Leave this process's figures and close its files."""
        self.designs.flush()
        if self._journal is not None:
            dates = [tape.oldest_used for tape in self.cassettes.values() if tape.oldest_used]
            replayed = dates and execution["replayed_trials"]  # what was just recorded is found again, too
            row = {**execution, "recorded_at": min(dates).isoformat() if replayed else None}
            path = self.run.path / f"execution.{self.settings.worker}.jsonl"
            with storing(path), path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            self._journal.close()
            self._journal = None


def _same_run(known: RunManifest, mine: RunManifest) -> None:
    """Refuse to go on with a run that was planned otherwise, and say what differs."""
    was, now = _told(known), _told(mine)
    differing = [name for name in now if was[name] != now[name]]
    if differing:
        said = ", ".join(f"{name} {was[name]} → {now[name]}" for name in differing)
        raise problem("resume-differs", f"run {known.id} was planned otherwise: {said}", None, _RESUME_HINT)


def _told(manifest: RunManifest) -> dict[str, str]:
    """What must be the same for a run to go on, for a person."""
    seeds = manifest.seeds or {}
    seed = ", ".join(f"{seed} of {place}" for place, seed in seeds.items()) or str(manifest.seed)
    return {"plan_digest": manifest.plan_digest, "seed": seed, "record": manifest.record}


def circuit_segment(run: RunDir, worker: str) -> Path:
    """Where a worker notes its circuit tests."""
    return run.path / f"circuits.{worker}.jsonl"


def finish_manifest(root: Path, run: RunDir, *, live: bool) -> list[str]:
    """Mark a run as ended by itself, and enter it into the register; a sentence where that cannot be done."""
    manifest = replace(run.read_manifest(), finished=True, live=live)
    run.write_manifest(manifest)
    why = run.try_noting(root, lambda: note_ended(root, run, manifest.question, manifest.commit, live=live))
    missed = "attempts do not count it, and llmgate history finds it only while it is the newest run"
    return [f"this run could not be registered ({why}): {missed}"] if why else []


def unnoted_words(root: Path, run: RunDir) -> list[str]:
    """That a run could not be written into `.llmgate`, and how it is found all the same; nothing where it could."""
    why = run.note_latest(root) if run.is_elsewhere(root) else ""
    hint = f"name its folder: llmgate verdict {run.path}"
    return [f"this run is neither the newest nor in the history ({why}); {hint}"] if why else []


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
