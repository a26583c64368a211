"""What `llmgate` refuses, and how: usage is exit code 2, and what a later version brings is refused by name."""

from __future__ import annotations

import json

import pytest

from pytest_llmgate.cli import commands

from .conftest import Repo


@pytest.mark.parametrize("name", ["compare", "history", "lint"])
@pytest.mark.parametrize("arguments", [(), ("accept", "--reason", "x"), ("a", "b")])
def test_a_command_of_a_later_version_is_refused_by_name(repo: Repo, name: str, arguments: tuple[str, ...]) -> None:
    done = repo.llmgate(name, *arguments)
    assert done.code == 2
    assert f"not available yet: llmgate {name}" in done.text


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",), ("plan",), ("plan", "missing.yaml"), ("plan", "suites"), ("verdict", "--nonsense"),
        ("regate", "--alpha", "much"), ("replay-trial", "latest"), ("replay-trial", "latest", "t", "first"),
        ("replay-trial", "latest", "t", "--", "-1"),
    ],
)  # fmt: skip
def test_wrong_usage_ends_with_2(repo: Repo, words: tuple[str, ...]) -> None:
    done = repo.llmgate(*words)
    assert done.code == 2
    assert "Usage: llmgate" in done.text


@pytest.mark.parametrize("words", [("verdict",), ("regate",), ("report",), ("replay-trial", "latest", "t", "0")])
def test_without_a_run_the_next_command_is_named(repo: Repo, words: tuple[str, ...]) -> None:
    done = repo.llmgate(*words)
    assert done.code == 2
    assert "there is no run yet; start one with: pytest --llm-suite" in done.text


def test_a_run_that_is_not_there_is_named(repo: Repo) -> None:
    done = repo.llmgate("verdict", "20990101T000000-aaaaaa")
    assert done.code == 2
    assert "there is no run '20990101T000000-aaaaaa'" in done.text


def test_a_fault_of_the_command_itself_never_reads_as_a_failed_gate(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands.results, "suite_schema", lambda: [][0])
    done = repo.llmgate("schema")
    assert done.code == 4
    assert "IndexError" in done.text


def test_the_schema_of_suite_files_is_printed(repo: Repo) -> None:
    done = repo.llmgate("schema")
    assert done.code == 0
    schema = json.loads(done.raw)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"suite", "seed", "models", "prompts", "tests"} <= schema["properties"].keys()
