"""A job is submitted once, whatever becomes of the answer: it is looked up by its tag, or not sent again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hardware_samples import SCOPE, Bench, Remote

from pytest_llmgate.core.circuit import HardwareBudget
from pytest_llmgate.quantum.submission import LOOKS, says_transient

LOST = ("taken", ConnectionError("the answer never came"))


class Answer(Exception):  # noqa: N818
    """What a client raises for an answer that is an error."""

    def __init__(self, status_code: int) -> None:
        super().__init__(f"HTTP {status_code}")
        self.status_code = status_code


def test_a_job_whose_answer_was_lost_is_adopted(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Remote(lost=[LOST]))
    result = bench.draw()
    assert result.counts == {"0 0": 50, "1 1": 50}
    assert (bench.remote.posts, len(bench.remote.jobs), bench.spent) == (1, 1, 100)
    assert result.job is not None and result.job["adopted"] is True


def test_it_is_found_even_where_it_is_listed_late(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Remote(lost=[LOST], late=LOOKS - 1))
    assert bench.draw().counts and bench.remote.posts == 1


def test_where_jobs_cannot_be_looked_up_it_is_not_sent_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Remote(lost=[LOST], listed=False), budget=HardwareBudget(shots=250))
    failed = bench.fails()
    assert (failed.kind, failed.fatal) == ("unknown-submission", True)
    assert bench.remote.posts == 1 and bench.spent == 100, "it counts as spent"
    assert [item.tag for item in bench.ledger.unsettled()] == [bench.remote.jobs[0].order.tag]
    assert bench.fails(key="bell#1").kind == "unknown-submission" and bench.remote.posts == 1


def test_where_the_service_does_not_answer_at_all_nothing_is_known(tmp_path: Path) -> None:
    class Down(Remote):
        def find(self, tag: str) -> Any:
            raise ConnectionError("down")

    bench = Bench(tmp_path, Down(lost=[LOST]))
    assert bench.fails().kind == "unknown-submission" and bench.remote.posts == 1


def test_what_the_service_does_not_know_is_sent_once_more(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Remote(lost=[ConnectionError("refused")]))
    assert bench.draw().counts and bench.remote.posts == 2
    assert bench.remote.looks > LOOKS, "it is looked for once more afterwards"
    assert len(bench.remote.jobs) == 1 and bench.spent == 100


def test_a_first_job_that_turns_up_late_is_called_off_and_paid(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Remote(lost=[LOST], late=LOOKS))
    result = bench.draw()
    first, second = bench.remote.jobs
    assert first.calls == ["cancel"] and second.calls == ["result"]
    assert result.job is not None and (result.job["id"], result.job["extra_jobs"]) == ("job-1", 1)
    assert bench.spent == 200


def test_it_is_not_sent_a_third_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Remote(lost=[ConnectionError("1"), ConnectionError("2")]))
    assert bench.fails().kind == "unknown-submission" and bench.remote.posts == 2


@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_a_refusal_costs_nothing_and_is_final(tmp_path: Path, status: int) -> None:
    bench = Bench(tmp_path, Remote(lost=[Answer(status)]))
    failed = bench.fails()
    assert (failed.kind, failed.fatal, bench.spent) == ("job-refused", True, 0)
    assert bench.ledger.unsettled() == ()


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_an_answer_that_is_no_refusal_leaves_it_open_whether_the_job_was_taken(tmp_path: Path, status: int) -> None:
    bench = Bench(tmp_path, Remote(lost=[("taken", Answer(status))]))
    assert bench.draw().counts and bench.remote.posts == 1


def test_a_run_that_was_killed_adopts_its_job_when_it_is_resumed(tmp_path: Path) -> None:
    """A kill settles nothing and cancels nothing: what is left is the reservation, under the tag of the job."""
    remote = Remote()
    killed = Bench(tmp_path, remote)
    tags: list[str] = []
    remote.watch = lambda: tags.extend(item.tag for item in killed.ledger.unsettled())
    killed.draw()
    killed.ledger.reserve(SCOPE, tags[0], killed.tariff.worst(100), HardwareBudget())
    killed.ledger.close()
    resumed = Bench(tmp_path, remote)
    result = resumed.draw()
    assert remote.posts == 1 and result.job is not None and result.job["id"] == "job-0"
    assert resumed.ledger.unsettled() == ()


def test_another_run_never_takes_a_job_of_this_one_for_its_own(tmp_path: Path) -> None:
    remote = Remote()
    for run in ("one", "two"):
        Bench(tmp_path, remote, run=run).draw()
    assert len({job.order.tag for job in remote.jobs}) == 2


@pytest.mark.parametrize(
    ("message", "transient"),
    [
        ("Error code 1517; QPU calibration in progress", True),
        ("Internal error, please retry", True),
        ("temporarily out of service", True),
        ("the circuit has 200 qubits, the device 127", False),
        ("retrying is pointless", False),
    ],
)
def test_only_the_providers_own_words_make_a_failure_passing(message: str, transient: bool) -> None:
    assert says_transient(message) is transient
