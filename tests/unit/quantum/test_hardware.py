"""A chunk on a device: waited for no longer than allowed, read to the last shot, its life written down."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hardware_samples import Bench, Job, Remote, halves, sampled
from qiskit.providers import JobStatus

QUEUED, RUNNING, DONE, ERROR = "QUEUED", "RUNNING", "DONE", "ERROR"
HALVES = {"0 0": 50, "1 1": 50}


def test_all_registers_of_all_shots_are_counted(tmp_path: Path) -> None:
    rows = {"left": ["0", "1", "1", "1"], "right": ["0", "0", "1", "1"]}
    result = Bench(tmp_path, Remote({"result": sampled(**rows)})).draw(4)
    assert result.counts == {"0 0": 1, "0 1": 1, "1 1": 2}, "the last register stands first"
    assert (result.method, result.fallback) == ("hardware", False)


def test_the_life_of_a_job_is_written_down_in_seconds_since_its_submission(tmp_path: Path) -> None:
    statuses = [QUEUED, JobStatus.QUEUED, JobStatus.RUNNING, "JobStatus.RUNNING", DONE]
    job = Bench(tmp_path, Remote({"statuses": statuses, "billed": 1.5})).draw().job
    assert job is not None
    assert (job["id"], job["status"], job["shots"], job["billed_s"], job["faults"]) == ("job-0", "done", 100, 1.5, 0)
    assert job["at_s"]["queued"] == 0.0 < job["at_s"]["running"] == job["queue_s"] < job["at_s"]["done"]
    assert job["tag"].startswith("llmgate-")


def test_a_circuit_is_fitted_to_the_device_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Remote())
    for ordinal in range(3):
        bench.draw(key=f"bell#{ordinal}")
    assert bench.remote.prepared == 1 and len(bench.remote.jobs) == 3


# ---- waiting


def test_at_the_deadline_the_job_is_cancelled_paid_and_nothing_more_is_submitted(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Remote({"statuses": [QUEUED]}), deadline_s=60.0)
    failed = bench.fails()
    assert (failed.kind, failed.fatal) == ("deadline", True)
    assert "no result within 60 s; the job was cancelled" in failed.message
    assert bench.clock.now == pytest.approx(160.0)
    assert bench.remote.jobs[0].calls == ["cancel"], "a late result is not even asked for"
    assert bench.spent == 100
    assert failed.job is not None and failed.job["status"] == "cancelled"
    assert failed.job["at_s"] == {"queued": 0.0, "cancelled": 60.0}
    again = bench.fails(key="bell#1")
    assert (again.kind, again.fatal) == ("deadline", True) and "not submitted, after: remote: no" in again.message
    assert bench.remote.posts == 1


def test_after_a_deadline_no_other_test_of_the_run_submits_to_that_device(tmp_path: Path) -> None:
    """Each of them, in whatever worker, would wait as long again, and pay again."""
    first = Bench(tmp_path, Remote({"statuses": [QUEUED]}))
    first.fails()
    other = Bench(tmp_path, Remote())
    assert other.fails().kind == "deadline" and other.remote.posts == 0
    elsewhere = Bench(tmp_path, Remote(), name="another")
    assert elsewhere.draw().counts, "another device is not to blame"
    first.ledger.close()
    other.ledger.close()
    elsewhere.ledger.close()
    assert Bench(tmp_path, Remote()).draw().counts, "a resumed run may try again"


def test_a_job_that_cannot_be_cancelled_says_so(tmp_path: Path) -> None:
    failed = Bench(tmp_path, Remote({"statuses": [RUNNING], "deaf": True})).fails()
    assert "could not be cancelled and may still be billed" in failed.message
    assert failed.job is not None and failed.job["status"] == "left running"


def test_a_question_that_never_returns_ends_at_the_deadline(tmp_path: Path) -> None:
    """In real time: a client without a timeout of its own must not hold the run."""
    gate = threading.Event()

    class Hanging(Job):
        def status(self) -> str:
            gate.wait(30)
            return DONE

    class Device(Remote):
        def submit(self, order: Any) -> Job:
            return Hanging("hangs", order, [DONE], None)

    started = time.monotonic()
    assert Bench(tmp_path, Device(), deadline_s=0.3, real=True).fails().kind == "deadline"
    assert time.monotonic() - started < 10
    gate.set()


def test_faults_of_transport_are_waited_out(tmp_path: Path) -> None:
    broken = ConnectionError("reset by peer")
    bench = Bench(tmp_path, Remote({"statuses": [broken, QUEUED, broken, DONE], "result": [broken, broken, None]}))
    result = bench.draw()
    assert result.counts == HALVES
    assert result.job is not None and result.job["faults"] == 4
    assert bench.remote.posts == 1


def test_a_service_that_stays_deaf_ends_at_the_deadline_with_its_last_words(tmp_path: Path) -> None:
    failed = Bench(tmp_path, Remote({"statuses": [ConnectionError("no route, sk-secret")]})).fails()
    assert failed.kind == "deadline" and "no route, [key]" in failed.message, "words of providers are redacted"


def test_a_job_that_cannot_be_asked_at_all_is_no_matter_of_waiting(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Remote({"statuses": [AttributeError("no attribute 'status'")]}))
    failed = bench.fails()
    assert failed.kind == "job-failed" and bench.clock.now == 100.0
    assert bench.remote.jobs[0].calls == ["cancel"], "it may still run"


# ---- how jobs end


def test_a_failed_job_is_an_error_of_its_trial_and_no_more(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Remote({"statuses": [QUEUED, ERROR], "result": RuntimeError("the cryostat is warm")}))
    failed = bench.fails()
    assert (failed.kind, failed.fatal) == ("job-failed", False) and "the cryostat is warm" in failed.message
    assert failed.job is not None and failed.job["status"] == "failed"
    assert bench.remote.posts == 1 and bench.spent == 100
    assert bench.draw(key="bell#1").counts, "the next chunk has its own chance"


def test_what_the_provider_calls_passing_is_tried_once_more(tmp_path: Path) -> None:
    passing = {"statuses": [ERROR], "result": RuntimeError("calibration in progress, try again later")}
    bench = Bench(tmp_path, Remote(passing))
    assert bench.draw().counts == HALVES
    assert bench.spent == 200, "the failed job may be billed"
    assert len({job.order.tag for job in bench.remote.jobs}) == 2
    again = Bench(tmp_path, Remote(passing, passing))
    assert again.fails(key="bell#1").kind == "job-failed" and again.remote.posts == 2


def test_a_job_that_was_cancelled_elsewhere_is_an_error(tmp_path: Path) -> None:
    failed = Bench(tmp_path, Remote({"statuses": [QUEUED, "CANCELLED"]})).fails()
    assert failed.kind == "job-cancelled" and not failed.fatal


def test_a_job_that_calls_itself_failed_too_early_is_still_asked(tmp_path: Path) -> None:
    """Qiskit's PrimitiveJob says ERROR until its thread has begun."""
    assert Bench(tmp_path, Remote({"statuses": [ERROR]})).draw().counts == HALVES


