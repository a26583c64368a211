"""Read-only checkouts: with `--llm-results` elsewhere runs are whole, and say what could not be noted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from .conftest import PATIENCE_S, Example, Ran

PROJECT = {
    "suites/models.py": "def reply(request): return 'good ' + request.vars['q']",
    "suites/live.suite.yaml": """
        suite: live
        models: {m: {provider: python, target: "models.py:reply"}}
        prompts: {ask: {text: "say {{ q }}"}}
        tests:
          - id: asks
            model: m
            prompt: ask
            cases: [{q: one}, {q: two}]
            assert: [{type: contains, value: good}]
    """,
    "suites/taped.suite.yaml": """
        suite: taped
        models: {m: {provider: python, target: "models.py:reply", record: true}}
        prompts: {ask: {text: "say {{ q }}"}}
        tests:
          - id: asks-taped
            model: m
            prompt: ask
            cases: [{q: one}, {q: two}]
            assert: [{type: contains, value: good}]
    """,
}
UNNOTED = "warning: this run is neither the newest nor in the history"


@cache
def can_mount() -> bool:
    """Whether this process may make mounts of its own, which end with it."""
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False).returncode == 0
    except OSError:
        return False


def read_only(example: Example, results: Path, *options: str) -> Ran:
    """`pytest --llm-suite` in the project as a read-only mount."""
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" && ! touch x && exec "$@"'
    gate = [sys.executable, "-m", "pytest", "--llm-suite", "-p", "no:cacheprovider", f"--llm-results={results}"]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, str(example.path), *gate, *options],
        env=dict(os.environ), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout + done.stderr, results)


def said(ran: Ran) -> str:
    return " ".join(ran.text.split())


@pytest.mark.skipif(not can_mount(), reason="needs the right to mount")
@pytest.mark.parametrize("options", [(), ("-n2", "-p", "xdist"), ("--llm-baseline=propose",)])
def test_a_read_only_checkout_has_its_verdict_and_whole_results(
    example: Example, tmp_path_factory: pytest.TempPathFactory, options: tuple[str, ...]
) -> None:
    example.files(PROJECT)
    results = tmp_path_factory.mktemp("results") / "out"
    ran = read_only(example, results, "suites/live.suite.yaml", *options)
    assert (ran.code, ran.result["verdict"]) == (0, "pass"), ran.text
    assert len(ran.rows()) == ran.result["totals"]["trials"]
    assert (results / "report.html").is_file()
    assert UNNOTED in said(ran)
    assert f"Read-only file system); name its folder: llmgate verdict {results}" in said(ran)
    assert not (example.path / ".llmgate").exists()


@pytest.mark.skipif(not can_mount(), reason="needs the right to mount")
def test_recordings_that_a_read_only_checkout_has_no_room_for_wait_beside_the_results(
    example: Example, tmp_path_factory: pytest.TempPathFactory
) -> None:
    example.files(PROJECT)
    results = tmp_path_factory.mktemp("results") / "out"
    ran = read_only(example, results, "suites/taped.suite.yaml")
    assert (ran.code, ran.result["verdict"]) == (0, "pass"), ran.text
    assert (
        f"suites/taped.cassette.jsonl: cannot write: Read-only file system: what was recorded stays in {results}"
        in said(ran)
    )
    # once the checkout can be written, the next run with these results finds them, and pays nothing again
    assert example.gate(f"--llm-results={results}", "suites/taped.suite.yaml").code == 0
    assert (example.path / "suites/taped.cassette.jsonl").is_file()


def test_where_llmgate_cannot_be_made_the_run_goes_on_in_its_own_folder(
    example: Example, tmp_path_factory: pytest.TempPathFactory
) -> None:
    example.files({**PROJECT, ".llmgate": "a file, so that nothing can be made below it"})
    results = tmp_path_factory.mktemp("results") / "out"
    ran = example.gate(f"--llm-results={results}", "suites")
    result = json.loads((results / "result.json").read_text())
    assert (ran.code, result["verdict"]) == (0, "pass"), ran.text
    assert UNNOTED in said(ran)
    assert "this run is neither the newest nor in the history" in result["execution"]["warnings"][0]
    assert (example.path / "suites/taped.cassette.jsonl").is_file()  # which can be written as ever


def test_an_interrupted_run_goes_on_where_llmgate_cannot_be_made(
    example: Example, tmp_path_factory: pytest.TempPathFactory
) -> None:
    example.files(PROJECT)
    results = tmp_path_factory.mktemp("results") / "out"
    options = (f"--llm-results={results}", "suites/live.suite.yaml")
    assert example.gate(*options).code == 0
    (results / "result.json").unlink()  # as after a kill
    (example.path / ".llmgate").rename(example.path / "elsewhere")
    (example.path / ".llmgate").write_text("")
    ran = example.gate(*options, "--llm-resume")
    assert ran.code == 0, ran.text
    assert json.loads((results / "result.json").read_text())["verdict"] == "pass"
    assert UNNOTED in said(ran)


def test_a_run_that_would_lie_in_llmgate_is_refused_with_the_way_out(example: Example) -> None:
    example.files({**PROJECT, ".llmgate": ""})
    ran = example.gate("suites/live.suite.yaml")
    assert ran.code == 4
    assert "choose another one with --llm-results [cannot-write]" in ran.text


def test_a_register_that_cannot_be_written_is_said_after_the_results(
    example: Example, tmp_path_factory: pytest.TempPathFactory
) -> None:
    example.files(PROJECT)
    (example.path / ".llmgate" / "register.jsonl").mkdir(parents=True)
    results = tmp_path_factory.mktemp("results") / "out"
    ran = example.gate(f"--llm-results={results}", "suites/live.suite.yaml")
    assert (ran.code, ran.result["verdict"]) == (0, "pass"), ran.text
    assert "warning: this run could not be registered" in said(ran)
    assert "cannot write: Is a directory): attempts do not count it" in said(ran)
    assert (example.path / ".llmgate" / "latest").read_text() == str(results)
