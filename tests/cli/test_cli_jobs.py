"""`llmgate jobs`: what was set aside for jobs of devices and never settled is listed, and released on demand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from pytest_llmgate.core.circuit import HardwareBudget
from pytest_llmgate.core.hardware import ShotCost
from pytest_llmgate.store.shot_ledger import FileShotLedger

from .conftest import Repo

SCOPE = "suites/q.suite.yaml::bell on ibm:ibm_brisbane"
BUDGET = HardwareBudget(shots=1000, usd="5")


def unsettled(root: Path, run: str, *tags: str) -> FileShotLedger:
    """A run that set jobs of 300 shots aside, and is under way until it is closed."""
    (root / ".llmgate").mkdir(exist_ok=True)
    ledger = FileShotLedger(root / ".llmgate/shots.json", run)
    for tag in tags:
        assert ledger.reserve(SCOPE, tag, ShotCost(300, usd=Decimal(1)), BUDGET).state == "granted"
    return ledger


def test_where_no_device_was_ever_asked_there_is_nothing_and_nothing_is_made(repo: Repo) -> None:
    done = repo.llmgate("jobs", "--release")
    assert (done.code, done.text) == (0, "no job is unsettled")
    assert not (repo.path / ".llmgate/shots.json").exists()


def test_unsettled_jobs_are_listed_with_their_tags_and_stay(repo: Repo) -> None:
    unsettled(repo.path, "20260101T000000-aaaaaa", "llmgate-one", "llmgate-two").close()
    for _ in range(2):
        done = repo.llmgate("jobs")
        assert done.code == 0 and SCOPE in done.text
        assert "llmgate-one run 20260101T000000-aaaaaa, its run is over: 300 shots, up to 1 USD" in done.text
        assert "llmgate-two" in done.text and "nothing was released: see with the provider" in done.text


def test_released_jobs_give_their_budget_back(repo: Repo) -> None:
    unsettled(repo.path, "old", "llmgate-one", "llmgate-two").close()
    later = unsettled(repo.path, "new")
    assert later.reserve(SCOPE, "more", ShotCost(500), BUDGET).state == "exhausted"
    done = repo.llmgate("jobs", "--release", "llmgate-one")
    assert done.code == 0 and "released:" in done.text and "llmgate-two" not in done.text
    assert later.reserve(SCOPE, "more", ShotCost(500), BUDGET).state == "granted"


def test_jobs_of_a_run_that_is_under_way_are_left_alone(repo: Repo) -> None:
    running = unsettled(repo.path, "running", "llmgate-one")
    done = repo.llmgate("jobs", "--release")
    assert done.code == 0 and "1 left alone: their runs are under way" in done.text
    assert [item.tag for item in running.unsettled()] == ["llmgate-one"]


def test_looking_takes_nothing_from_the_account_of_a_run_that_will_go_on(repo: Repo) -> None:
    interrupted = unsettled(repo.path, "interrupted", "llmgate-one")
    interrupted.settle(SCOPE, "llmgate-one", ShotCost(300))
    interrupted.close()
    repo.llmgate("jobs", "--release")
    resumed = unsettled(repo.path, "interrupted")
    assert resumed.reserve(SCOPE, "llmgate-two", ShotCost(701), BUDGET).state == "exhausted"


@pytest.mark.parametrize("options", [(), ("--release",)])
def test_a_tag_that_no_job_has_is_refused_with_the_nearest(repo: Repo, options: tuple[str, ...]) -> None:
    unsettled(repo.path, "old", "llmgate-one").close()
    done = repo.llmgate("jobs", *options, "llmgate-ome")
    assert done.code == 2 and "did you mean 'llmgate-one'" in done.text and "[unknown-job]" in done.text
