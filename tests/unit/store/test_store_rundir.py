"""A run's directory: found again, never mixed with another's files, never half written."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from store_samples import manifest, python

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.store.atomic import replacing, write_atomic
from pytest_llmgate.store.designs import DesignCache
from pytest_llmgate.store.git import revision
from pytest_llmgate.store.rundir import RunDir, find_interrupted


def started(root: Path, results: Path | None = None, **fields: object) -> RunDir:
    run = RunDir.create(root, results)
    run.write_manifest(manifest(run, **fields))
    run.note_latest(root)
    return run


def test_a_run_hides_from_git_and_is_the_latest(tmp_path: Path) -> None:
    run = started(tmp_path)
    assert re.fullmatch(r"\d{8}T\d{9}-[0-9a-f]{6}", run.id)
    assert run.path == tmp_path / ".llmgate" / "runs" / run.id
    assert (tmp_path / ".llmgate" / ".gitignore").read_text() == "*\n"
    assert (tmp_path / ".llmgate" / "latest").read_text() == f".llmgate/runs/{run.id}"
    assert RunDir.latest(tmp_path) == RunDir.find(tmp_path, run.id) == RunDir.find(tmp_path, None) == run


def test_a_directory_that_was_only_made_is_not_the_latest(tmp_path: Path) -> None:
    """Nobody knows yet whether there is anything to judge."""
    run = started(tmp_path)
    RunDir.create(tmp_path)
    assert RunDir.latest(tmp_path) == run


def test_latest_names_a_folder_elsewhere_in_full(tmp_path: Path) -> None:
    root, results = tmp_path / "project", tmp_path / "out"
    root.mkdir()
    run = started(root, results)
    assert Path((root / ".llmgate" / "latest").read_text()) == results.resolve()
    assert RunDir.latest(root) == RunDir.find(root, str(results)) == run


def test_without_a_run_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(LlmgateError, match=r"pytest --llm-suite \[no-run\]"):
        RunDir.latest(tmp_path)
    with pytest.raises(LlmgateError, match=r"'nonsense'.*\[no-run\]"):
        RunDir.find(tmp_path, "nonsense")
    run = started(tmp_path)
    (run.path / "run.json").unlink()
    with pytest.raises(LlmgateError, match="no-run"):
        RunDir.latest(tmp_path)


def test_the_files_of_an_earlier_run_are_replaced_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = started(tmp_path, out)
    first.write_result({"schema": "llmgate.result/1"})
    for name in (
        "trials.jsonl",
        "trials.gw0.2.jsonl",
        "tests.gw1.jsonl",
        "notes.txt",
        "trials.csv",
        "cassette-1.gw0.jsonl",
    ):
        (out / name).write_text("old")
    second = RunDir.create(tmp_path, out)
    assert second.id != first.id
    assert {path.name for path in out.iterdir()} == {"notes.txt", "trials.csv", "cassette-1.gw0.jsonl", "run.lock"}


def test_files_that_no_run_wrote_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"schema": "of something else"}')
    with pytest.raises(LlmgateError, match=r"plan\.json.*results-not-ours"):
        RunDir.create(tmp_path, tmp_path)
    assert "something else" in (tmp_path / "plan.json").read_text()


def test_a_living_run_is_not_disturbed(tmp_path: Path) -> None:
    run = started(tmp_path, tmp_path / "out")
    assert not run.is_alive()
    with run.lock():
        assert run.is_alive()
        assert find_interrupted(tmp_path) is None
        with pytest.raises(LlmgateError, match="run-in-use"):
            RunDir.create(tmp_path, run.path)
        with pytest.raises(LlmgateError, match="run-in-use"), run.lock():
            pass
    assert not run.is_alive()


_HOLDER = """
import sys, time
from pathlib import Path
from pytest_llmgate.store.rundir import RunDir
with RunDir(Path(sys.argv[1]), "x").lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_run_is_not_alive(tmp_path: Path) -> None:
    run = started(tmp_path)
    with python(_HOLDER, run.path) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        assert run.is_alive()
        holder.kill()
    assert not run.is_alive()
    assert find_interrupted(tmp_path) == run


def test_the_newest_interrupted_run_goes_on(tmp_path: Path) -> None:
    def at(second: int, result: dict[str, object] | None) -> RunDir:
        run = started(tmp_path)
        moved = RunDir(run.path.with_name(f"20261122T1015{second:02d}-aaaaaa"), f"20261122T1015{second:02d}-aaaaaa")
        run.path.rename(moved.path)
        moved.write_manifest(manifest(moved))
        if result is not None:
            moved.write_result(result)
        return moved

    assert find_interrupted(tmp_path) is None
    at(1, None)
    cut = at(2, {"run": {"interrupted": True}})
    at(3, {"run": {"interrupted": False}})
    assert find_interrupted(tmp_path) == cut
    killed = at(4, None)
    assert find_interrupted(tmp_path) == killed
    assert find_interrupted(tmp_path, cut.path) == cut
    assert find_interrupted(tmp_path, tmp_path / "nowhere") == killed


