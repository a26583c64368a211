"""What a new version of a suite lets pass comes first in the diff that a reviewer reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmgate.suites.loosened import loosened

FILE = "s.suite.yaml"


def suite(gate: str, **keys: str) -> str:
    more = "".join(f"{key}: {value}\n" for key, value in keys.items())
    return f"{more}tests:\n- id: t\n  assert:\n  - {{type: contains, {gate}}}\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("min_rate: 0.95", "min_rate: 0.9", "min_rate: 0.95 → 0.9"),
        ("min_rate: 0.95, bad_rate: 0.9", "min_rate: 0.95, bad_rate: 0.8", "bad_rate: 0.9 → 0.8"),
        ("max_rate: 0.05, bad_rate: 0.1", "max_rate: 0.05, bad_rate: 0.2", "bad_rate: 0.1 → 0.2"),
        ("max_rate: 0.05", "max_rate: 0.1", "max_rate: 0.05 → 0.1"),
        ("max_increase: 10%", "max_increase: 20 %", "max_increase: 10% → 20 %"),
        ("max_increase_points: 5", "max_increase_points: 7.5", "max_increase_points: 5 → 7.5"),
        ("zero_tolerance: true", "min_rate: 0.99", "zero_tolerance is gone"),
        ("min_rate: 0.97", "value: x", "min_rate: 0.97 → not given"),
        ("value: x", "min_rate: 0.5", "min_rate: not given → 0.5"),
        ("value: x", "max_rate: 0.5", "min_rate: not given → max_rate: 0.5"),
        ("value: x", "bad_rate: 0.1", "bad_rate: not given (0.9) → 0.1"),
        ("value: x", "beta: 0.4", "beta: not given (0.05) → 0.4"),
        ("baseline: true", "baseline: true, max_increase_points: 30", "max_increase_points: not given (5.0) → 30"),
        ("baseline: true", "value: x", "no longer compared with its baseline"),
        ("slice: region", "value: x", "slice: region → not given"),
        ("value: x", "severity: warn", "severity: block → warn"),
        ("value: x", "quarantine: {until: 2099-01-01, reason: y}", "it is quarantined"),
        ("beta: 0.05", "beta: 0.1", "beta: 0.05 → 0.1"),
    ],
)
def test_a_threshold_that_is_easier_to_keep_is_named(old: str, new: str, said: str) -> None:
    assert loosened(FILE, suite(old), suite(new)) == [f"{FILE}::t: contains: {said}"]
    back = loosened(FILE, suite(new), suite(old))
    assert f"{FILE}::t: contains: {said}" not in back


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("type: cost-regression", "max_increase: 50%", "max_increase: not given (10%) → 50%"),
        ("type: cost-regression", "runaway_factor: 30", "runaway_factor: not given (3) → 30"),
        ("type: cost-regression", "runaway_points: 30", "runaway_points: not given (1.5) → 30"),
        ("type: cost-regression, of: cost", "", "of: cost → not given"),
        ("type: latency, baseline: true", "max_increase: 30%", "max_increase: not given (20%) → 30%"),
        ("type: distribution, baseline: true", "max_tvd: 0.5", "max_tvd: not given → 0.5"),
        ("type: safety, policy: p.yaml", "min_rate: 0.9", "min_rate: not given → 0.9"),
    ],
)
def test_what_is_not_written_means_what_is_usual(old: str, new: str, said: str) -> None:
    first = old.removesuffix(", of: cost")
    was, now = (f"tests:\n- id: t\n  assert: [{{{keys}}}]\n" for keys in (old, f"{first}, {new}" if new else first))
    name = old.partition(",")[0].removeprefix("type: ")
    assert f"{FILE}::t: {name}: {said}" in loosened(FILE, was, now)
    assert f"{FILE}::t: {name}: {said}" not in loosened(FILE, now, was)


@given(st.sampled_from(["min_rate", "max_rate", "bad_rate", "beta"]), st.integers(1, 99), st.integers(1, 99))
def test_a_change_is_looser_in_one_direction_only(key: str, one: int, other: int) -> None:
    was, now = (suite(f"{key}: {figure / 100}") for figure in (one, other))
    there, back = loosened(FILE, was, now), loosened(FILE, now, was)
    assert bool(there) + bool(back) == (one != other)


def test_what_is_gone_lets_everything_pass() -> None:
    two = suite("name: a") + "  - {type: contains, name: b}\n"
    assert loosened(FILE, two, suite("name: a")) == [f"{FILE}::t: b: the assertion is gone"]
    assert loosened(FILE, two, None) == [f"{FILE}::t: the test is gone"]
    assert loosened(FILE, None, two) == []


def test_a_suite_that_no_longer_asks_for_baselines_is_named() -> None:
    old, new = suite("name: a", require_baseline="true"), suite("name: a")
    assert loosened(FILE, old, new) == [f"{FILE}: a missing baseline no longer blocks"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("target: population", "", "target: population → cases"),
        ("", "cover: sample", "cover: each → sample"),
        ("max_errors: 0.01", "", "max_errors: 0.01 → 0.05"),
    ],
)
def test_what_holds_for_a_test_is_looked_at_wherever_it_stands(old: str, new: str, said: str) -> None:
    below = [f"tests:\n- id: t\n  {key}\n  assert: [{{type: equals}}]\n" for key in (old, new)]
    assert loosened(FILE, *below) == [f"{FILE}::t: {said}"]
    above = [f"defaults: {{{key}}}\ntests:\n- id: t\n  assert: [{{type: equals}}]\n" for key in (old, new)]
    assert loosened(FILE, *above) == [f"{FILE}::t: {said}"]


MODULE = """
import pytest
from elsewhere import RATE
pytestmark = [pytest.mark.latency(p95_ms=500), pytest.mark.llm_suite("a.suite.yaml")]

