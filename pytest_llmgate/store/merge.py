"""Merges the segments of a run's workers into the files that people read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, BinaryIO

from pytest_llmgate.store.atomic import replacing, storing
from pytest_llmgate.store.index import Files, Rows, Texts, reply_keys
from pytest_llmgate.store.lines import encode, segments
from pytest_llmgate.store.rundir import RunDir

_COUNTED, _OVERRUN = b'"overrun":false', b'"overrun":true'


def merge_trials(rundir: RunDir, tests_in_order: Sequence[str], counted: Mapping[str, int]) -> int:
    """Write `trials.jsonl` and `transcripts.jsonl` of a run and remove the segments; returns the number of trials.

    tests_in_order: ids as collected; tests not named follow. counted: how many trials of a test were folded: later
    ones get `"overrun": true`; a test not named keeps its flags. Raises `disk-full`, `cannot-write`, `run-damaged`;
    the segments are then still there. Rows are streamed: memory holds 12 bytes a trial and 20 a text.
    """
    folder = rundir.path
    done = [*segments(folder, "trials"), *segments(folder, "transcripts")]
    rows, texts = Rows(folder), Texts(folder)
    trials = 0
    with (
        closing(rows.files),
        closing(texts.files),
        replacing(folder / "trials.jsonl") as out,
        replacing(folder / "transcripts.jsonl") as said,
    ):
        for test in dict.fromkeys([*tests_in_order, *rows.tests]):
            for block in _flagged(rows, test, counted.get(test)):
                trials += block.count(b"\n")
                out.write(block)
                _copy_texts(texts, reply_keys(block), said)
    with storing(folder):
        for path in done:
            path.unlink(missing_ok=True)
    return trials


def merge_tests(rundir: RunDir) -> list[dict[str, Any]]:
    """Rows of finished tests from all workers, by first appearance; the last row of a test counts."""
    found: dict[str, dict[str, Any]] = {}
    with Files(rundir.path, "tests") as files:
        for _, line in files.lines():
            try:
                row = json.loads(line)
                found[str(row["id"])] = row
            except (ValueError, KeyError, TypeError, RecursionError):
                continue  # torn, as the test then has no verdict and is judged again
    return list(found.values())


def discard_tests(rundir: RunDir) -> None:
    """Remove the test segments, once the result stands in `result.json`."""
    with storing(rundir.path):
        for path in segments(rundir.path, "tests"):
            path.unlink(missing_ok=True)


def _flagged(rows: Rows, test: str, counted: int | None) -> Iterator[bytes]:
    """Blocks of a test's rows in order, with the right overrun flags."""
    if counted is None:
        yield from rows.blocks(test)
        return
    for block in rows.blocks(test, 0, counted):
        plain = _OVERRUN not in block and block.count(_COUNTED) >= block.count(b"\n")
        yield block if plain else _set(block, overrun=False)
    for block in rows.blocks(test, counted):
        yield _set(block, overrun=True)


def _set(block: bytes, *, overrun: bool) -> bytes:
    return b"".join(_set_line(line, overrun) for line in block.splitlines(keepends=True))


def _set_line(line: bytes, overrun: bool) -> bytes:
    """One row with its flag. The row's own key is the last of that name: a gate may be called `overrun` too."""
    old, new = (_COUNTED, _OVERRUN) if overrun else (_OVERRUN, _COUNTED)
    stands, wanted = line.rfind(old), line.rfind(new)
    if stands > wanted:
        return line[:stands] + new + line[stands + len(old) :]
    if wanted > stands:
        return line
    row = json.loads(line)  # written again by some other program, with other spacing
    return encode({**row, "overrun": overrun})


def _copy_texts(texts: Texts, keys: list[int], out: BinaryIO) -> None:
    """Append texts that were not yet written; those that lie side by side go in one piece."""
    begin = end = 0
    for key in keys:
        found = texts.take(key)
        if found is None:
            continue
        place, size = found
        if place != end:
            if begin:
                out.write(texts.files.read(begin, end - begin))
            begin = end = place
        end += size
    if begin:
        out.write(texts.files.read(begin, end - begin))
