"""The journal of a run: each worker appends what happened, so that a kill loses nothing that was completed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.observation import Span
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.store.atomic import storage_fault
from pytest_llmgate.store.index import Rows, Texts, shown_digest
from pytest_llmgate.store.lines import encode, to_bytes
from pytest_llmgate.store.manifest import damaged
from pytest_llmgate.store.rundir import RunDir

_REMEMBERED = 8192
_quoted = json.encoder.encode_basestring
_WORKER = re.compile(r"[A-Za-z0-9_-]+")


class Journal:
    """Appends the trials of one worker to its own segments. Thread-safe; nothing is buffered in the process.

    worker: its name (`main`, `gw0`, …). Segments of an earlier start of the run are kept; this start gets new ones.
    """

    def __init__(self, rundir: RunDir, worker: str) -> None:
        if not _WORKER.fullmatch(worker):
            raise ValueError(f"a worker's name is made of letters, digits, - and _, not {worker!r}")
        self._trials, self._transcripts, self._tests = _claim(rundir.path, worker)
        self._written: set[str] = set()
        self._lock = Lock()

    def append(self, record: TrialRecord, text: str | None, extra: Mapping[str, Any] | None = None) -> None:
        """Write a trial, and its reply where no earlier trial of this worker had the same one.

        text: the redacted reply that `record.reply` is the digest of. extra: `data`, `tool_calls`, `redactions` and
        the like, written beside the text. Raises `disk-full` or `cannot-write`, then and at every later call.
        """
        line = to_bytes(record.to_line()) + b"\n"
        with self._lock:
            if record.reply is not None and text is not None and record.reply not in self._written:
                # The text first: a row on disk always has its text.
                self._transcripts.write(_transcript(record.reply, text, extra))
                self._remember(record.reply)
            self._trials.write(line)

    def test_done(self, row: Mapping[str, Any]) -> None:
        """Write the verdict of a test (a JSON object with its `id`)."""
        line = encode(row)
        with self._lock:
            self._tests.write(line)

    def close(self) -> None:
        """Close the segments; everything written is on its way to the disk already."""
        with self._lock:
            for segment in (self._trials, self._transcripts, self._tests):
                segment.close()

    def _remember(self, digest: str) -> None:
        # Bounded, as memory must not grow with the trials: a text written twice is merged into one later.
        if len(self._written) >= _REMEMBERED:
            self._written.clear()
        self._written.add(digest)


def _transcript(digest: str, text: str, extra: Mapping[str, Any] | None) -> bytes:
    if extra:
        return encode({"digest": digest, "text": text, **extra})
    return to_bytes(f'{{"digest":"{digest}","text":{_quoted(text)}}}\n')  # the common case, at a third of the cost


class _Segment:
    """An append-only file, written by one system call a line."""

    __slots__ = ("_descriptor", "_fault", "_path")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fault: LlmgateError | None = None
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(path, flags, 0o644)

    def write(self, line: bytes) -> None:
        if self._fault is not None:
            raise self._fault  # the last line is torn: nothing may follow it
        try:
            done = os.write(self._descriptor, line)
            while done < len(line):
                done += os.write(self._descriptor, line[done:])
        except OSError as fault:
            self._fault = storage_fault(fault, self._path)
            raise self._fault from fault

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _claim(folder: Path, worker: str) -> tuple[_Segment, _Segment, _Segment]:
    """New segments of a worker, numbered from the second start on."""
    start = 1
    while True:
        name = worker if start == 1 else f"{worker}.{start}"
        trials, transcripts, tests = (folder / f"{stem}.{name}.jsonl" for stem in ("trials", "transcripts", "tests"))
        start += 1
        if trials.exists() or transcripts.exists() or tests.exists():
            continue
        try:
            return _Segment(trials), _Segment(transcripts), _Segment(tests)
        except FileExistsError:
            continue  # another process was quicker
        except OSError as fault:
            raise storage_fault(fault, trials) from fault


class Recorded:
    """What a run has recorded so far, for resuming it or deciding it again; close it after use.

    Holds offsets, not rows. Of two rows of one trial the first counts, but for one that money or somebody cut
    short: the run went on later, and drew it again. `torn`: lines that a kill cut off.
    """

    def __init__(self, rundir: RunDir) -> None:
        self._rows = Rows(rundir.path)
        self._texts = Texts(rundir.path)
        self.torn = self._rows.files.torn + self._texts.files.torn

    @property
    def tests(self) -> tuple[str, ...]:
        """Ids of the tests that have rows."""
        return tuple(self._rows.tests)

    def rows(self, test_id: str) -> Iterator[dict[str, Any]]:
        """Rows of a test in the order of their index; raises `run-damaged`."""
        places = self._rows.tests.get(test_id)
        for index in range(len(places.at) if places else 0):
            row = self.get(test_id, index)
            if row is not None:
                yield row

    def get(self, test_id: str, index: int) -> dict[str, Any] | None:
        """The row of one trial, None where it was not recorded; raises `run-damaged`."""
        places = self._rows.tests.get(test_id)
        if places is None or not 0 <= index < len(places.at) or places.at[index] == 0:
            return None
        place = places.at[index]
        path = self._rows.files.path(place)
        row = _parsed(self._rows.files.read(place, places.size[index]), path)
        if (row.get("test"), row.get("index")) != (test_id, index) or not _is_row(row):
            raise damaged(path, f"the row of {test_id} [{index}] is not that of a trial")
        return row

    def transcript(self, digest: str) -> dict[str, Any] | None:
        """The reply with this digest and what was written beside it, or None; raises `run-damaged`."""
        found = self._texts.find(shown_digest(digest))
        if found is None:
            return None
        path = self._texts.files.path(found[0])
        row = _parsed(self._texts.files.read(*found), path)
        if not isinstance(row.get("text"), str):
            raise damaged(path, f"the transcript {digest} has no text")
        return row if row.get("digest") == digest else None

    def close(self) -> None:
        """Close the files of the run."""
        self._rows.files.close()
        self._texts.files.close()


def _parsed(line: bytes, path: Path) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as fault:
        raise damaged(path, f"a line is not JSON: {fault}") from None
    if not isinstance(row, dict):
        raise damaged(path, "a line is not an object")
    return row


_WORDS: tuple[object, ...] = (True, False, None)
_SPAN = set(Span._fields)


def _are_spans(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(span, dict) and span.keys() == _SPAN for span in found)


def _is_row(row: Mapping[str, Any]) -> bool:
    """Whether a row has the fields of a trial: what is decided upon must be what was written."""
    verdicts, usage = row.get("verdicts"), row.get("usage")
    return (
        isinstance(row.get("case"), str)
        and type(row.get("repeat")) is int
        and type(row.get("seed")) is int
        and isinstance(verdicts, dict)
        and all(any(word is known for known in _WORDS) for word in verdicts.values())
        and all(
            isinstance(row.get(name, {}), dict) for name in ("reasons", "fields", "redactions", "identical", "spans")
        )
        and all(map(_are_spans, row.get("spans", {}).values()))
        and isinstance(row.get("model"), str | None)
        and isinstance(row.get("ended_at"), float | int | None)
        and isinstance(usage, dict)
        and usage.keys() >= {"calls", "input_tokens", "output_tokens", "cost_usd"}
    )