def test_manifest_plan_and_result_come_back(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path)
    told = manifest(run, versions={"python": "3.13"}, options={"seed": None}, attempt=3, finished=True)
    run.write_manifest(told)
    assert run.read_manifest() == told
    run.write_plan([{"id": "a"}])
    run.write_plan([{"id": "b"}])
    assert run.read_plan() == [{"id": "a"}]
    assert run.read_result() is None
    run.write_result({"z": "é\udc80", "a": [1]})
    assert (run.path / "result.json").read_bytes() == b'{\n "z": "\xc3\xa9\\udc80",\n "a": [\n  1\n ]\n}\n'
    assert run.read_result() == {"z": "é\udc80", "a": [1]}


def test_a_result_never_holds_a_nan(tmp_path: Path) -> None:
    run = RunDir.create(tmp_path)
    with pytest.raises(ValueError, match="JSON compliant"):
        run.write_result({"estimate": float("nan")})
    assert run.read_result() is None


@pytest.mark.parametrize(
    "content", ["", "[]", "{", "null", '{"schema": "llmgate.run/2"}', '{"schema": "llmgate.run/1"}', "[" * 9999]
)
def test_damaged_files_of_a_run_are_named(tmp_path: Path, content: str) -> None:
    run = started(tmp_path)
    (run.path / "run.json").write_text(content)
    with pytest.raises(LlmgateError, match=r"run\.json.*run-damaged"):
        run.read_manifest()
    for read in (run.read_plan, run.read_result):
        (run.path / "plan.json").write_text("{}")
        (run.path / "result.json").write_text("[]")
        with pytest.raises(LlmgateError, match="run-damaged"):
            read()


def test_an_atomic_write_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_atomic(path, b"old")

    def break_off(fault: BaseException) -> None:
        with replacing(path) as file:
            file.write(b"half of the n")
            raise fault

    with pytest.raises(LlmgateError, match="disk-full"):
        break_off(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(KeyboardInterrupt):
        break_off(KeyboardInterrupt())
    assert path.read_bytes() == b"old"
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file.json"]


def test_where_nothing_can_be_written_the_error_names_the_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LlmgateError, match=r"file/x.*cannot-write"):
        write_atomic(tmp_path / "file" / "x", b"")


def test_designs_are_kept_between_runs_and_shared(tmp_path: Path) -> None:
    first, second = DesignCache(tmp_path), DesignCache(tmp_path)
    assert first.get("a") is None and second.get("b") is None
    first.put("a", {"n": 1, "bounds": [0.1]})
    second.put("b", {"n": 2})
    assert first.get("a") == {"n": 1, "bounds": [0.1]}
    first.flush()
    second.flush()
    third = DesignCache(tmp_path)
    assert (third.get("a"), third.get("b")) == ({"n": 1, "bounds": [0.1]}, {"n": 2})


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"schema": "llmgate.designs/1", "designs": []}', "\x00", '{"schema": "other"}']
)
def test_a_broken_cache_is_an_empty_one(tmp_path: Path, content: str) -> None:
    (tmp_path / ".llmgate").mkdir()
    path = tmp_path / ".llmgate" / "designs.json"
    path.write_text(content)
    cache = DesignCache(tmp_path)
    assert cache.get("a") is None
    cache.put("a", {"n": 1})
    cache.flush()
    assert json.loads(path.read_text())["designs"] == {"a": {"n": 1}}


def test_revision_of_a_checkout_and_of_none(tmp_path: Path) -> None:
    def git(*args: str) -> None:
        names = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *names, *args], cwd=tmp_path, check=True, capture_output=True)

    assert revision(tmp_path) == (None, None)
    assert revision(tmp_path / "missing") == (None, None)
    git("init", "-q")
    assert revision(tmp_path) == (None, False)
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "first")
    commit, dirty = revision(tmp_path)
    assert commit is not None and re.fullmatch("[0-9a-f]{40}", commit) and dirty is False
    (tmp_path / "untracked").write_text("1")
    assert revision(tmp_path) == (commit, False)
    (tmp_path / "a").write_text("2")
    assert revision(tmp_path) == (commit, True)


def test_looking_at_a_checkout_starts_no_program_of_its_configuration(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    monitor = tmp_path / "monitor.sh"
    monitor.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\n")
    monitor.chmod(0o755)
    subprocess.run(["git", "config", "core.fsmonitor", str(monitor)], cwd=tmp_path, check=True)
    (tmp_path / "a").write_text("1")
    subprocess.run(["git", "-c", "core.fsmonitor=false", "add", "a"], cwd=tmp_path, check=True)
    assert revision(tmp_path) == (None, True)
    assert not (tmp_path / "ran").exists()
