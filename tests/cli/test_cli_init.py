"""`llmgate init`: a repository gets a first suite whose first run is green, and loses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_llmgate.cli.commands import cli

WRITTEN = {
    "pyproject.toml", "suites/example.suite.yaml", "suites/example_cases.jsonl", "suites/example_model.py",
    "tests/test_llm_gate.py",
}  # fmt: skip


def typed(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["init", *words], prog_name="llmgate")
    return done.exit_code, done.output


def init(folder: Path) -> tuple[int, str]:
    return typed("--dir", str(folder))


def content(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def repository(folder: Path, remote: str) -> Path:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "remote", "add", "origin", remote], check=True)
    return folder


def gate(folder: Path, *options: str) -> tuple[int, str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "PYTEST", "GITHUB"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=90)
    return done.returncode, done.stdout


def test_in_an_empty_folder_the_first_run_is_green(tmp_path: Path) -> None:
    code, text = init(tmp_path / "new")
    assert code == 0
    assert content(tmp_path / "new").keys() == WRITTEN
    assert "no workflow was written" in text
    assert text.rstrip().endswith("pytest --llm-suite")
    code, said = gate(tmp_path / "new", "--llm-suite", "--strict-markers")
    assert (code, "all 2 tests pass" in said) == (0, True)
    assert gate(tmp_path / "new")[0] == 0  # plain pytest skips the marked test


def test_in_ci_it_is_green_without_a_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    init(tmp_path)
    assert gate(tmp_path, "--llm-suite", "--llm-record=replay")[0] == 0


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    init(repository(tmp_path, "git@github.com:example/shop.git"))
    before = content(tmp_path)
    code, text = init(tmp_path)
    assert code == 0
    assert content(tmp_path) == before
    assert {line.split()[0] for line in text.splitlines() if "  " in line} == {"kept"}


def test_what_exists_is_kept_and_the_configuration_is_added_to(tmp_path: Path) -> None:
    own = b'[project]\r\nname = "shop"\r\n\r\n[tool.pytest.ini_options]\r\ntestpaths = ["tests"]'
    (tmp_path / "pyproject.toml").write_bytes(own)
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites/example_model.py").write_text("mine = 1\n")
    code, text = init(repository(tmp_path, "https://gitlab.example.com/shop.git"))
    assert code == 0
    assert (tmp_path / "suites/example_model.py").read_text() == "mine = 1\n"
    assert "kept         suites/example_model.py" in text
    assert "appended to  pyproject.toml" in text
    assert (tmp_path / "pyproject.toml").read_bytes().startswith(own + b"\r\n\r\n[tool.llmgate]\r\n")


@pytest.mark.parametrize(
    ("remote", "workflow", "other"),
    [
        ("git@github.com:example/shop.git", ".github/workflows/llm-gate.yml", ".gitlab-ci.yml"),
        ("https://gitlab.com/example/shop.git", ".gitlab-ci.yml", ".github"),
    ],
)
def test_the_workflow_is_that_of_the_remote(tmp_path: Path, remote: str, workflow: str, other: str) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\n')
    init(repository(tmp_path, remote))
    assert "pytest --llm-suite" in (tmp_path / workflow).read_text()
    assert not (tmp_path / other).exists()
    assert gate(tmp_path, "--llm-suite")[0] == 0


@pytest.mark.parametrize(
    ("remote", "host"),
    [
        ("git@gitlab.com:acme/github-tools.git", "gitlab"),
        ("git@github.com:acme/gitlab-tools.git", "github"),
        ("ssh://git@gitlab.example.com:2222/acme/github.git", "gitlab"),
        ("https://gitlab:token@github.com:443/acme/shop.git", "github"),
        ("https://GitHub.com/acme/shop", "github"),
        ("github:acme/shop.git", "github"),
        ("https://code.example.com/github/gitlab.git", None),
        ("https://gitlab-of-github.example.com/a.git", None),
        ("/srv/github/shop.git", None),
        ("file:///srv/gitlab/shop.git", None),
        ("https://[github.com/a.git", None),
    ],
)
def test_only_the_host_of_the_remote_says_whose_workflow_it_is(tmp_path: Path, remote: str, host: str | None) -> None:
    code, text = init(repository(tmp_path, remote))
    assert code == 0
    assert (tmp_path / ".github/workflows/llm-gate.yml").exists() == (host == "github")
    assert (tmp_path / ".gitlab-ci.yml").exists() == (host == "gitlab")
    assert ("no workflow was written" in text) == (host is None)


def test_a_fresh_repository_without_a_remote_is_told_how_to_choose(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert "no remote `origin` with a host is known here; choose one: llmgate init --ci github" in init(tmp_path)[1]
    code, text = typed("--dir", str(tmp_path), "--ci", "github")
    assert (code, "no workflow" in text) == (0, False)
    assert "written  .github/workflows/llm-gate.yml" in text


def test_an_unknown_host_is_named(tmp_path: Path) -> None:
    _, text = init(repository(tmp_path, "git@code.example.com:acme/shop.git"))
    assert "nobody knows whether code.example.com is a GitHub or a GitLab; choose one" in text


@pytest.mark.parametrize("ci", ["github", "gitlab", "none"])
def test_what_was_chosen_goes_before_the_remote(tmp_path: Path, ci: str) -> None:
    repository(tmp_path, "git@github.com:example/shop.git")
    _, text = typed("--dir", str(tmp_path), "--ci", ci)
    assert (tmp_path / ".github").exists() == (ci == "github")
    assert (tmp_path / ".gitlab-ci.yml").exists() == (ci == "gitlab")
    assert "no workflow" not in text


def test_in_a_subfolder_it_starts_at_the_root_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = repository(tmp_path, "https://gitlab.com/example/shop.git") / "src/shop"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    code, text = typed()
    assert code == 0
    assert content(tmp_path).keys() == {*WRITTEN, ".gitlab-ci.yml"}
    assert f"in {tmp_path}:" in text
    assert text.rstrip().endswith(f"next: cd {tmp_path} && pytest --llm-suite")


def test_a_project_of_its_own_in_a_repository_stays_one_and_is_told_where_workflows_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = repository(tmp_path, "git@github.com:example/shop.git") / "services/chat"
    (project / "src").mkdir(parents=True)
    (project / "pyproject.toml").write_text('[project]\nname = "chat"\nversion = "1"\n')
    monkeypatch.chdir(project / "src")
    code, text = typed()
    assert code == 0
    assert content(tmp_path).keys() == {f"services/chat/{name}" for name in WRITTEN}
    assert "at the root of the repository only" in text
    assert "there (../..), and let its commands run in services/chat" in text


def test_outside_git_nothing_above_is_taken_for_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "setup.cfg").write_text("")
    (tmp_path / "new").mkdir()
    monkeypatch.chdir(tmp_path / "new")
    typed()
    assert content(tmp_path / "new").keys() == WRITTEN


def test_suites_go_where_the_project_has_them(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.llmgate]\nsuites = ["gates/llm"]\n')
    init(tmp_path)
    assert (tmp_path / "gates/llm/example.suite.yaml").exists()
    assert (tmp_path / "pyproject.toml").read_text() == '[tool.llmgate]\nsuites = ["gates/llm"]\n'
    assert gate(tmp_path, "--llm-suite")[0] == 0


@pytest.mark.parametrize(
    ("pyproject", "code"),
    [
        ("[tool\n", "toml-syntax"),
        ('[tool.llmgate]\nsuites = ["../elsewhere"]\n', "init-outside"),
        ("tool = {black = {line-length = 100}}\n", "init-config"),
        ("[tool.llmgate]\nsuites = 7\n", "bad-option"),
    ],
)
def test_a_configuration_that_cannot_be_added_to_is_refused_before_anything_is_written(
    tmp_path: Path, pyproject: str, code: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(pyproject)
    exit_code, text = init(tmp_path)
    assert (exit_code, f"[{code}]" in text) == (2, True)
    assert content(tmp_path) == {"pyproject.toml": pyproject.encode()}


def test_links_are_not_followed_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "here/suites").symlink_to(tmp_path / "elsewhere")
    code, text = init(tmp_path / "here")
    assert (code, "[init-outside]" in text) == (2, True)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_file_in_the_way_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "suites").write_text("")
    code, text = init(tmp_path)
    assert (code, "[cannot-write]" in text) == (2, True)
    assert (tmp_path / "suites").read_text() == ""
