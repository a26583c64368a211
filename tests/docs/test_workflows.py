"""The ready workflows: what linters say of them, what they must never do, and the preview's suite."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from .pages import DOCS, ROOT, blocks

STARTER = ROOT / "pytest_llmgate/session/starter"
GITHUB = [*sorted((DOCS / "ci").glob("github-*.yml")), STARTER / "github.yml"]
GITLAB = [DOCS / "ci/gitlab-ci.yml", STARTER / "gitlab.yml"]


def names(paths: list[Path]) -> list[Any]:
    return [pytest.param(path, id=path.name) for path in paths]


def tool(name: str) -> str:
    """A linter beside this Python or on the path; the dev extra brings it."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        message = f"{name} is not installed: pip install -e '.[dev]'"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return found


def check(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", names(GITHUB))
def test_actionlint_finds_nothing(path: Path) -> None:
    check(tool("actionlint"), "-no-color", "-shellcheck=", "-pyflakes=", str(path))


@pytest.mark.parametrize("path", names(GITHUB))
def test_zizmor_finds_nothing_even_where_it_is_pedantic(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    shutil.copy(path, folder)
    check(tool("zizmor"), "--offline", "--no-progress", "--persona=pedantic", str(folder / path.name))


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        *(pytest.param(path, "vendor.github-workflows", id=path.name) for path in GITHUB),
        *(pytest.param(path, "vendor.gitlab-ci", id=path.name) for path in GITLAB),
    ],
)
def test_the_hosts_own_schemas_are_met(path: Path, schema: str) -> None:
    check(tool("check-jsonschema"), "--builtin-schema", schema, str(path))


@pytest.mark.parametrize("path", names(GITHUB))
def test_actions_are_pinned_and_pull_requests_get_no_secret(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    uses = re.findall(r"uses: (\S+)(.*)", text)
    assert uses
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) for action, _ in uses)
    assert all(re.fullmatch(r" # v[\d.]+", comment) for _, comment in uses)
    workflow = yaml.safe_load(text)
    triggers = workflow[True]  # YAML 1.1 reads `on` as true
    assert "pull_request_target" not in triggers
    assert workflow["permissions"] == {"contents": "read"}
    if "pull_request" in triggers:
        assert "secrets." not in text
    for name, job in workflow["jobs"].items():
        spends = "--llm-record=live" in json.dumps(job)
        assert not spends or "environment" in job, f"{name} spends without an approval"


def workflows() -> list[Any]:
    """Every workflow that we offer: the ready ones, those that `llmgate init` writes, and those on the page."""
    shown = [block.text for block in blocks(DOCS / "how-to/in-ci.md") if block.language == "yaml"]
    files = [pytest.param(path.read_text(encoding="utf-8"), id=path.name) for path in (*GITHUB, *GITLAB)]
    return [*files, *(pytest.param(text, id=f"in-ci-{number}") for number, text in enumerate(shown))]


@pytest.mark.parametrize("text", workflows())
def test_jobs_that_judge_a_branch_know_where_it_left_its_target(text: str) -> None:
    workflow = yaml.safe_load(text)
    if "schedule" in workflow.get(True, ()):
        return  # the default branch alone
    jobs = workflow.get("jobs", workflow)
    judging = {name: job for name, job in jobs.items() if "--llm-suite" in json.dumps(job)}
    assert judging
    for name, job in judging.items():
        checkouts = [step for step in job.get("steps", ()) if step.get("uses", "").startswith("actions/checkout@")]
        depths = [step["with"]["fetch-depth"] for step in checkouts]
        common = jobs.get(job.get("extends"), {}).get("variables", {})
        assert (depths or [{**common, **job.get("variables", {})}["GIT_DEPTH"]]) == [0], name


@pytest.mark.parametrize("path", names([*GITHUB, *GITLAB]))
def test_every_command_of_ours_exists(path: Path, pytestconfig: pytest.Config) -> None:
    from pytest_llmgate.cli.commands import cli

    text = path.read_text(encoding="utf-8")
    known = {name.replace("_", "-") for name in vars(pytestconfig.option) if name.startswith("llm_")}
    assert set(re.findall(r"--(llm-[a-z]+)", text)) <= known
    called = re.findall(r"(?:run: |- |^ +)llmgate ([a-z-]+)", text, re.MULTILINE)
    assert set(called) <= set(cli.commands)


# ---- the preview


class Preview(BaseHTTPRequestHandler):
    """The application that was deployed."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = "You get it back within 14 days." if "money" in asked["q"] else "We do, always."
        body = json.dumps({"text": said}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        return


@pytest.fixture
def preview() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Preview)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def gate(folder: Path, url: str) -> tuple[int, str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "PYTEST", "GITHUB"))}
    command = [sys.executable, "-m", "pytest", "--llm-suite", "preview.suite.yaml", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=folder, env={**environ, "PREVIEW_URL": url}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_the_preview_is_asked_by_a_function(preview: str, tmp_path: Path) -> None:
    shutil.copytree(DOCS / "ci/preview", tmp_path / "suites")
    code, text = gate(tmp_path / "suites", preview)
    assert (code, "the only test passes" in text) == (0, True)


def test_a_preview_that_is_not_there_is_an_error_and_no_pass(tmp_path: Path) -> None:
    shutil.copytree(DOCS / "ci/preview", tmp_path / "suites")
    code, text = gate(tmp_path / "suites", "http://127.0.0.1:9")
    assert (code, "ERROR" in text) == (1, True)
