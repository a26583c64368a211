"""The register: how often a question was asked live, whatever became of the runs' files."""

from __future__ import annotations

import shutil
from pathlib import Path

from store_samples import python

from pytest_llmgate.store.register import Ended, attempt_number, ended_runs, note_ended
from pytest_llmgate.store.rundir import RunDir

QUESTION, COMMIT = "sha256:aa", "c0ffee"


def ended(root: Path, question: str = QUESTION, commit: str | None = COMMIT, *, live: bool = True) -> RunDir:
    run = RunDir.create(root)
    note_ended(root, run, question, commit, live=live)
    return run


def test_attempts_are_live_runs_of_the_same_plan_at_the_same_commit(tmp_path: Path) -> None:
    assert attempt_number(tmp_path, QUESTION, COMMIT) == 1
    ended(tmp_path)
    ended(tmp_path, live=False)
    ended(tmp_path, commit="another")
    ended(tmp_path, question="sha256:bb")
    ended(tmp_path, commit=None)
    assert attempt_number(tmp_path, QUESTION, COMMIT) == 2
    assert attempt_number(tmp_path, QUESTION, None) == 2
    assert attempt_number(tmp_path, "sha256:a", COMMIT) == 1


def test_a_run_that_went_on_counts_once(tmp_path: Path) -> None:
    run = ended(tmp_path)
    note_ended(tmp_path, run, QUESTION, COMMIT, live=True)
    assert attempt_number(tmp_path, QUESTION, COMMIT) == 2


def test_a_deleted_run_counts_all_the_same(tmp_path: Path) -> None:
    shutil.rmtree(ended(tmp_path).path)
    assert attempt_number(tmp_path, QUESTION, COMMIT) == 2


def test_runs_that_take_over_one_folder_count_each(tmp_path: Path) -> None:
    for _ in range(3):
        run = RunDir.create(tmp_path, tmp_path / "out")
        note_ended(tmp_path, run, QUESTION, COMMIT, live=True)
    assert attempt_number(tmp_path, QUESTION, COMMIT) == 4
    assert {row.path for row in ended_runs(tmp_path)} == {"out"}


def test_lines_that_nobody_understands_are_left_out(tmp_path: Path) -> None:
    run = ended(tmp_path)
    path = tmp_path / ".llmgate" / "register.jsonl"
    known = path.read_bytes()
    odd = (b"{", b"null", b"[]", b"\xff\xfe", b'{"id": 1}', known.replace(b"true", b'"true"').strip(), b"[" * 9999)
    path.write_bytes(b"\n".join(odd) + b"\n" + known + known[:30])
    name = f".llmgate/runs/{run.id}"
    assert list(ended_runs(tmp_path)) == [Ended(run.id, name, QUESTION, COMMIT, live=True)]
    assert attempt_number(tmp_path, QUESTION, COMMIT) == 2


_WRITER = """
import sys
from pathlib import Path
from pytest_llmgate.store.register import note_ended
from pytest_llmgate.store.rundir import RunDir
for number in range(100):
    note_ended(Path(sys.argv[1]), RunDir(Path(sys.argv[1]), f"{sys.argv[2]}-{number}"), "q", None, live=True)
"""


def test_runs_that_end_at_the_same_time_lose_no_line(tmp_path: Path) -> None:
    for writer in [python(_WRITER, tmp_path, name) for name in ("a", "b")]:
        assert writer.communicate()[1] == b""
    assert attempt_number(tmp_path, "q", None) == 201
