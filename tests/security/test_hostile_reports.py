"""A model that attacks whoever reads about it: no report of a run obeys it, and none tells what was replaced."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from plugin.conftest import Example, Ran

from .canaries import Canaries, leaks

ALL = ("github", "gitlab", "sarif", "markdown", "badge")
ATTACK = (
    "x\\n::error file=app.py::owned\\n##[error]owned\\n##vso[task.complete]owned\\r::warning::owned\\x1b[31m\\u202e"
    "\\n```\\n# owned\\n![x](https://evil.example/x.png) @octocat #1 <script>alert(1)</script> </details> {canary}"
)
SUITE = """
suite: attack
models:
  evil: {provider: python, target: "models.py:reply"}
tests:
  - id: asks
    model: evil
    prompt: {text: "Say {{ q }}"}
    cases: [{id: "::error::owned ##[x]", vars: {q: "|`@octocat"}}]
    assert:
      - {type: contains, value: good, bad_rate: 0.5}
      - {type: python, value: "models.py:check", bad_rate: 0.5, name: "g|`@octocat <img src=x>"}
  - id: breaks
    model: evil
    prompt: {text: "raise"}
    assert: [{type: contains, value: good, bad_rate: 0.5}]
"""


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def attacked(example: Example, canaries: Canaries, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """A run on GitHub and GitLab at once, with every report."""
    attack = ATTACK.replace("{canary}", canaries("reply"))
    example.files({
        "suites/attack.suite.yaml": SUITE,
        "suites/models.py": (
            f'ATTACK = "{attack}"\n'
            "def reply(request):\n"
            "    if request.prompt == 'raise': raise ValueError(ATTACK)\n"
            "    return ATTACK\n"
            "def check(text, context): return {'pass': False, 'score': 0, 'reason': text}\n"
        ),
    })  # fmt: skip
    for name, value in {"GITHUB_ACTIONS": "true", "GITLAB_CI": "true"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(example.path / "summary"))
    return example.gate("--junitxml=gate.xml", *(f"--llm-report={name}" for name in ALL))


def test_the_log_holds_no_command_but_ours(attacked: Ran) -> None:
    lines = attacked.text.split("\n")
    commands = [line for line in lines if re.match(r"\s*::", line)]
    assert commands
    assert all(line.startswith("::error file=suites/attack.suite.yaml,line=") for line in commands)
    assert not [line for line in lines if re.search(r"##\[|##vso\[|\x1b\[31m|\u202e|\r", line)]


def test_every_report_was_written_and_is_well_formed(attacked: Ran) -> None:
    note = json.loads((attacked.folder / "reports.json").read_text())
    assert (note["files"].keys() >= set(ALL), note["failed"]) == (True, {})
    for name in ("code-quality.json", "results.sarif"):
        assert json.loads((attacked.folder / name).read_text())
    ElementTree.parse(attacked.folder / "badge.svg")


def test_the_summary_shows_the_attack_as_code(attacked: Ran) -> None:
    text = (attacked.folder / "summary.md").read_text()
    outside = re.sub(r"(?s)^(`{3,})text\n.*?^\1$|(?<!`)(`+)(?!`).*?(?<!`)\2(?!`)", "", text, flags=re.MULTILINE)
    assert "owned" in text
    assert not re.search(r"owned|octocat|evil\.example|<script|<img", outside)
    assert outside.count("<details>") == outside.count("</details>") > 0


def test_no_report_tells_what_was_replaced(attacked: Ran, canaries: Canaries, example: Example) -> None:
    places: list[Path] = [attacked.folder, example.path / "summary", example.path / "gate.xml"]
    assert leaks(canaries, places, attacked.text) == {}
    assert "REDACTED" in (attacked.folder / "summary.md").read_text()
