"""The index of the history: whole or made anew, never believed where it is damaged, never in the way."""

from __future__ import annotations

import copy
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from store_samples import manifest

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.history import RunFigures
from pytest_llmgate.store.history import HistoryIndex
from pytest_llmgate.store.manifest import RunManifest
from pytest_llmgate.store.run_figures import run_figures
from pytest_llmgate.store.rundir import RunDir

RUN = RunDir(Path("out"), "20261122T101500-aaaaaa")
GATE = {
    "name": "is-json", "type": "is-json", "verdict": "pass", "blocking": True, "n": 58, "successes": 57, "holes": 1,
    "estimate": 1.0, "threshold": 0.95, "bad": 0.9, "stop_reason": "boundary",
}  # fmt: skip
USAGE = {"calls": 58, "input_tokens": 580, "output_tokens": 58, "cost_usd": "0.0012"}
RESULT: dict[str, Any] = {
    "run": {"id": RUN.id, "record": "live", "commit": "c0ffee", "dirty": True, "attempt": 2, "interrupted": False,
            "live": True},
    "tests": [{"id": "s.suite.yaml::t", "verdict": "pass", "trials": 58, "usage": USAGE, "gates": [GATE]}],
    "execution": {"replayed_trials": 0},
}  # fmt: skip


def changed(*path: str | int, to: object) -> dict[str, Any]:
    """The result with one value replaced."""
    result = copy.deepcopy(RESULT)
    inner: Any = result
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return result


def figures(result: dict[str, Any] = RESULT, path: str = "out", **fields: Any) -> RunFigures:
    told: RunManifest = manifest(RUN, **fields)
    return run_figures(result, told, Path("out"), path)


def kept(root: Path, run: RunFigures | None = None) -> Path:
    """An index on disk with one run."""
    index = HistoryIndex(root)
    index.put(run or figures(), "1")
    index.save()
    assert index.notes == []
    return index.path


# ---- what is read of a run


def test_the_figures_of_a_run_are_those_of_its_result() -> None:
    run = figures(options={"seeds": {"s.suite.yaml::t": 99}})
    assert (run.id, run.drawn, run.commit, run.dirty, run.attempt) == (RUN.id, "live", "c0ffee", True, 2)
    (test,) = run.tests
    assert (test.seed, test.trials, test.tokens, test.cost_usd) == (99, 58, 638, "0.0012")
    assert test.gates[0].success_rates == (0.95, 0.90)
    assert figures().tests[0].seed == 7


def test_rates_of_unwanted_events_are_turned_round() -> None:
    result = changed("tests", 0, "gates", 0, "threshold", to=0.05)
    result["tests"][0]["gates"][0]["bad"] = 0.2
    assert figures(result).tests[0].gates[0].success_rates == (0.95, 0.8)


@pytest.mark.parametrize(
    ("live", "replayed", "drawn"),
    [(True, 0, "live"), (True, 3, "mixed"), (False, 3, "recorded"), (False, 0, "offline")],
)
def test_where_replies_came_from(live: bool, replayed: int, drawn: str) -> None:
    result = changed("run", "live", to=live)
    result["execution"]["replayed_trials"] = replayed
    assert figures(result).drawn == drawn


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("run", "id"), "another"), (("run", "commit"), 7), (("run", "attempt"), -1), (("run", "live"), "yes"),
        (("run", "interrupted"), None), (("tests",), [7]), (("tests", 0, "verdict"), "fine"),
        (("tests", 0, "trials"), 2**70), (("tests", 0, "trials"), 1.5), (("tests", 0, "trials"), True),
        (("tests", 0, "usage"), []), (("tests", 0, "usage", "cost_usd"), "NaN"),
        (("tests", 0, "usage", "cost_usd"), "much"), (("tests", 0, "gates", 0, "estimate"), float("nan")),
        (("tests", 0, "gates", 0, "estimate"), "1"), (("tests", 0, "gates", 0, "successes"), 58),
        (("tests", 0, "gates", 0, "n"), None), (("tests", 0, "gates"), {"a": 1}),
    ],
)  # fmt: skip
def test_an_edited_result_is_damaged_and_not_believed(path: tuple[str | int, ...], value: object) -> None:
    with pytest.raises(LlmgateError, match="run-damaged"):
        figures(changed(*path, to=value))


