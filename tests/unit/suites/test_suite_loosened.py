"""What a new version of a suite lets pass comes first in the diff that a reviewer reads."""

from __future__ import annotations

import pytest

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
        ("min_rate: 0.95", "value: x", "min_rate: 0.95 → not given"),
        ("value: x", "severity: warn", "severity: block → warn"),
        ("value: x", "quarantine: {until: 2099-01-01, reason: y}", "it is quarantined"),
        ("beta: 0.05", "beta: 0.1", "beta: 0.05 → 0.1"),
    ],
)
def test_a_threshold_that_is_easier_to_keep_is_named(old: str, new: str, said: str) -> None:
    assert loosened(FILE, suite(old), suite(new)) == [f"{FILE}::t: contains: {said}"]
    back = loosened(FILE, suite(new), suite(old))
    assert f"{FILE}::t: contains: {said}" not in back


def test_what_is_gone_lets_everything_pass() -> None:
    two = suite("name: a") + "  - {type: contains, name: b}\n"
    assert loosened(FILE, two, suite("name: a")) == [f"{FILE}::t: b: the assertion is gone"]
    assert loosened(FILE, two, None) == [f"{FILE}::t: the test is gone"]
    assert loosened(FILE, None, two) == []


def test_a_suite_that_no_longer_asks_for_baselines_is_named() -> None:
    old, new = suite("name: a", require_baseline="true"), suite("name: a")
    assert loosened(FILE, old, new) == [f"{FILE}: a missing baseline no longer blocks"]


@pytest.mark.parametrize("broken", ["tests: [", "- 1", "tests: 3"])
def test_a_version_that_cannot_be_read_is_said(broken: str) -> None:
    assert "cannot be read" in loosened(FILE, suite("name: a"), broken)[0]
    assert "cannot be read" in loosened(FILE, broken, suite("name: a"))[0]
