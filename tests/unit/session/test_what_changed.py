"""What a branch changed, as the reviewer's page shows it: looser thresholds first, prompts line by line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.redaction.redactor import Redactor
from pytest_llmgate.session.what_changed import Since, changes_since

SUITE = "suites/a.suite.yaml"
TEXT = "tests:\n- id: t\n  assert: [{type: contains, min_rate: 0.95}]\n"
PLAN = {"file": SUITE, "prompt": {"source": {"path": "suites/ask.txt", "line": None}}}


def git(root: Path, *words: str) -> str:
    given = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *given, *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def since(root: Path, *content: str, environ: Mapping[str, str] | None = None, **plan: Any) -> Since:
    """What changed for a test that rests on these files beside its suite and its prompt."""
    row = {**PLAN, "content": dict.fromkeys(content, "sha256:…"), **plan}
    return changes_since(root, [row], environ or {}, str)


def rows(root: Path, *content: str, **plan: Any) -> list[tuple[str, str, str]]:
    """Kind, place and text of every change."""
    return [(row["kind"], row["test"], row["text"]) for row in since(root, *content, **plan).rows or ()]


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def committed(root: Path, files: Mapping[str, str]) -> None:
    """The target has these files too."""
    write(root, files)
    git(root, "add", ".")
    git(root, "commit", "-qm", "b")
    git(root, "branch", "-f", "main")


@pytest.fixture
def branch(tmp_path: Path) -> Path:
    """A branch of a repository, with nothing changed yet."""
    write(tmp_path, {SUITE: TEXT, "suites/ask.txt": "How long?\n"})
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "a")
    git(tmp_path, "checkout", "-qb", "b")
    return tmp_path


# ---- why there is nothing to compare with


def test_outside_git_the_reason_is_told(tmp_path: Path) -> None:
    found = since(tmp_path)
    assert found.rows is None
    assert found.against == {
        "commit": None, "target": None, "reason": "git is not there, or knows no repository here",
    }  # fmt: skip


def test_before_the_first_commit_the_reason_is_told(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert since(tmp_path).against["reason"] == "nothing has been committed here yet"


def test_on_the_target_itself_nothing_is_said_to_be_unchanged(branch: Path) -> None:
    found = since(branch)
    assert found.rows == []
    assert found.against["commit"] == git(branch, "rev-parse", "HEAD")
    assert found.against["reason"] == "this commit belongs to main itself, and no branch has left it"


def test_a_branch_is_compared_with_the_commit_at_which_it_left_its_target(branch: Path) -> None:
    left = git(branch, "rev-parse", "main")
    write(branch, {"README.md": "…"})
    git(branch, "add", ".")
    git(branch, "commit", "-qm", "b")
    assert since(branch) == Since([], {"commit": left, "target": "main", "reason": None})


def test_a_changed_checkout_of_the_target_is_compared_with_its_commit(branch: Path) -> None:
    write(branch, {SUITE: TEXT.replace("0.95", "0.97")})
    assert rows(branch) == [("threshold", f"{SUITE}::t", "min_rate: 0.95 → 0.97")]
    assert since(branch).against["reason"] is None


def shallow(branch: Path) -> Path:
    """The branch, one commit ahead of its target, as CI checks it out by default."""
    write(branch, {SUITE: TEXT + "# b\n"})
    git(branch, "commit", "-qam", "b")
    git(branch, "checkout", "-q", "main")
    git(branch, "clone", "-q", "--depth", "1", "--single-branch", "-b", "b", branch.as_uri(), str(branch / "clone"))
    return branch / "clone"


@pytest.mark.parametrize("environ", [{}, {"GITHUB_BASE_REF": "main"}])
def test_a_shallow_checkout_names_the_depth_to_check_out_with(branch: Path, environ: dict[str, str]) -> None:
    found = since(shallow(branch), environ=environ)
    assert found.rows is None
    assert found.against["reason"] == (
        "the target branch was not fetched: check out with fetch-depth: 0 at GitHub, GIT_DEPTH: 0 at GitLab"
    )


def test_a_history_that_ends_too_early_is_told(branch: Path) -> None:
    clone = shallow(branch)
    git(branch, "commit", "-qm", "c", "--allow-empty")
    git(clone, "fetch", "-q", "--depth", "1", "origin", "main:refs/remotes/origin/main")
    reason = since(clone).against["reason"]
    assert reason is not None
    assert reason.startswith("the history that was fetched ends before this branch left origin/main: check out with")


# ---- what changed


def test_looser_thresholds_and_prompts_are_shown(branch: Path) -> None:
    write(branch, {SUITE: TEXT.replace("0.95", "0.9"), "suites/ask.txt": "How long? Ask Ada.\n"})
    threshold, prompt = since(branch).rows or ()
    assert (threshold["kind"], threshold["loosened"]) == ("threshold", True)
    assert threshold["text"] == f"{SUITE}::t: contains: min_rate: 0.95 → 0.9"
    assert (prompt["kind"], prompt["test"], prompt["loosened"]) == ("prompt", "suites/ask.txt", False)
    assert prompt["text"].splitlines()[-2:] == ["-How long?", "+How long? Ask Ada."]


def test_everything_that_a_suite_says_otherwise_is_shown(branch: Path) -> None:
    suite = (
        "models: {m: {provider: openai, model: gpt-4o, params: {temperature: 0.2}}}\n"
        "prompts: {ask: {text: How long?}}\n"
        "tests:\n- {id: t, circuit: bell.qasm, noise: brisbane, assert: [{type: contains, min_rate: 0.9}]}\n"
    )
    committed(branch, {SUITE: suite, "suites/bell.qasm": "h q[0];\n"})
    new = suite.replace("gpt-4o", "gpt-4.1").replace("0.2", "0.9").replace("long", "far").replace("brisbane", "torino")
    write(branch, {SUITE: new.replace("0.9}]", "0.95}]"), "suites/bell.qasm": "h q[0];\nx q[0];\n"})
    diff = "--- before\n+++ now\n@@ -1 +1 @@\n-How long?\n+How far?"
    assert rows(branch, "suites/bell.qasm") == [
        ("model", SUITE, "m: model: gpt-4o → gpt-4.1"),
        ("model", SUITE, "m: params.temperature: 0.2 → 0.9"),
        ("prompt", SUITE, f"ask:\n{diff}"),
        ("noise", f"{SUITE}::t", "noise: brisbane → torino"),
        ("threshold", f"{SUITE}::t", "min_rate: 0.9 → 0.95"),
        ("circuit", "suites/bell.qasm", "--- before\n+++ now\n@@ -1 +1,2 @@\n h q[0];\n+x q[0];"),
    ]


def test_a_suite_that_is_gone_is_named(branch: Path) -> None:
    committed(branch, {"suites/gone.suite.yaml": "tests:\n- id: u\n"})
    (branch / "suites/gone.suite.yaml").unlink()
    assert rows(branch) == [("threshold", "", "suites/gone.suite.yaml::u: the test is gone")]


def test_a_suite_that_git_does_not_know_yet_is_new(branch: Path) -> None:
    write(branch, {"suites/new.suite.yaml": TEXT})
    assert rows(branch, file="suites/new.suite.yaml") == [("test", "suites/new.suite.yaml", "1 added: t (contains)")]


@pytest.mark.parametrize(
    ("new", "found"),
    [
        ("1\n2\n3\n", []),
        ("1\n2\n3\n4\n", [("cases", "suites/c.jsonl", "1 line more")]),
        ("1\n9\n3\n", [("cases", "suites/c.jsonl", "1 line changed")]),
        ("3\n2\n1\n", [("cases", "suites/c.jsonl", "lines in another order")]),
        ("8\n9\n3\n4\n5\n", [("cases", "suites/c.jsonl", "2 lines changed, 2 lines more")]),
        ("1\n", [
            ("threshold", "", "suites/c.jsonl: 3 → 1 lines of cases"), ("cases", "suites/c.jsonl", "2 lines fewer"),
        ]),
    ],
)  # fmt: skip
def test_lines_of_cases_are_counted_even_where_their_suite_stays_as_it_is(
    branch: Path, new: str, found: list[tuple[str, str, str]]
) -> None:
    committed(branch, {SUITE: "tests:\n- {id: t, cases: c.jsonl}\n", "suites/c.jsonl": "1\n2\n3\n"})
    write(branch, {"suites/c.jsonl": new})
    assert rows(branch) == found


def test_cases_of_a_module_that_stays_as_it_is_are_counted_and_not_shown(branch: Path) -> None:
    module = "import pytest\n@pytest.mark.stochastic()\n@pytest.mark.llm_cases('c.jsonl')\ndef test_a(case): ...\n"
    committed(branch, {"suites/test_a.py": module, "suites/c.jsonl": "1\n2\n"})
    write(branch, {"suites/c.jsonl": "9\n"})
    assert rows(branch, "suites/test_a.py", "suites/c.jsonl", file="suites/test_a.py", prompt=None) == [
        ("threshold", "", "suites/c.jsonl: 2 → 1 lines of cases"),
        ("cases", "suites/c.jsonl", "1 line changed, 1 line fewer"),
    ]


def test_files_that_gates_name_are_shown_line_by_line_code_and_binaries_are_not(branch: Path) -> None:
    committed(branch, {"suites/policy.yaml": "a\n", "suites/check.py": "a\n", "suites/bell.qpy": "a\n"})
    names = ("suites/policy.yaml", "suites/check.py", "suites/bell.qpy")
    write(branch, dict.fromkeys(names, "b\nc\n"))
    assert rows(branch, *names) == [
        ("circuit", "suites/bell.qpy", "changed"),
        ("code", "suites/check.py", "1 line changed, 1 line more"),
        ("file", "suites/policy.yaml", "--- before\n+++ now\n@@ -1 +1,2 @@\n-a\n+b\n+c"),
    ]


def test_a_long_diff_is_cut_and_says_so(branch: Path) -> None:
    write(branch, {"suites/ask.txt": "".join(f"line {number}\n" for number in range(400))})
    assert rows(branch)[0][2].endswith("more lines")


def test_many_changes_are_cut_and_counted(branch: Path) -> None:
    suite = "".join(f"prompts{number}: 1\n" for number in range(600))
    write(branch, {SUITE: suite + TEXT})
    found = rows(branch)
    assert len(found) == 501
    assert found[-1] == ("more", "", "100 more changes")


# ---- what must not be shown


def test_values_are_redacted_before_they_are_cut_and_addresses_show_their_host_alone(branch: Path) -> None:
    key = "sk-proj-" + "Ab1" * 16
    model = "models: {m: {provider: openai, model: a, base_url: 'https://me:hunter2@old.example/v1?key=s3cret'}}\n"
    committed(branch, {SUITE: model + TEXT, "pyproject.toml": '[tool.llmgate.redaction]\ndeny = ["Ada Lovelace"]\n'})
    moved = model.replace("old.example", "new.example:8443").replace("model: a", f"model: a, params: {{user: {key}}}")
    write(branch, {SUITE: moved + TEXT, "pyproject.toml": "[tool.llmgate.redaction]\ndeny = []\n"})
    found = changes_since(branch, [PLAN], {}, lambda text: Redactor().redact(text)[0]).rows
    said = json.dumps(found)
    assert "base_url: old.example → new.example:8443" in "\n".join(row["text"] for row in found or ())
    assert "redaction.deny changed" in said
    assert not [private for private in (key, "hunter2", "s3cret", "Ada") if private in said]


HOSTILE = [
    'tests: [{id: "\\ud800", assert: [{type: [1], name: {a: 1}}], cases: "\\0", noise: [[[]]], prompt: 7}]',
    "models: [1]\nprompts: 3\ndefaults: x\ntests: [{id: t, assert: 7, model: {a: 1}, prompt: {messages: [3]}}]",
    "models: {m: 3}\nprompts: {p: [1]}\ntests: [{id: t, assert: [{type: x, min_rate: [1]}], cases: [{a: 1}]}]",
    "models: {m: {base_url: 'http://[x', params: 3}}\ntests: [{id: t, cases: ../../../etc/passwd}]",
    "<script>: \"\\e[2J::error::\"\ntests: []",
]  # fmt: skip


@pytest.mark.parametrize("old", HOSTILE)
@pytest.mark.parametrize("new", HOSTILE)
def test_whatever_a_version_holds_it_is_data(branch: Path, old: str, new: str) -> None:
    committed(branch, {SUITE: old})
    write(branch, {SUITE: new})
    found = since(branch)
    assert (found.rows == []) == (old == new)
    json.dumps(found.rows)


@pytest.mark.parametrize(
    "old",
    [
        "tool = 3",
        "[tool.llmgate]\nsuites = 7\nprofiles = 3",
        "[tool.llmgate.profiles]\nci = 1",
        "[tool.llmgate]\nmodels = 3\ndefaults = [1]\nredaction = 1",
        f"a = {'[' * 5000}",
    ],
)
def test_broken_options_of_the_target_end_no_run(branch: Path, old: str) -> None:
    committed(branch, {"pyproject.toml": old})
    write(branch, {"pyproject.toml": '[tool.llmgate]\nsuites = ["suites"]\nmodels = {a = {provider = "local"}}\n'})
    assert since(branch).rows
