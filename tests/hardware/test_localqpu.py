"""End to end: qiskit-ibm-runtime's sampler against a server that behaves like IBM's, faults included.

The server and the client are processes of their own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Equipped

pytestmark = pytest.mark.slow
CLIENT = str(Path(__file__).with_name("client.py"))
HALVES = {"0 0", "1 1"}


@pytest.fixture(scope="module")
def seen(equipped: Equipped, port: int, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What every scenario came to, by name; before the first one, a client is killed while it waits."""
    folder = tmp_path_factory.mktemp("client")
    code, text = equipped.run(CLIENT, str(port), str(folder), "die", cwd=folder)
    assert code == 9, text
    left = json.loads((folder / "hardware.json").read_text())["scopes"]["killed"]["open"]
    code, text = equipped.run(CLIENT, str(port), str(folder), "all", cwd=folder)
    assert code == 0, text
    rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return {"left open": left, **{row["scenario"]: row for row in rows}}


def only(row: dict[str, Any]) -> dict[str, Any]:
    (draw,) = row["draws"]
    found: dict[str, Any] = draw
    return found


def test_nothing_reaches_the_server_without_approval(seen: dict[str, Any]) -> None:
    row = seen["unapproved"]
    assert only(row)["kind"] == "not-approved" and row["posts"] == row["shots"] == 0


def test_an_unknown_device_is_named_with_its_nearest(seen: dict[str, Any]) -> None:
    assert only(seen["unknown"])["kind"] == "unknown-device"
    assert "did you mean 'ibm_brisbane'" in only(seen["unknown"])["message"]
    assert seen["unknown"]["posts"] == 0


def test_chunks_are_submitted_once_each_and_their_jobs_written_down(seen: dict[str, Any]) -> None:
    row = seen["plain"]
    assert row["posts"] == 2 and [job["status"] for job in row["jobs"]] == ["Completed"] * 2
    for draw, job in zip(row["draws"], row["jobs"], strict=True):
        assert set(draw["counts"]) == HALVES and sum(draw["counts"].values()) == 200
        assert draw["job"]["id"] == job["id"] and draw["job"]["status"] == "done"
        assert {"queued", "done"} <= set(draw["job"]["at_s"]) and draw["job"]["queue_s"] >= 0
        assert (draw["billed_s"], draw["cost_usd"]) == (0.0, "0.200")
    assert row["open"] == [] and row["shots"] == 400


def test_a_slow_queue_ends_at_our_deadline_and_nothing_more_is_submitted(seen: dict[str, Any]) -> None:
    row = seen["slow-queue"]
    assert [draw["kind"] for draw in row["draws"]] == ["deadline", "deadline"]
    assert row["posts"] == 1 and [job["status"] for job in row["jobs"]] == ["Cancelled"]
    assert row["shots"] == 200, "a cancelled job counts as spent"


def test_a_failed_job_is_an_error_with_the_providers_words(seen: dict[str, Any]) -> None:
    row = seen["failed"]
    assert only(row)["kind"] == "job-failed" and "the cryostat is warm" in only(row)["message"]
    assert row["posts"] == 1


def test_what_passes_is_tried_once_more(seen: dict[str, Any]) -> None:
    assert set(only(seen["passing"])["counts"]) == HALVES and seen["passing"]["posts"] == 2
    assert only(seen["failing-twice"])["kind"] == "job-failed" and seen["failing-twice"]["posts"] == 2


def test_a_job_that_the_service_cancels_is_an_error(seen: dict[str, Any]) -> None:
    assert only(seen["cancelled-there"])["kind"] == "job-cancelled"


@pytest.mark.parametrize("how", ["lost-reply", "dropped-reply"])
def test_a_lost_reply_leads_to_one_job(seen: dict[str, Any], how: str) -> None:
    """The client alone would submit it twice after a 503."""
    row = seen[how]
    assert set(only(row)["counts"]) == HALVES and only(row)["job"]["adopted"] is True
    assert (row["posts"], len(row["jobs"])) == (1, 1)
    assert row["shots"] == 200


def test_a_submission_that_did_not_arrive_is_repeated(seen: dict[str, Any]) -> None:
    row = seen["outage"]
    assert set(only(row)["counts"]) == HALVES and (row["posts"], len(row["jobs"])) == (2, 1)


@pytest.mark.parametrize("how", ["over-limit", "refused"])
def test_a_refusal_costs_nothing(seen: dict[str, Any], how: str) -> None:
    row = seen[how]
    assert only(row)["kind"] == "job-refused" and row["posts"] == 1
    assert row["open"] == [] and row["shots"] == 0


def test_broken_connections_while_waiting_are_waited_out(seen: dict[str, Any]) -> None:
    assert set(only(seen["deaf"])["counts"]) == HALVES and only(seen["deaf"])["job"]["faults"] == 3


def test_the_budget_ends_the_submissions(seen: dict[str, Any]) -> None:
    row = seen["budget"]
    assert [draw["kind"] for draw in row["draws"]] == ["ok"] * 5 + ["budget"]
    assert row["posts"] == 5


def test_a_run_that_was_killed_takes_its_job_up_again(seen: dict[str, Any]) -> None:
    row = seen["killed"]
    assert len(seen["left open"]) == 1
    assert set(only(row)["counts"]) == HALVES and only(row)["job"]["adopted"] is True
    assert (row["posts"], len(row["jobs"])) == (1, 1)
    assert row["open"] == [] and row["shots"] == 200
