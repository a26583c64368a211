"""The dashboard and the alert rules: valid, tested both ways, and asking only for what metrics.prom has."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_llmgate.reports.asked import Asked
from pytest_llmgate.reports.exposition import Family
from pytest_llmgate.reports.metrics import render_metrics
from pytest_llmgate.reports.metrics_calls import Calls
from pytest_llmgate.reports.metrics_jobs import Jobs

from .pages import DOCS

FOLDER = DOCS / "monitoring"
_NAME = re.compile(r"\bllm(?:gate)?_\w+")
_SUFFIX = re.compile(r"_(bucket|sum|count)$")


def _promtool(program: str, *arguments: str | Path) -> None:
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]


def _questions() -> Iterator[str]:
    """What the panels of the dashboard ask."""
    for panel in json.loads((FOLDER / "dashboard.json").read_text())["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def _families() -> set[str]:
    """Names of all metrics that there are: those of a run with one test, and those that need a call or a job."""
    gate = {"name": "g", "type": "grounded", "verdict": "pass", "estimate": 0.9, "threshold": 0.8}
    result = {
        "verdict": "pass",
        "run": {"started": "2026-11-26T12:00:00+00:00"},
        "execution": {"wall_s": 1.5, "overrun_trials": 0},
        "tests": [{"id": "t", "suite": "s", "kind": "prompt", "verdict": "pass", "gates": [gate]}],
    }
    usage = {"calls": 1, "input_tokens": None, "output_tokens": None, "cost_usd": None}
    text = render_metrics(result, [{"test": "t", "scores": {"g": 0.1}, "usage": usage}])
    more: tuple[Family, ...] = (*Calls(Asked(())).families(), *Jobs({}).families())
    return set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)) | {family.name for family in more}


def test_the_alert_rules_are_valid_and_hold_their_tests(promtool: str) -> None:
    _promtool(promtool, "check", "rules", FOLDER / "alerts.yml")
    _promtool(promtool, "test", "rules", FOLDER / "alerts.test.yml")


@pytest.mark.parametrize("alert", [rule["alert"] for rule in _alerts()])
def test_each_rule_is_held_to_firing_and_to_not_firing(alert: str) -> None:
    """A series that must not fire stands beside one that must, or a time at which nothing may fire."""
    tests = yaml.safe_load((FOLDER / "alerts.test.yml").read_text())["tests"]
    mine = [
        (len(test["input_series"]), case["exp_alerts"])
        for test in tests
        for case in test["alert_rule_test"]
        if case["alertname"] == alert
    ]
    assert any(fired for _, fired in mine)
    assert any(not fired or len(fired) < series for series, fired in mine)


def test_the_questions_of_the_dashboard_are_valid(promtool: str, tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": question} for number, question in enumerate(_questions())]
    assert len(rules) > 15
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    _promtool(promtool, "check", "rules", tmp_path / "rules.yml")


def test_rules_and_dashboard_ask_for_metrics_that_there_are() -> None:
    asked = {name for text in (*_questions(), *(rule["expr"] for rule in _alerts())) for name in _NAME.findall(text)}
    assert {_SUFFIX.sub("", name) for name in asked} - _families() == set()


def test_every_metric_is_described() -> None:
    text = (FOLDER / "index.md").read_text()
    assert not [name for name in _families() if f"`{name}`" not in text]
    described = set(re.findall(r"^\| (?:`\w+`, )?`(llm\w+)`", text, re.MULTILINE))
    assert described - _families() == set()
