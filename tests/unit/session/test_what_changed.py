"""What a branch changed, as the reviewer's page shows it: looser thresholds first, prompts line by line."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_llmgate.session.what_changed import changes_since

SUITE = "suites/a.suite.yaml"
TEXT = "tests:\n- id: t\n  assert: [{type: contains, min_rate: 0.95}]\n"
PLANS = [{"file": SUITE, "prompt": {"source": {"path": "suites/ask.txt", "line": None}}}]


def git(root: Path, *words: str) -> None:
    given = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *given, *words], cwd=root, check=True, capture_output=True)


@pytest.fixture
def branch(tmp_path: Path) -> Path:
    """A branch of a repository, with nothing changed yet."""
    (tmp_path / "suites").mkdir()
    (tmp_path / SUITE).write_text(TEXT)
    (tmp_path / "suites/ask.txt").write_text("How long?\n")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "a")
    git(tmp_path, "checkout", "-qb", "b")
    return tmp_path


def test_nothing_is_said_where_git_knows_no_earlier_state(tmp_path: Path) -> None:
    assert changes_since(tmp_path, PLANS, {}, str) is None


def test_an_unchanged_branch_has_no_changes(branch: Path) -> None:
    assert changes_since(branch, PLANS, {}, str) == []


def test_looser_thresholds_and_prompts_are_shown_and_prompts_are_redacted(branch: Path) -> None:
    (branch / SUITE).write_text(TEXT.replace("0.95", "0.9"))
    (branch / "suites/ask.txt").write_text("How long? Ask Ada.\n")
    found = changes_since(branch, PLANS, {}, lambda text: text.replace("Ada", "[name]"))
    assert found is not None
    threshold, prompt = found
    assert (threshold["kind"], threshold["loosened"]) == ("threshold", True)
    assert threshold["text"] == f"{SUITE}::t: contains: min_rate: 0.95 → 0.9"
    assert (prompt["kind"], prompt["test"], prompt["loosened"]) == ("prompt", "suites/ask.txt", False)
    assert prompt["text"].splitlines()[-2:] == ["-How long?", "+How long? Ask [name]."]


def test_a_suite_that_is_gone_is_named_and_cases_that_are_missing_are_counted(branch: Path) -> None:
    (branch / SUITE).write_text("tests:\n- id: t\n  cases: c.jsonl\n")
    (branch / "suites/c.jsonl").write_text('{"q": 1}\n{"q": 2}\n')
    (branch / "suites/gone.suite.yaml").write_text("tests:\n- id: u\n")
    git(branch, "add", ".")
    git(branch, "commit", "-qm", "b")
    git(branch, "branch", "-f", "main")
    (branch / "suites/gone.suite.yaml").unlink()
    (branch / "suites/c.jsonl").write_text('{"q": 1}\n')
    (branch / SUITE).write_text("tests:\n- id: t\n  cases: c.jsonl\n  trials: 9\n")
    found = changes_since(branch, PLANS, {}, str)
    assert found is not None
    assert [row["text"] for row in found] == [
        "suites/c.jsonl: 2 → 1 lines of cases", "suites/gone.suite.yaml::u: the test is gone",
    ]  # fmt: skip


def test_schemas_and_policies_that_gates_name_are_shown_line_by_line(branch: Path) -> None:
    (branch / "suites/policy.yaml").write_text("rules: [{id: a, secrets: true}]\n")
    git(branch, "add", ".")
    git(branch, "commit", "-qm", "b")
    git(branch, "branch", "-f", "main")
    (branch / "suites/policy.yaml").write_text("rules: []\n")
    plan = {**PLANS[0], "base": "suites", "gates": [{"params": {"policy": "policy.yaml", "value": "x\ny", "n": 1}}]}
    found = changes_since(branch, [plan], {}, str)
    assert found is not None
    assert [(row["kind"], row["test"]) for row in found] == [("file", "suites/policy.yaml")]
    assert found[0]["text"].splitlines()[-2:] == ["-rules: [{id: a, secrets: true}]", "+rules: []"]


def test_a_long_diff_is_cut_and_says_so(branch: Path) -> None:
    (branch / "suites/ask.txt").write_text("".join(f"line {number}\n" for number in range(400)))
    found = changes_since(branch, PLANS, {}, str)
    assert found is not None
    assert found[0]["text"].endswith("more lines")
