"""Recorded replies of one suite: the file in git, and what this run adds to it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from hashlib import sha256
from io import FileIO
from pathlib import Path
from threading import RLock
from typing import Any

from pytest_llmgate.core.codec import plain
from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.core.ports import CallKey, Redactor
from pytest_llmgate.core.reply import Reply, Request
from pytest_llmgate.core.settings import RecordMode
from pytest_llmgate.store.atomic import storing
from pytest_llmgate.store.cassette_lines import (
    LineError,
    broken,
    checked_lines,
    encode_line,
    line_key,
    parse_line,
    reply_row,
)
from pytest_llmgate.store.cassette_merge import segment_paths
from pytest_llmgate.store.lines import read_at
from pytest_llmgate.store.locks import exclusive

_SETTLED_NS = 100_000_000


def call_digest(request: Request, key: CallKey, root_seed: int) -> str:
    """The key of a call: what is asked, without its seed, and which of its repetitions it is."""
    asked: dict[str, Any] = {"model": request.model, "messages": request.messages, "params": request.params}
    asked |= {"root_seed": root_seed, "repeat": key.repeat, "ordinal": key.ordinal}
    if key.twin:
        asked["twin"] = key.twin
    # As core.codec.canonical, without its walk over values that are JSON already.
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=plain)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class JsonlCassette:
    """Replies by call; implements the port Cassette. Thread-safe; holds offsets, not replies.

    path: the cassette file; a missing one is empty. mode: `replay` and `new` find what the file holds, `new` and
    `all` what this run has recorded, in whatever worker. segment: this worker's file from `start_segment`, None
    where nothing will be kept. redactor: refuses to write what it would still change. The file is read by `load` or at
    the first use; that raises `cassette-conflict`, `-damaged`, `-duplicate` or `-schema` with file:line.

    Of two recordings of one call the first counts, also across workers: after `keep`, `find` tells which it was.
    """

    def __init__(
        self,
        path: Path,
        root_seed: int,
        mode: RecordMode,
        segment: Path | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        self._path = path
        self._seed = root_seed
        self._mode = mode
        self._segment = segment
        self._redactor = redactor
        self._file: _Recording | None = None
        self._own: dict[Path, _Recording] = {}
        self._listed: int | None = None
        self._lock = RLock()
        self.oldest_used: date | None = None

    def find(self, request: Request, key: CallKey) -> Reply | None:
        """The recorded reply of a call, None where there is none in this mode."""
        digest = call_digest(request, key, self._seed)
        with self._lock:
            found = self._read(digest)
            if found is None:
                return None
            recorded, reply = found
            self.oldest_used = recorded if self.oldest_used is None else min(recorded, self.oldest_used)
            return reply

    def keep(self, request: Request, key: CallKey, reply: Reply) -> None:
        """Record a reply, unless one of this call is recorded already; it then survives a kill.

        Raises `cassette-secret`, `reply-not-recordable`, `disk-full` or `cannot-write`.
        """
        if self._segment is None:
            raise RuntimeError("this cassette was opened without a segment to record into")
        self._refuse_secrets(reply)
        digest = call_digest(request, key, self._seed)
        row = {
            "key": digest,
            "model": request.model,
            "repeat": key.repeat,
            "ordinal": key.ordinal,
            "recorded": datetime.now(UTC).date().isoformat(),
        }
        try:
            line = encode_line({**row, "reply": reply_row(reply)})
            parse_line(line)
        except (TypeError, ValueError, RecursionError) as fault:
            hint = "return plain JSON values, or set `record: false` for this model"
            raise problem("reply-not-recordable", f"a reply cannot be recorded: {fault}", None, hint) from None
        with self._lock, storing(self._segment), exclusive(self._segment.parent / "cassettes.lock"):
            if self._read(digest) is None:
                _append(self._segment, line)

    def load(self) -> None:
        """Read the file's index now rather than at the first use, so that its problems show before any call."""
        with self._lock:
            if self._file is None and self._mode != "all":
                self._file = _Recording(self._path)
                self._file.load_all()

    def close(self) -> None:
        """Close the files that were read."""
        with self._lock:
            for recording in [*self._own.values(), *([self._file] if self._file else [])]:
                recording.close()

    def _read(self, digest: str) -> tuple[date, Reply] | None:
        """A recording: of the file unless all is recorded anew, else of this run's segments."""
        self.load()
        found = self._file.get(digest) if self._file else None
        if found is not None or self._segment is None:
            return found
        for recording in self._recordings(self._segment):
            recording.load_more()
            found = recording.get(digest)
            if found is not None:
                return found
        return None

    def _recordings(self, segment: Path) -> Iterable[_Recording]:
        """This run's recordings for the cassette by all workers; the folder is only listed after it has changed."""
        changed = os.stat(segment.parent).st_mtime_ns
        if changed != self._listed:
            for path in segment_paths(segment.parent, segment):
                self._own.setdefault(path, _Recording(path))
            # A change just now may have a second one of the same time stamp behind it.
            self._listed = changed if time.time_ns() - changed > _SETTLED_NS else None
        return self._own.values()

    def _refuse_secrets(self, reply: Reply) -> None:
        """The redactor has run before and changes nothing twice; a recording goes to git, so look once more."""
        if self._redactor is None:
            return
        for text in _texts([reply.text, reply.data, reply.context, list(reply.tool_calls)]):
            clean, found = self._redactor.redact(text)
            if clean != text:
                kinds = ", ".join(sorted({item.kind for item in found})) or "private text"
                hint = "nothing was written; please report this as a bug of the redaction"
                raise problem("cassette-secret", f"a reply still holds {kinds}", Where(str(self._path)), hint)


