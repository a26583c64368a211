"""The promise of the README: two commands, no key, no network; and red where a build is bad."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from .conftest import Newcomer, readme_block, readme_commands, run

pytestmark = pytest.mark.slow


def result_of(folder: Path) -> dict[str, Any]:
    """`result.json` of the newest run in a folder."""
    latest = (folder / ".llmgate" / "latest").read_text("utf-8").strip()
    loaded: dict[str, Any] = json.loads((folder / latest / "result.json").read_text("utf-8"))
    return loaded


def test_the_first_two_commands_are_nothing_but_commands() -> None:
    first, second = readme_commands()[:2]
    assert "--llm-suite" in first
    assert "pytest" in second
    assert not any(line.lstrip().startswith(("$", "#")) for line in (first + "\n" + second).splitlines())


def test_first_command_installs_and_is_green(newcomer: Newcomer) -> None:
    assert newcomer.first.returncode == 0, newcomer.first.stdout
    result = result_of(newcomer.clone)
    assert result["verdict"] == "pass"
    assert {test["suite"] for test in result["tests"]} == {"support-bot", "repair-assistant", "quantum"}
    assert result["run"]["recorded_at"] is not None, "the quick start must judge recorded replies, and say so"
    assert result["execution"]["billed"]["calls"] == 0, "the quick start must not call anything"
    assert "ruled out" in newcomer.first.stdout


def left_out_of(output: str, block: str) -> list[str]:
    """Pieces of a README's block, between its lines of `…`, that an output does not hold; line breaks are no matter."""
    said = " ".join(output.split())
    pieces = [" ".join(piece.split()) for piece in re.split(r"^\s*…$", block, flags=re.MULTILINE)]
    return [piece for piece in pieces if piece not in said]


def test_the_readme_shows_what_the_first_command_prints(newcomer: Newcomer) -> None:
    assert left_out_of(newcomer.first.stdout, readme_block("text", 0)) == []


def test_the_quick_start_s_circuits_ran_live_and_were_all_compared(newcomer: Newcomer) -> None:
    """No gate is waved through as new: what noisy circuits did when they were approved comes with the clone."""
    tests = [test for test in result_of(newcomer.clone)["tests"] if test["suite"] == "quantum"]
    assert len(tests) == 14
    assert {gate["verdict"] for test in tests for gate in test["gates"]} == {"pass"}, newcomer.first.stdout
    noisy = [test["circuit"]["described"]["noise"] for test in tests if test["id"].endswith("-brisbane")]
    assert len(noisy) == 7 and all(noise.startswith("brisbane") for noise in noisy)
    assert all(test["circuit"]["shots"] > 0 for test in tests)


def test_the_report_is_written_and_needs_nothing_from_elsewhere(newcomer: Newcomer) -> None:
    latest = (newcomer.clone / ".llmgate" / "latest").read_text("utf-8").strip()
    page = (newcomer.clone / latest / "report.html").read_text("utf-8")
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert page.count("<script") == 1, "one small script of ours, which the policy knows by its digest"
    assert "src=" not in page.partition("<script")[2]


def test_one_s_own_function_from_the_readme_alone(newcomer: Newcomer, tmp_path: Path) -> None:
    """The README's two files, in a folder that is not the repository and has nothing else."""
    (tmp_path / "app.py").write_text(readme_block("python", 0))
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "app.suite.yaml").write_text(readme_block("yaml", 0))
    planned = run(f"{newcomer.bin}/llmgate plan suites/app.suite.yaml", tmp_path)
    assert planned.returncode == 0, planned.stdout
    done = run(f"{newcomer.bin}/pytest --llm-suite", tmp_path)
    assert done.returncode == 0, done.stdout
    assert "58 of 58: at or below 90 % is ruled out (5 % risk)" in " ".join(done.stdout.split())


def test_the_recorded_demo_is_red_without_any_call(newcomer: Newcomer) -> None:
    done = run(f"{newcomer.bin}/pytest --llm-suite fixtures/demo", newcomer.clone)
    assert done.returncode == 1, done.stdout
    said = " ".join(done.stdout.split())
    assert left_out_of(done.stdout, readme_block("text", 1)) == [], "the README shows what this prints"
    assert "2 of 14 (14.29 %): at or above the limit of 75 % is ruled out" in said
    assert "Accounts are deleted when you delete your" in said, "the failing replies must be shown"
    assert "most like: cx q3,q4 missing" in said, "a lost gate must be named"
    assert "stray-phase" in said and "basis X: fail" in said, "a phase shows in the X basis"


def test_broken_model_is_red_and_says_why(clone: Path, our_pytest: str) -> None:
    broken = "answerer=python:../fixtures/models/broken.py:reply"
    done = run(f"{our_pytest} --llm-suite suites/support.suite.yaml --llm-model {broken}", clone)
    assert done.returncode == 1, done.stdout
    assert result_of(clone)["verdict"] == "fail"
    assert "the limit of" in done.stdout
    assert "is ruled out" in done.stdout


def test_live_local_model_without_cassette(clone: Path, our_pytest: str) -> None:
    pytest.importorskip("xllamacpp", reason="the local model comes with pip install xllamacpp")
    done = run(f"{our_pytest} --llm-suite fixtures/live --llm-record=live", clone)
    assert done.returncode == 0, done.stdout
    result = result_of(clone)
    assert result["execution"]["billed"]["calls"] >= result["totals"]["trials"] > 0
    assert result["run"]["recorded_at"] is None


def test_damaged_prompt_is_red_with_the_real_model(clone: Path, our_pytest: str) -> None:
    """The same suite, its prompt damaged, asked live: the rate falls and the gate fails."""
    pytest.importorskip("xllamacpp", reason="the local model comes with pip install xllamacpp")
    damaged = clone / "fixtures" / "prompts" / "support_damaged.yaml"
    damaged.replace(clone / "suites" / "prompts" / "support.yaml")
    done = run(f"{our_pytest} --llm-suite suites/support.suite.yaml --llm-record=live", clone)
    assert done.returncode == 1, done.stdout
    result = result_of(clone)
    failed = [gate for test in result["tests"] for gate in test["gates"] if gate["verdict"] == "fail"]
    assert failed, done.stdout
    assert failed[0]["reason"] in " ".join(done.stdout.split()) or failed[0]["name"] in done.stdout
    assert any(test["failing"] for test in result["tests"])
