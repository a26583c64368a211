"""`llmgate prune`: old runs go when told, and nothing else ever does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pytest_llmgate.session.run_prune import age, prune
from pytest_llmgate.store.rundir import RunDir

from .conftest import Repo

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEPT = ("suites/shop.baseline.json", "suites/shop.cassette.jsonl", ".llmgate/designs.json", ".llmgate/runs/notes.txt")


def a_run(root: Path, days: float, mark: str) -> RunDir:
    """A run that began so many days before NOW."""
    name = f"{NOW - timedelta(days=days):%Y%m%dT%H%M%S}-{mark * 6}"
    path = root / ".llmgate" / "runs" / name
    path.mkdir(parents=True)
    (path / "run.lock").touch()
    (path / "transcripts.jsonl").write_text('{"digest": "d", "text": "what somebody said"}\n')
    return RunDir(path, name)


@pytest.fixture
def root(repo: Repo) -> Path:
    repo.files(dict.fromkeys(KEPT, "x"))
    return repo.path


def names(root: Path) -> set[str]:
    return {path.name[-6:] for path in (root / ".llmgate/runs").iterdir() if path.is_dir()}


def test_runs_that_are_older_are_listed_and_only_then_deleted(root: Path) -> None:
    for mark, days in (("a", 40), ("b", 30.01), ("c", 29.99), ("d", 0)):
        a_run(root, days, mark)
    assert [old.run.id[-6:] for old in prune(root, "30d", really=False, now=NOW)] == ["aaaaaa", "bbbbbb"]
    assert len(names(root)) == 4
    prune(root, "30d", really=True, now=NOW)
    assert names(root) == {"cccccc", "dddddd"}
    assert all((root / name).read_text() == "x" for name in KEPT)


def test_a_run_at_work_stays_however_old_it_is(root: Path) -> None:
    run = a_run(root, 90, "a")
    with run.lock():
        assert prune(root, "30d", really=True, now=NOW) == []
    assert names(root) == {"aaaaaa"}
    assert len(prune(root, "30d", really=True, now=NOW)) == 1


def test_links_and_folders_of_other_names_are_left_alone(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "file").write_text("x")
    runs = root / ".llmgate/runs"
    (runs / "20200101T000000-abcdef").symlink_to(outside, target_is_directory=True)
    (runs / "20200101T000000-mine").mkdir()
    (runs / "20201399T000000-abcdef").mkdir()
    assert prune(root, "1h", really=True, now=NOW) == []
    assert (outside / "file").exists()
    inside = a_run(root, 90, "a").path / "link"
    inside.symlink_to(outside, target_is_directory=True)
    prune(root, "1h", really=True, now=NOW)
    assert (outside / "file").exists(), "a link within a run is deleted, and not what it leads to"


def test_the_note_of_the_newest_run_goes_with_it(root: Path) -> None:
    a_run(root, 90, "a").note_latest(root)
    prune(root, "30d", really=True, now=NOW)
    assert not (root / ".llmgate/latest").exists()
    kept = a_run(root, 1, "b")
    kept.note_latest(root)
    a_run(root, 90, "c")
    prune(root, "30d", really=True, now=NOW)
    assert (root / ".llmgate/latest").exists()


def test_the_command_lists_then_deletes(repo: Repo, root: Path) -> None:
    a_run(root, 400, "a")
    listed = repo.llmgate("prune", "--older-than", "30d")
    assert listed.code == 0
    assert "1 run, 0 KB; nothing was deleted: add --yes to delete them" in listed.text
    assert names(root) == {"aaaaaa"}
    assert "deleted: 1 run" in repo.llmgate("prune", "--older-than", "30d", "--yes").text
    assert names(root) == set()
    assert repo.llmgate("prune", "--older-than", "30d").text == "no run is older"


@pytest.mark.parametrize(("text", "hours"), [("30d", 720), ("12h", 12), (" 4W ", 672)])
def test_ages(text: str, hours: int) -> None:
    assert age(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5d", "30 days", "9999999d"])
def test_what_is_no_age_is_refused(repo: Repo, text: str) -> None:
    done = repo.llmgate("prune", f"--older-than={text}")
    assert done.code == 2
    assert "[bad-option]" in done.text


def test_without_an_age_nothing_is_done(repo: Repo, root: Path) -> None:
    a_run(root, 400, "a")
    assert repo.llmgate("prune", "--yes").code == 2
    assert names(root) == {"aaaaaa"}


def test_an_age_before_all_calendars_finds_nothing(root: Path) -> None:
    a_run(root, 400, "a")
    assert prune(root, "999999w", really=True, now=NOW) == []