class _Recording:
    """One file of recordings by key: where each line begins, and its number."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int, int]] = {}
        self._read_to = 0
        self._open: FileIO | None = None

    def load_all(self) -> None:
        """Read a cassette file; a missing one is empty. Raises all that is wrong with it at once."""
        faults = []
        with suppress(FileNotFoundError):
            for number, offset, line in checked_lines(self._path):
                try:
                    key = line_key(line)
                except LineError as fault:
                    faults.append(broken("cassette-damaged", self._path, number, str(fault)))
                    continue
                if key in self._places:
                    message = f"the same key as in line {self._places[key][0]}"
                    faults.append(broken("cassette-duplicate", self._path, number, message))
                self._places[key] = number, offset, len(line)
        if faults:
            raise LlmgateError(*(item for fault in faults[:20] for item in fault.problems))

    def load_more(self) -> None:
        """Read what a segment has got since the last time; its last line may be torn."""
        if os.stat(self._path).st_size == self._read_to:
            return
        with open(self._path, "rb") as file:
            file.seek(self._read_to)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # torn, or about to be completed
                if self._read_to:  # the first line is the header
                    with suppress(LineError):
                        self._places.setdefault(line_key(line), (0, self._read_to, len(line)))
                self._read_to += len(line)

    def get(self, key: str) -> tuple[date, Reply] | None:
        """Date and reply of a recording, None where the file has none; raises `cassette-damaged`."""
        place = self._places.get(key)
        if place is None:
            return None
        number, offset, size = place
        try:
            if self._open is None:
                self._open = FileIO(self._path)
            found, recorded, reply = parse_line(read_at(self._open.fileno(), size, offset))
        except (LineError, OSError) as fault:
            raise broken("cassette-damaged", self._path, number, str(fault)) from None
        if found != key:
            raise broken("cassette-damaged", self._path, number, "the file has changed during the run")
        return recorded, reply

    def close(self) -> None:
        """Close the file; it is opened again if need be."""
        if self._open is not None:
            self._open.close()
            self._open = None


def _append(path: Path, line: bytes) -> None:
    """Append a whole line, or nothing."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
    size, done = os.fstat(descriptor).st_size, 0
    try:
        while done < len(line):
            done += os.write(descriptor, line[done:])
    except OSError:
        os.ftruncate(descriptor, size)
        raise
    finally:
        os.close(descriptor)


def _texts(value: Any) -> Iterator[str]:
    """All texts inside a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for item in value:
            yield from _texts(item)