class TestApp:
    @pytest.mark.stochastic(min_rate=0.95, bad_rate=RATE)
    @pytest.mark.safety
    def test_answers(self): raise AssertionError("never run")

def test_plain(): ...
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("min_rate=0.95", "min_rate=0.9", "TestApp::test_answers: stochastic: min_rate: 0.95 → 0.9"),
        ("p95_ms=500", "p95_ms=800", "TestApp::test_answers: latency: p95_ms: 500 → 800"),
        ("    @pytest.mark.stochastic", "    #", "TestApp::test_answers: stochastic: the assertion is gone"),
        ("def test_answers", "def test_replies", "TestApp::test_answers: the test is gone"),
        ("    @pytest.mark.safety\n", "", ""),
        ('pytest.mark.llm_suite("a.suite.yaml")', "", ""),
    ],
)
def test_markers_of_modules_are_read_and_not_run(old: str, new: str, said: str) -> None:
    found = [text for text in loosened("test_a.py", MODULE, MODULE.replace(old, new)) if "test_plain" not in text]
    assert found[:1] == ([f"test_a.py::{said}"] if said else [])
    assert "cannot be read" in loosened("test_a.py", MODULE, "def")[0]


def test_options_that_let_more_pass_are_named() -> None:
    strict = '[tool.llmgate]\nsuites = ["suites", "more"]\n[tool.llmgate.profiles.ci]\nrecord = "replay"\n'
    loose = strict.replace(', "more"', "") + 'inconclusive = "warn"\n'
    assert loosened("pyproject.toml", strict, loose) == [
        "pyproject.toml: profile ci: what is inconclusive no longer fails",
        "pyproject.toml: suites of more are no longer collected",
    ]
    assert loosened("pyproject.toml", loose, strict) == []
    assert "cannot be read" in loosened("pyproject.toml", strict, "[tool")[0]


@pytest.mark.parametrize("broken", ["tests: [", "- 1", "tests: 3"])
def test_a_version_that_cannot_be_read_is_said(broken: str) -> None:
    assert "cannot be read" in loosened(FILE, suite("name: a"), broken)[0]
    assert "cannot be read" in loosened(FILE, broken, suite("name: a"))[0]
