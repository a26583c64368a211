"""Runs that are killed, cut or short of disk: nothing is paid twice, and nothing passes for it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.core.reply import Request
from pytest_llmgate.providers.loopback import LoopbackServer, MockModels

from .conftest import Example, Ran, served, wait_for

TRIALS = 60
FIXED = ", min_rate: 0.85, bad_rate: 0.6, rule: fixed"
LONGER = 2000
LIVE = ("--llm-record=live", f"--llm-trials={TRIALS}", "--llm-concurrency=4")
LONG = ("--llm-record=live", f"--llm-trials={LONGER}", "--llm-concurrency=4")


def slowly(request: Request) -> str:
    time.sleep(0.03)
    return f"good {request.seed}"


@pytest.fixture
def server(models: MockModels) -> LoopbackServer:
    return models.server(replies=slowly)


@pytest.fixture
def project(example: Example, server: LoopbackServer) -> Example:
    """Two suites of one test, each of 60 calls."""
    example.env("TEST_KEY", "sk-of-the-test")
    suite = served(server, rates=FIXED)
    return example.files({
        "one.suite.yaml": suite, "two.suite.yaml": suite.replace("served", "two").replace("asks", "asks-two"),
    })  # fmt: skip


def journal(project: Example) -> list[dict[str, Any]]:
    """Trials that the newest run has completed so far."""
    rows = []
    for path in sorted(project.newest().glob("trials.*jsonl")):
        for line in path.read_text().splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue  # torn by the kill
    return rows


def assert_paid_once(server: LoopbackServer, completed: list[dict[str, Any]]) -> None:
    times = Counter(call.seed for call in server.calls)
    assert completed
    assert {row["seed"]: times[row["seed"]] for row in completed} == {row["seed"]: 1 for row in completed}


def assert_complete(project: Example, *options: str) -> dict[str, Any]:
    ran = project.gate("--llm-resume", *LIVE, *options)
    assert ran.verdicts == {"asks": "pass", "asks-two": "pass"}, ran.text
    assert [test["trials"] for test in ran.result["tests"]] == [TRIALS, TRIALS]
    assert len({(row["test"], row["index"]) for row in ran.rows()}) == len(ran.rows()) == 2 * TRIALS
    assert ran.result["run"]["interrupted"] is False
    assert ran.result["execution"]["billed"]["calls"] == 2 * TRIALS
    assert ran.code == 0
    return ran.result


def children(process: subprocess.Popen[str]) -> list[int]:
    """The workers of pytest-xdist."""
    said = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True)
    return [int(pid) for pid in said.stdout.split()]


def gone(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def kill(pid: int) -> None:
    import os

    os.kill(pid, signal.SIGKILL)


def test_after_a_kill_no_completed_trial_is_paid_again(project: Example, server: LoopbackServer) -> None:
    process = project.start(*LIVE)
    wait_for(lambda: len(server.calls) >= 20, "calls")
    project.kill(process)
    completed = journal(project)
    assert_complete(project)
    assert_paid_once(server, completed)


@pytest.mark.slow
def test_a_killed_run_goes_on_with_two_workers(project: Example, server: LoopbackServer) -> None:
    process = project.start(*LIVE)
    wait_for(lambda: len(server.calls) >= 20, "calls")
    project.kill(process)
    completed = journal(project)
    assert_complete(project, "-n2")
    assert_paid_once(server, completed)


@pytest.mark.slow
def test_the_controller_of_two_workers_is_killed(project: Example, server: LoopbackServer) -> None:
    process = project.start("-n2", *LIVE)
    wait_for(lambda: len(server.calls) >= 20, "calls")
    workers = children(process)
    assert len(workers) == 2
    project.kill(process)
    wait_for(lambda: gone(workers), "orphaned workers to end")
    assert len(server.calls) < 2 * TRIALS, "orphans stop soon"
    completed = journal(project)
    assert_complete(project)
    assert_paid_once(server, completed)


@pytest.mark.slow
def test_one_of_two_workers_is_killed(project: Example, server: LoopbackServer) -> None:
    process = project.start("-n2", *LIVE)
    wait_for(lambda: len(journal(project)) >= 20, "trials")
    kill(children(process)[0])
    ran = project.end(process)
    assert ran.code != 0, "the test of a crashed worker never passes"
    completed = ran.rows()
    if ran.result["run"]["interrupted"]:  # else the other worker had both tests
        assert "inconclusive" in ran.verdicts.values()
        assert_complete(project)
    assert_paid_once(server, completed)


def test_what_was_paid_before_a_kill_is_in_the_cassette_of_the_next_run(
    project: Example, server: LoopbackServer
) -> None:
    recording = ("one.suite.yaml", "--llm-record=new", f"--llm-trials={TRIALS}", "--llm-concurrency=4")
    process = project.start(*recording)
    wait_for(lambda: len(journal(project)) >= 20, "trials")
    project.kill(process)
    completed = journal(project)
    ran = project.gate(*recording)
    assert ran.verdicts == {"asks": "pass"}
    assert_paid_once(server, completed)
    paid = len(server.calls)
    assert project.gate(*recording, "--llm-record=replay").verdicts == {"asks": "pass"}
    assert len(server.calls) == paid


def test_control_c_leaves_tests_undecided_and_the_run_can_go_on(project: Example, server: LoopbackServer) -> None:
    process = project.start(*LIVE)
    wait_for(lambda: len(server.calls) >= 20, "calls")
    process.send_signal(signal.SIGINT)
    ran = project.end(process)
    assert ran.code == 2
    assert ran.result["run"]["interrupted"] is True
    assert set(ran.verdicts.values()) == {"inconclusive"}
    assert {gate["stop_reason"] for test in ran.result["tests"] for gate in test["gates"]} == {"interrupted"}
    assert all(test["holes"] == 0 for test in ran.result["tests"])
    completed = [row for row in ran.rows() if row["error"] is None]
    assert_complete(project)
    assert_paid_once(server, completed)


def test_exitfirst_can_be_gone_on_with(project: Example, server: LoopbackServer) -> None:
    suite = (project.path / "one.suite.yaml").read_text()
    project.files(
        {
            "app.py": "def bad(): return 'bad'",
            "a.suite.yaml": """
        suite: a
        tests: [{id: bad, function: "app.py:bad", cases: [{vars: {}}], assert: [{type: contains, value: good}]}]
    """,
        }
    )
    assert suite
    ran = project.gate("-x", *LIVE)
    assert ran.verdicts == {"bad": "fail", "asks": "inconclusive", "asks-two": "inconclusive"}
    assert server.calls == [], "with -x nothing is sampled beyond the test that may end the run"
    again = project.gate("--llm-resume", *LIVE)
    assert again.verdicts == {"bad": "fail", "asks": "pass", "asks-two": "pass"}


def test_a_run_of_another_plan_seed_or_mode_is_not_gone_on_with(project: Example, server: LoopbackServer) -> None:
    process = project.start(*LIVE)
    wait_for(lambda: len(server.calls) >= 8, "calls")
    project.kill(process)
    calls = len(server.calls)
    for options, said in (
        (["--llm-seed=9"], "seed 0 → 9"),
        (["--llm-record=new"], "record live → new"),
        (["-k", "two"], "plan_digest"),
    ):
        ran = project.gate("--llm-resume", *LIVE, *options)
        assert ran.code == 4, ran.text
        assert said in ran.text
    assert len(server.calls) == calls


def test_without_an_interrupted_run_there_is_nothing_to_resume(example: Example) -> None:
    example.files(
        {
            "test_m.py": """
        import pytest
        @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
        def test_a(): pass
    """
        }
    )
    assert example.gate().code == 0
    ran = example.gate("--llm-resume")
    assert ran.code == 4
    assert "nothing-to-resume" in ran.text


def test_a_body_goes_on_where_it_was_interrupted(example: Example) -> None:
    example.files(
        {
            "test_m.py": """
        import pathlib, pytest
        @pytest.mark.stochastic(trials=50, rule="fixed", min_rate=0.9, bad_rate=0.5)
        def test_a(trial):
            stop = pathlib.Path("stop")
            if trial.index == 20 and stop.exists():
                stop.unlink()
                raise KeyboardInterrupt
            with open("ran", "a") as file: file.write(f"{trial.index} ")
    """,
            "stop": "",
        }
    )
    ran = example.gate()
    assert ran.verdicts == {"test_a": "inconclusive"}
    again = example.gate("--llm-resume")
    assert again.verdicts == {"test_a": "pass"}, again.text
    assert (example.path / "ran").read_text().split() == [str(index) for index in range(50)]


@pytest.mark.parametrize("room", [3_000, 30_000])
def test_a_full_disk_is_an_error_and_never_a_pass(example: Example, room: int) -> None:
    example.files({
        "app.py": "def answer(trial): return f'good {trial.seed} ' + 'x' * 300\n",
        "test_m.py": """
            import pytest
            @pytest.mark.stochastic(trials=200, rule="fixed")
            def test_a(trial): trial.record(f"{trial.seed} " + "x" * 300)
        """,
        "a.suite.yaml": """
            suite: a
            tests: [{id: t, function: "app.py:answer", cases: [{vars: {}}], trials: 200,
                     assert: [{type: contains, value: good, rule: fixed}]}]
        """,
    })  # fmt: skip
    ran = example.end(example.start("-p", "no:cacheprovider", limit_file_bytes=room))
    assert ran.code not in (0, 5), ran.text
    assert "disk-full" in ran.text
    result = ran.folder / "result.json"
    if result.exists():
        assert json.loads(result.read_text())["verdict"] == "error"


@pytest.mark.slow
def test_control_c_stops_two_workers(project: Example, server: LoopbackServer) -> None:
    process = project.start("-n2", *LONG)
    wait_for(lambda: len(server.calls) >= 20, "calls")
    process.send_signal(signal.SIGINT)
    ran = project.end(process)
    assert ran.code == 2
    assert_cut(ran)
    assert len(server.calls) < LONGER


def assert_cut(ran: Ran) -> None:
    assert ran.result["run"]["interrupted"] is True, ran.text
    cut = [test for test in ran.result["tests"] if test["verdict"] == "inconclusive"]
    assert cut
    assert all(test["gates"][0]["stop_reason"] == "interrupted" and test["trials"] < LONGER for test in cut)


def test_a_run_whose_folder_vanishes_is_no_pass(example: Example) -> None:
    example.files(
        {
            "test_m.py": """
        import pytest, shutil
        @pytest.mark.stochastic(min_rate=0.9, bad_rate=0.5)
        def test_a(trial):
            if trial.index == 1: shutil.rmtree(".llmgate/runs")
    """
        }
    )
    ran = example.gate()
    assert ran.code != 0, ran.text
    assert "this run did not come to its end: " in ran.text
