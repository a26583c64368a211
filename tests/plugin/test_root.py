"""`--llm-results DIR` and `--llm-results=DIR` are the same run: pytest's root is not moved by a value of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_llmgate.pytest_plugin.root import joined

from .conftest import Example, Ran

WORDS = {"--llm-results", "--llm-seed"}
PROJECT = {
    "pyproject.toml": "[tool.llmgate]\nseed = 9\n",
    "suites/app.py": "def answer(q): return f'good {q}'",
    "suites/a.suite.yaml": """
        suite: a
        tests:
          - {id: answers, function: "app.py:answer", cases: [{vars: {q: 1}}], assert: [{type: contains, value: good}]}
    """,
}


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of no project, beside this one."""
    return tmp_path_factory.mktemp("results")


def results(example: Example, folder: Path, *options: str) -> Ran:
    ran = example.end(example.start(*options))
    assert example.newest() == folder, ran.text
    return ran


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["one process", "workers"])
@pytest.mark.parametrize("form", ["--llm-results {}", "--llm-results={}"])
def test_results_outside_of_the_project_do_not_move_its_root(
    example: Example, outside: Path, workers: list[str], form: str
) -> None:
    example.files(PROJECT)
    ran = results(example, outside, *form.format(outside).split(), *workers)
    assert ran.code == 0
    assert ran.result["run"]["seed"] == 9  # of the project's pyproject.toml
    assert [test["id"] for test in ran.result["tests"]] == ["suites/a.suite.yaml::answers"]
    assert f"rootdir: {example.path}" in ran.text


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["one process", "workers"])
def test_settings_of_pytest_that_were_missed_are_refused(example: Example, outside: Path, workers: list[str]) -> None:
    """pytest has read its `addopts` and loaded plugins by then: nothing can put that right."""
    example.files({**PROJECT, "pytest.ini": "[pytest]\naddopts = -ra\n"})
    ran = example.end(example.start("--llm-results", str(outside), *workers))
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert f"misses the settings in {example.path / 'pytest.ini'}: write --llm-results={outside}" in ran.text
    assert not list(outside.iterdir())
    assert results(example, outside, f"--llm-results={outside}", *workers).code == 0
    new = outside / "new"
    assert results(example, new, "--llm-results", str(new), *workers).code == 0


def test_a_price_table_outside_of_the_project_does_not_move_its_root(example: Example, outside: Path) -> None:
    example.files(PROJECT)
    prices = outside / "prices.json"
    prices.write_text('{"models": {}}')
    ran = example.end(example.start("--llm-prices", str(prices)))
    assert (ran.code, ran.result["run"]["seed"]) == (0, 9), ran.text


def test_a_root_that_the_user_names_stays(example: Example, outside: Path) -> None:
    example.files(PROJECT)
    ran = example.end(example.start("--llm-results", str(outside), f"--rootdir={example.path / 'suites'}", "suites"))
    assert f"rootdir: {example.path / 'suites'}" in ran.text


def test_conftests_above_the_tests_are_still_read(example: Example, outside: Path) -> None:
    example.files({**PROJECT, "conftest.py": "def pytest_report_header(): return 'own conftest'"})
    assert "own conftest" in results(example, outside, "--llm-results", str(outside)).text


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (["--llm-results", "out", "suites"], ["--llm-results=out", "suites"]),
        (["--llm-results=out", "--llm-seed", "3"], ["--llm-results=out", "--llm-seed=3"]),
        (["-k", "x", "--llm-results"], ["-k", "x", "--llm-results"]),
        (["--", "--llm-results", "out"], ["--", "--llm-results", "out"]),
    ],
)
def test_words_of_a_command_line_are_joined(given: list[str], sent: list[str]) -> None:
    assert joined(given, WORDS) == sent