# ---- the index


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    run = figures(changed("tests", 0, "id", to="é\udc80\x00"))
    kept(tmp_path, run)
    again = HistoryIndex(tmp_path)
    assert again.runs() == [run]
    assert again.stamps() == {"out": "1"}
    assert (tmp_path / ".llmgate" / ".gitignore").read_text() == "*\n"


def test_a_run_that_went_on_takes_its_own_place(tmp_path: Path) -> None:
    kept(tmp_path)
    index = HistoryIndex(tmp_path)
    later = figures(changed("tests", 0, "trials", to=99))
    index.put(later, "2")
    assert index.runs() == [later]
    assert index.stamps() == {"out": "2"}


def test_an_index_that_did_not_change_is_not_written(tmp_path: Path) -> None:
    path = kept(tmp_path)
    before = path.stat().st_mtime_ns
    HistoryIndex(tmp_path).save()
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + b"\xff" * 5000, "cut", "middle"])
def test_a_damaged_index_is_said_kept_aside_and_made_anew(tmp_path: Path, content: bytes | str) -> None:
    path = kept(tmp_path)
    sound = path.read_bytes()
    half = len(sound) // 2
    damages = {"cut": sound[:half], "middle": sound[:4096] + b"\x13" * 4096 + sound[8192:]}
    damaged = content if isinstance(content, bytes) else damages[content]
    path.write_bytes(damaged)
    index = HistoryIndex(tmp_path)
    assert index.runs() == []
    assert "damaged" in index.notes[0] and "forgotten" in index.notes[0]
    index.put(figures(), "1")
    index.save()
    assert path.with_name("history.sqlite.damaged").read_bytes() == damaged
    assert HistoryIndex(tmp_path).runs() == [figures()]


def test_an_index_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = kept(tmp_path)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 3")
    database.close()
    before = path.read_bytes()
    index = HistoryIndex(tmp_path)
    assert "newer version (3)" in index.notes[0]
    index.put(figures(), "1")
    index.save()
    assert index.runs() == [figures()]
    assert path.read_bytes() == before


def test_an_index_of_the_first_version_keeps_its_runs_and_has_them_read_again(tmp_path: Path) -> None:
    path = kept(tmp_path)
    with sqlite3.connect(path) as database:
        for column in ("kind", "good", "good_of", "quantile", "quantile_ms"):
            database.execute(f"ALTER TABLE gates DROP COLUMN {column}")
        database.execute("PRAGMA user_version = 1")
    database.close()
    index = HistoryIndex(tmp_path)
    assert index.notes == []
    assert index.runs() == [figures()]  # of a gate on a rate everything new follows from what was kept
    assert index.stamps() == {"out": ""}
    index.save()
    assert HistoryIndex(tmp_path).runs() == [figures()]


def test_an_index_that_somebody_else_has_locked_is_read_and_replaced(tmp_path: Path) -> None:
    path = kept(tmp_path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        index = HistoryIndex(tmp_path)
        assert index.runs() == [figures()]
        index.put(figures(changed("tests", 0, "trials", to=99)), "2")
        index.save()
        assert index.notes == []
    finally:
        other.close()
    assert HistoryIndex(tmp_path).stamps() == {"out": "2"}


def test_where_it_cannot_be_written_the_figures_are_there_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = kept(tmp_path)
    before = path.read_bytes()
    index = HistoryIndex(tmp_path)
    index.put(figures(changed("tests", 0, "trials", to=99)), "2")
    monkeypatch.setattr("pytest_llmgate.store.atomic.os.replace", full)
    index.save()
    assert "could not be written" in index.notes[0] and "disk-full" in index.notes[0]
    assert index.stamps() == {"out": "2"}
    assert path.read_bytes() == before


def test_a_folder_in_place_of_the_index_is_said(tmp_path: Path) -> None:
    (tmp_path / ".llmgate" / "history.sqlite").mkdir(parents=True)
    index = HistoryIndex(tmp_path)
    assert "cannot be read" in index.notes[0]
    index.put(figures(), "1")
    index.save()
    assert index.runs() == [figures()]
