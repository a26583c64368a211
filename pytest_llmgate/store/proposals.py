"""Baselines that a run proposes: appended by its workers, merged into one file of the run by the controller."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_llmgate.core.baseline import AnyBaseline
from pytest_llmgate.core.baseline_key import BaselineKey
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.store.atomic import storing, write_atomic
from pytest_llmgate.store.baseline_lines import PROPOSALS, Entries, decode, encode
from pytest_llmgate.store.lines import segments
from pytest_llmgate.store.manifest import damaged
from pytest_llmgate.store.rundir import RunDir

PROPOSED = "baseline.proposed.json"
_STEM = "proposals"


def append_proposal(run: RunDir, worker: str, entry: AnyBaseline) -> None:
    """Add a proposal to a worker's segment; raises `disk-full` or `cannot-write`.

    worker: its name (`main`, `gw0`, …). Each worker writes its own segment, from one thread at a time.
    """
    path = run.path / f"{_STEM}.{worker}.jsonl"
    # An empty line first: what a kill tore off before it spoils no later proposal.
    line = encode([entry], PROPOSALS).replace(b"\n", b"")  # line ends are layout there: texts have theirs escaped
    with storing(path), open(path, "ab") as file:
        file.write(b"\n" + line + b"\n")


def merge_proposals(run: RunDir, of_replies: Iterable[AnyBaseline] = ()) -> Entries:
    """Write `baseline.proposed.json` from the segments of all workers, and remove them; returns all proposals.

    of_replies: proposals from the merged trials, which no worker makes.
    The same bytes whatever the number of workers. Of two proposals of one key, as after a resume, the later start's
    counts. Written even where nothing was proposed, which tells a run that proposes from one that only checks.
    """
    done = segments(run.path, _STEM)
    found = dict(read_proposals(run) or {})
    for path in done:
        with storing(path):
            lines = path.read_bytes().splitlines()
        for line in lines:
            found.update(_torn_or_whole(line))
    found.update((entry.key, entry) for entry in of_replies)
    write_proposals(run, found.values())
    with storing(run.path):
        for path in done:
            path.unlink(missing_ok=True)
    return found


def write_proposals(run: RunDir, entries: Iterable[AnyBaseline]) -> None:
    """Write `baseline.proposed.json` of a run at once; raises `disk-full` or `cannot-write`."""
    write_atomic(run.path / PROPOSED, encode(entries, PROPOSALS))


def read_proposals(run: RunDir) -> Entries | None:
    """What a run proposes, None where it was not asked to; raises `run-damaged`."""
    path = run.path / PROPOSED
    if not path.exists():
        return None
    try:
        return decode(path.read_bytes(), str(path), schema=PROPOSALS)
    except OSError as fault:
        raise damaged(path, fault.strerror or "unreadable") from None
    except LlmgateError as fault:
        raise damaged(path, fault.problems[0].message) from None


def _torn_or_whole(line: bytes) -> dict[BaselineKey, AnyBaseline]:
    """The proposal of a line; nothing where the line is empty or was cut off."""
    try:
        return decode(line, PROPOSED, schema=PROPOSALS)
    except LlmgateError:
        return {}