@pytest.mark.parametrize("status", ["ABANDONED", object()])
def test_an_unknown_status_is_final_where_the_job_says_so(tmp_path: Path, status: Any) -> None:
    bench = Bench(tmp_path, Remote({"statuses": [status, "ABANDONED"], "result": RuntimeError("given up")}))
    assert bench.fails().kind == "job-failed"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (sampled(left=["0", "1"]), "has the registers left, the circuit has left, right"),
        (sampled(left=["0", "1"], right=["0", "1"], extra=["0", "1"]), "extra"),
        (sampled(left=["00", "11"], right=["0", "1"]), "register 'left' has 1 bits, its result has 2"),
        (halves(1), "1 shots came back, 2 were asked for"),
        (halves(3), "3 shots came back, 2 were asked for"),
        ("not a result", "the result cannot be read"),
    ],
)
def test_a_result_that_is_not_what_was_asked_for_is_an_error(tmp_path: Path, result: Any, words: str) -> None:
    failed = Bench(tmp_path, Remote({"result": result})).fails(2)
    assert failed.kind == "bad-result" and words in failed.message


# ---- the end of the run


def test_stopping_cancels_what_is_under_way_and_settles_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Remote({"statuses": [QUEUED]}), real=True)
    seen: list[tuple[str, bool]] = []

    def draw() -> None:
        failed = bench.fails()
        seen.append((failed.kind, failed.fatal))

    thread = threading.Thread(target=draw)
    thread.start()
    while not bench.remote.jobs:
        time.sleep(0.01)
    bench.hardware.close()
    assert bench.remote.jobs[0].calls == ["cancel"], "close waits until it is done"
    assert bench.spent == 100 and bench.ledger.unsettled() == ()
    thread.join(5)
    assert seen == [("interrupted", True)]
    assert bench.fails(key="bell#1").kind == "interrupted" and bench.remote.posts == 1


def test_control_c_cancels_and_settles(tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    bench = Bench(tmp_path, Remote({"statuses": [QUEUED]}))
    bench.clock.turns.append((5.0, interrupt))
    with pytest.raises(KeyboardInterrupt):
        bench.draw()
    assert bench.remote.jobs[0].calls == ["cancel"]
    assert bench.spent == 100 and bench.ledger.unsettled() == ()
