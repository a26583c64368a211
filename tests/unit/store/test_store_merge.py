"""Merged files do not depend on who wrote what and when, and merging holds no rows in memory."""

from __future__ import annotations

import json
import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_samples import TEST, record

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.store import merge
from pytest_llmgate.store.journal import Journal, Recorded
from pytest_llmgate.store.merge import merge_trials
from pytest_llmgate.store.rundir import RunDir

OTHER = "suites/support.suite.yaml::other"


def write(run: RunDir, worker: str, test: str, order: list[int], replies: int = 3) -> None:
    journal = Journal(run, worker)
    for index in order:
        text = f"{test} {index % replies}"
        journal.append(record(index, text, test=test), text)
    journal.close()


def merged(run: RunDir) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run.path / "trials.jsonl").read_bytes().splitlines()]


def test_the_same_bytes_whatever_the_order_and_the_workers(tmp_path: Path) -> None:
    written = set()
    for seed in range(4):
        run = RunDir.create(tmp_path / str(seed), None)
        order = list(range(200))
        random.Random(seed).shuffle(order)
        write(run, "gw0", TEST, order[: 50 * seed])
        write(run, "gw1", OTHER, order)
        write(run, "gw0", TEST, order[50 * seed :])
        assert merge_trials(run, [TEST, OTHER], {TEST: 150, OTHER: 200}) == 400
        written.add(((run.path / "trials.jsonl").read_bytes(), (run.path / "transcripts.jsonl").read_bytes()))
        assert not list(run.path.glob("tr*.*.jsonl"))
    assert len(written) == 1
    rows = merged(run)
    assert [(row["test"], row["index"]) for row in rows] == [(test, i) for test in (TEST, OTHER) for i in range(200)]
    assert [row["index"] for row in rows if row["overrun"]] == list(range(150, 200))


def test_transcripts_come_once_in_the_order_of_their_first_use(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path)
    write(run, "gw1", TEST, [5, 4, 3, 2, 1, 0])
    merge_trials(run, [TEST], {TEST: 6})
    texts = [json.loads(line)["text"] for line in (run.path / "transcripts.jsonl").read_bytes().splitlines()]
    assert texts == [f"{TEST} {index}" for index in range(3)]


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(0, 45), st.integers(1, 3))
def test_every_trial_once_and_flagged_by_what_was_counted(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], counted: int, starts: int
) -> None:
    run = RunDir.create(tmp_path_factory.mktemp("merge"))
    for start in range(starts):
        write(run, "main", TEST, order[start::starts])
    merge_trials(run, [TEST], {TEST: counted})
    assert [(row["index"], row["overrun"]) for row in merged(run)] == [(i, i >= counted) for i in sorted(set(order))]


def test_gates_named_like_the_flag_keep_their_verdicts(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path)
    verdicts = {"overrun": False, "error": True, "reply": False}
    journal = Journal(run, "main")
    for index in range(4):
        journal.append(record(index, verdicts=verdicts, error='"overrun":false', reasons={"reply": "a" * 32}), None)
    journal.close()
    merge_trials(run, [TEST], {TEST: 2})
    merge_trials(run, [TEST], {TEST: 3})  # as after a resume that counted one more
    rows = merged(run)
    assert [row["overrun"] for row in rows] == [False, False, False, True]
    assert all(row["verdicts"] == verdicts for row in rows)


def test_a_merged_run_goes_on_with_new_segments(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path)
    write(run, "gw0", TEST, [0, 1, 2])
    merge_trials(run, [TEST], {TEST: 3})
    write(run, "gw0", TEST, [4, 3])
    assert [row["index"] for row in Recorded(run).rows(TEST)] == [0, 1, 2, 3, 4]
    merge_trials(run, [TEST], {TEST: 5})
    assert [row["index"] for row in merged(run)] == [0, 1, 2, 3, 4]


def test_rows_that_another_program_wrote_again_are_still_rows(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path)
    rows = [json.loads(record(index).to_line()) for index in range(6)]
    spaced = [json.dumps(rows[0]), json.dumps(rows[1], sort_keys=True), record(2).to_line()]
    spaced += [json.dumps(row, sort_keys=True, separators=(",", ":")) for row in rows[3:]]
    (run.path / "trials.jsonl").write_text("\n".join(spaced) + "\n")
    merge_trials(run, [TEST], {TEST: 4})
    assert merged(run) == [{**row, "overrun": row["index"] >= 4} for row in rows]


def test_tests_that_nobody_named_follow_and_keep_their_flags(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path)
    write(run, "gw0", OTHER, [1, 0])
    write(run, "gw1", TEST, [0])
    merge_trials(run, ["not run", TEST], {TEST: 0})
    assert [(row["test"], row["index"], row["overrun"]) for row in merged(run)] == [
        (TEST, 0, True), (OTHER, 0, False), (OTHER, 1, False),
    ]  # fmt: skip


def test_a_run_without_a_trial_has_empty_files(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path)
    assert merge_trials(run, [], {}) == 0
    assert (run.path / "trials.jsonl").read_bytes() == (run.path / "transcripts.jsonl").read_bytes() == b""


def test_a_merge_that_fails_keeps_the_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunDir.create(tmp_path)
    write(run, "gw0", TEST, [0, 1, 2])

    def cut_off(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(merge, "_copy_texts", cut_off)
        with pytest.raises(LlmgateError, match="disk-full"):
            merge_trials(run, [TEST], {TEST: 3})
    names = {path.name for path in run.path.iterdir()}
    assert "trials.gw0.jsonl" in names and "trials.jsonl" not in names and not any(n.endswith(".tmp") for n in names)
    assert merge_trials(run, [TEST], {TEST: 3}) == 3


def test_merging_ten_times_the_trials_takes_little_more_memory(tmp_path: Path) -> None:
    peaks = []
    for number, size in enumerate((1_000, 10_000)):
        run = RunDir.create(tmp_path / str(number))
        order = sorted(range(size), key=lambda index: index + random.Random(index).random() * 64)
        write(run, "main", TEST, order, replies=size)
        tracemalloc.start()
        merge_trials(run, [TEST], {TEST: size})
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.reset_peak()
        seen = Recorded(run)
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        seen.close()
        assert held < 200_000 + 50 * size
    assert peaks[1] - peaks[0] < 60 * 9_000  # bytes a trial, of rows that take 500 with their texts


@pytest.mark.parametrize("kind", ["budget", "interrupted"])
def test_a_trial_that_was_cut_short_gives_way_to_the_one_that_was_drawn_later(tmp_path: Path, kind: str) -> None:
    """Else a run that went on would be decided again by what ended its first start."""
    run = RunDir.create(tmp_path)
    journal = Journal(run, "main")
    for error in (f"{kind}: first", f"{kind}: second", None, "timeout: a twin that came too late"):
        journal.append(record(0, error=error), None)
    journal.append(record(1, error="timeout: late"), None)
    journal.append(record(1), None)
    journal.close()
    assert [row["error"] for row in Recorded(run).rows(TEST)] == [None, "timeout: late"]
    merge_trials(run, [TEST], {TEST: 2})
    assert [row["error"] for row in merged(run)] == [None, "timeout: late"]
