"""Brings what a run has recorded into the cassettes in git."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.settings import RecordMode
from pytest_llmgate.store.atomic import replacing, storing
from pytest_llmgate.store.cassette_lines import HEADER, LineError, broken, checked_lines, parse_line
from pytest_llmgate.store.lines import segments
from pytest_llmgate.store.locks import directory_lock
from pytest_llmgate.store.rundir import known_runs

_SEGMENT = "llmgate.cassette-segment/1"


def start_segment(rundir: Path, root: Path, cassette: Path, mode: RecordMode, worker: str) -> Path:
    """A new segment of a worker for a cassette; its first line names the cassette, relative to the root.

    Segments of an earlier start of the run are kept. Raises `disk-full` or `cannot-write`.
    """
    name = Path(os.path.relpath(cassette.resolve(), root.resolve())).as_posix()
    stem = f"cassette-{sha256(name.encode()).hexdigest()[:12]}"
    header = json.dumps({"schema": _SEGMENT, "cassette": name, "mode": mode}).encode() + b"\n"
    start = 1
    while True:
        path = rundir / (f"{stem}.{worker}.jsonl" if start == 1 else f"{stem}.{worker}.{start}.jsonl")
        start += 1
        with storing(path), suppress(FileExistsError), open(path, "xb") as file:
            file.write(header)
            return path


def segment_paths(rundir: Path, segment: Path | None = None) -> list[Path]:
    """Segments of a run, earlier starts first: all of them, or those of the same cassette as `segment`."""
    if segment is not None:
        return segments(rundir, segment.name.partition(".")[0])
    stems = {path.name.partition(".")[0] for path in rundir.glob("cassette-*.*.jsonl")}
    return [path for stem in sorted(stems) for path in segments(rundir, stem)]


def segment_header(segment: Path) -> tuple[str, RecordMode] | None:
    """Cassette and mode that a segment was recorded for; None where its first line is torn or strange."""
    try:
        with open(segment, "rb") as file:
            row = json.loads(file.readline(1 << 16))
        if row["schema"] != _SEGMENT or row["mode"] not in ("new", "all"):
            return None
        return str(row["cassette"]), row["mode"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def merge_segments(cassette: Path, segments: Sequence[Path], prune: bool = False) -> int:
    """Rewrite a cassette with what segments hold, sorted by key; returns how many recordings are new or changed.

    Recordings of mode `all` replace those of the file, others only add. prune: drop what was not recorded anew; only
    for a complete, never interrupted run of all tests in mode `all`. The bytes depend on the recordings alone, not on
    which worker made them. The segments stay: remove them after. Raises the problems of a cassette's lines.
    """
    with directory_lock(cassette.parent):
        old = _file_lines(cassette)
        fresh: dict[str, bytes] = {}
        for segment in segments:
            header = segment_header(segment)
            if header is None:
                continue
            for key, line in _segment_lines(segment):
                if header[1] == "all" or key not in old:
                    fresh[key] = min(line, fresh.get(key, line))
        merged = fresh if prune else {**old, **fresh}
        if merged != old:
            with replacing(cassette) as file:
                file.write(HEADER)
                file.writelines(merged[key] for key in sorted(merged))
    return sum(old.get(key) != line for key, line in fresh.items())


def recover(root: Path, results: Path | None = None, spare: Path | None = None) -> list[Path]:
    """Merge what killed runs have recorded; returns the cassettes that were mended.

    results: also look here. spare: a run that will be resumed, whose segments stay until it ends. A cassette that
    cannot be read is left as it is, and so are the segments.
    """
    mended = []
    for run in reversed(known_runs(root, results)):
        if (spare is not None and run.path.resolve() == spare.resolve()) or run.is_alive():
            continue
        by_cassette: dict[Path, list[Path]] = {}
        for segment in segment_paths(run.path):
            cassette = _target(root, segment)
            if cassette is not None:
                by_cassette.setdefault(cassette, []).append(segment)
        for cassette, found in by_cassette.items():
            with suppress(LlmgateError):
                if merge_segments(cassette, found):
                    mended.append(cassette)
                remove_segments(found)
    return mended


def remove_segments(segments: Sequence[Path]) -> None:
    """Remove segments that were merged."""
    for segment in segments:
        with storing(segment):
            segment.unlink(missing_ok=True)


def _target(root: Path, segment: Path) -> Path | None:
    """The cassette of a segment, if it is one under the root: a segment must not choose any file to be replaced."""
    header = segment_header(segment)
    if header is None or not header[0].endswith(".cassette.jsonl"):
        return None
    path = (root / header[0]).resolve()
    return path if path.is_relative_to(root.resolve()) and path.parent.is_dir() else None


def _file_lines(cassette: Path) -> dict[str, bytes]:
    """Lines of a cassette file by key, each one checked."""
    lines: dict[str, bytes] = {}
    with suppress(FileNotFoundError):
        for number, _, line in checked_lines(cassette):
            try:
                key = parse_line(line)[0]
            except LineError as fault:
                raise broken("cassette-damaged", cassette, number, str(fault)) from None
            if key in lines:
                raise broken("cassette-duplicate", cassette, number, "a key that stands further up already")
            lines[key] = line
    return lines


def _segment_lines(segment: Path) -> list[tuple[str, bytes]]:
    """Complete lines of a segment; what a kill tore off is left out."""
    found = []
    with open(segment, "rb") as file:
        file.readline()
        for line in file:
            if line.endswith(b"\n"):
                with suppress(LineError):
                    found.append((parse_line(line)[0], line))
    return found
