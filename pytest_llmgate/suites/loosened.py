"""What became easier to keep between two versions of a suite file, a test module or pyproject.toml."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from pytest_llmgate.suites.config import PYPROJECT
from pytest_llmgate.suites.versions import Options, Version, options_of, version_of

T = TypeVar("T")

_LOWER = ("min_rate", "bad_rate")
_HIGHER = (
    "max_rate", "max_flag_rate", "bad_flag_rate", "beta", "max_increase", "max_increase_points", "max_tvd", "bad_tvd",
    "p50_ms", "p95_ms", "p99_ms", "max_ms", "max_usd", "threshold", "runaway_factor", "max_risk",
)  # fmt: skip
_SEVERITIES = ("info", "warn", "block")
_NUMBER = re.compile(r"\s*([0-9.]+)\s*%?\s*")


def loosened(file: str, old: str | None, new: str | None) -> list[str]:
    """Sentences on what a new version of a file lets pass that the old one did not.

    file: its path, for messages: a suite file, a test module or pyproject.toml. old, new: its texts; None where there
    is no such file. A version that cannot be read is said, as nobody can tell what it lets pass.
    """
    if file == PYPROJECT:
        return _said(file, options_of(old), options_of(new), _options)
    return _said(file, version_of(file, old), version_of(file, new), _version)


def case_files(file: str, old: str | None, new: str | None) -> list[str]:
    """Files of cases that a suite file named and still names, relative to the root."""
    versions = [version_of(file, text) for text in (old, new)]
    was, now = (set() if version is None else version.case_files(file) for version in versions)
    return sorted(was & now)


def _said(file: str, was: T | None, now: T | None, words: Callable[[str, T, T], Iterator[str]]) -> list[str]:
    if was is None or now is None:
        version = "the earlier" if was is None else "today's"
        return [f"{file}: {version} version cannot be read, so nobody can tell"]
    return list(words(file, was, now))


def _version(file: str, was: Version, now: Version) -> Iterator[str]:
    if was.head.get("require_baseline") is True and now.head.get("require_baseline") is not True:
        yield f"{file}: a missing baseline no longer blocks"
    for name, test in was.tests.items():
        if name not in now.tests:
            yield f"{file}::{name}: the test is gone"
        else:
            yield from (f"{file}::{name}: {text}" for text in _test(test, now.tests[name]))


def _options(file: str, was: Options, now: Options) -> Iterator[str]:
    """Of pyproject.toml: what is inconclusive no longer fails, and folders that are no longer collected."""
    for name, table in was.items():
        new = now.get(name, {})
        if new.get("inconclusive") == "warn" != table.get("inconclusive"):
            yield f"{file}: {f'profile {name}: ' if name else ''}what is inconclusive no longer fails"
    gone = [folder for folder in was[""].get("suites", ()) if folder not in now[""].get("suites", ())]
    for folder in gone if now[""].get("suites") else ():
        yield f"{file}: suites of {folder} are no longer collected"


def _test(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    errors = [test.get("max_errors", 0.05) for test in (old, new)]
    if _more(*errors):
        yield f"max_errors: {errors[0]} → {errors[1]}"
    for key, usual, loose in (("cover", "each", "sample"), ("target", "cases", "cases")):
        if new.get(key, usual) == loose != old.get(key, usual):
            yield f"{key}: {old.get(key, usual)} → {loose}"
    was, now = _gates(old), _gates(new)
    for name, gate in was.items():
        if name not in now:
            yield f"{name}: the assertion is gone"
        else:
            yield from (f"{name}: {text}" for text in _gate(gate, now[name]))


def _gates(test: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Assertions by the name that their gates get."""
    found: dict[str, Mapping[str, Any]] = {}
    listed = test.get("assert")
    for gate in listed if isinstance(listed, list) else ():
        if not isinstance(gate, dict):
            continue
        stem = str(gate.get("name") or gate.get("type"))
        number = 1
        name = stem
        while name in found:
            number += 1
            name = f"{stem}-{number}"
        found[name] = gate
    return found


def _gate(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if old.get("type") != new.get("type"):
        yield f"{old.get('type')} → {new.get('type')}"
        return
    for key in (*_LOWER, *_HIGHER):
        was, now = old.get(key), new.get(key)
        of_unwanted = key == "bad_rate" and ("max_rate" in old or "max_rate" in new)
        looser = _more(now, was) if key in _LOWER and not of_unwanted else _more(was, now)
        if looser or (was is not None and now is None):
            yield f"{key}: {was} → {'not given' if now is None else now}"
    if old.get("zero_tolerance") is True and new.get("zero_tolerance") is not True:
        yield "zero_tolerance is gone"
    if _severity(new) < _severity(old):
        yield f"severity: {old.get('severity', 'block')} → {new.get('severity', 'block')}"
    if new.get("quarantine") and not old.get("quarantine"):
        yield "it is quarantined"


def _severity(gate: Mapping[str, Any]) -> int:
    said = str(gate.get("severity", "block"))
    return _SEVERITIES.index(said) if said in _SEVERITIES else 0


def _more(low: Any, high: Any) -> bool:
    """Whether the second of two written figures is larger; False where one of them is none."""
    first, second = _figure(low), _figure(high)
    return first is not None and second is not None and second > first


def _figure(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    written = _NUMBER.fullmatch(str(value))
    try:
        return float(written[1]) if written else None
    except ValueError:
        return None
