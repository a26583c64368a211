"""`[tool.llmgate]`, profiles and the command line."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.settings import Settings
from pytest_llmgate.suites.config import build_settings

PYPROJECT = """\
[project]
name = "x"

[tool.llmgate]
suites = ["checks"]
budget = "2.00"
seed = 3
trials = 50
concurrency = 8

[tool.llmgate.defaults]
cover = "sample"

[tool.llmgate.models]
m = {provider = "local", model = "x"}

[tool.llmgate.profiles.nightly]
record = "live"
trials = 900
model = ["m=local:y"]

[tool.llmgate.profiles.ci]
inconclusive = "warn"
"""


def build(root: Path, text: str = "", env: dict[str, str] | None = None, **options: Any) -> Settings:
    (root / "pyproject.toml").write_text(text)
    return build_settings(root, options, env or {})


def test_without_anything_there_are_the_documented_defaults(tmp_path) -> None:
    assert build_settings(tmp_path, {}, {}) == Settings(root=tmp_path)
    assert build_settings(tmp_path, {}, {"CI": ""}).record == "new"
    assert build_settings(tmp_path, {}, {"CI": "true"}).record == "replay"


def test_what_a_suite_may_set_as_well_stays_below_the_suites(tmp_path) -> None:
    settings = build(tmp_path, PYPROJECT)
    assert (settings.seed, settings.trials, settings.budget) == (None, None, None)
    assert settings.defaults["defaults"] == {"trials": 50, "cover": "sample"}
    assert (settings.defaults["seed"], settings.defaults["budget"]) == (3, "2.00")
    assert (settings.concurrency, settings.suites) == (8, ("checks",))


def test_command_line_over_profile_over_pyproject(tmp_path) -> None:
    settings = build(tmp_path, PYPROJECT, profile="nightly")
    assert (settings.record, settings.trials, settings.models, settings.concurrency) == (
        "live",
        900,
        {"m": "local:y"},
        8,
    )
    settings = build(tmp_path, PYPROJECT, profile="nightly", trials=5, record="all", models=["m=a", "n=b:c"])
    assert (settings.record, settings.trials, settings.models) == ("all", 5, {"m": "a", "n": "b:c"})
    assert build(tmp_path, PYPROJECT, budget="0.10").budget == Decimal("0.10")


def test_the_ci_profile_is_taken_in_ci_if_it_is_defined(tmp_path) -> None:
    settings = build(tmp_path, PYPROJECT, {"CI": "1"})
    assert (settings.profile, settings.inconclusive, settings.record) == ("ci", "warn", "replay")
    assert build(tmp_path, "", {"CI": "1"}).profile is None
    assert build(tmp_path, PYPROJECT, {"CI": "1"}, profile="nightly").record == "live"


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("[tool.llmgate]\nsuits = []\n", 2, "unknown-key"),
        ("[tool.llmgate]\nbudget = -1\n", 2, "bad-option"),
        ("[tool.llmgate]\nbudget = true\n", 2, "bad-option"),
        ("[tool.llmgate]\nbudget = 'nan'\n", 2, "bad-option"),
        ("[tool.llmgate]\n\nrecord = 'once'\n", 3, "bad-option"),
        ("[tool.llmgate]\ntrials = 0\n", 2, "bad-option"),
        ("[tool.llmgate]\nseed = 1.5\n", 2, "bad-option"),
        ("[tool.llmgate]\nsuites = [1]\n", 2, "bad-option"),
        ("[tool.llmgate]\nmodels = 1\n", 2, "bad-option"),
        ("[tool.llmgate]\nprices = 'none.json'\n", 2, "bad-option"),
        ("[tool.llmgate]\nbaseline = 'accept'\n", 2, "bad-option"),
        ("[tool]\nllmgate = 1\n", 2, "bad-option"),
        ("[tool.llmgate.profiles.ci]\nresume = 1\n", 2, "bad-option"),
        ("[tool.llmgate.profiles.ci]\nmodel = ['m']\n", 2, "bad-option"),
        ("[tool.llmgate.profiles.ci]\nmodel = {m = 3}\n", 2, "bad-option"),
        ("[tool.llmgate.profiles.ci]\nrecrd = 'live'\n", 2, "unknown-key"),
        ("[tool.llmgate.profiles]\nci = 3\n", 2, "bad-option"),
        ("[tool.llmgate\n", 1, "toml-syntax"),
    ],
)
def test_a_bad_value_is_named_with_its_line(tmp_path, text: str, line: int, code: str) -> None:
    with pytest.raises(LlmgateError) as caught:
        build(tmp_path, text, {"CI": "1"})
    assert str(caught.value).startswith(f"pyproject.toml:{line}: ")
    assert f"[{code}]" in str(caught.value)


def test_an_unknown_profile_and_bad_command_lines_are_errors(tmp_path) -> None:
    with pytest.raises(LlmgateError, match="did you mean 'nightly'"):
        build(tmp_path, PYPROJECT, profile="nightli")
    for options in ({"trials": 0}, {"models": ["m"]}, {"budget": "x"}, {"prices": "none"}, {"record": "x"}):
        with pytest.raises(LlmgateError, match="--llm-"):
            build(tmp_path, "", **options)


def test_settings_and_marker_names_need_neither_yaml_nor_jinja(tmp_path) -> None:
    code = (
        "import sys, pytest_llmgate.suites.config, pytest_llmgate.core.markers;"
        "print([name for name in ('yaml', 'jinja2', 'numpy') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
