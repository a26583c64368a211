"""What became easier to keep between two versions of a suite file. Read as data: nothing of either is run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_llmgate.suites.problems import Problems
from pytest_llmgate.suites.yaml_lines import load_yaml

_LOWER = ("min_rate", "bad_rate")
_HIGHER = (
    "max_rate", "max_flag_rate", "bad_flag_rate", "beta", "max_increase", "max_increase_points", "max_tvd", "bad_tvd",
    "p50_ms", "p95_ms", "p99_ms", "max_ms", "max_usd", "threshold", "runaway_factor", "max_risk",
)  # fmt: skip
_SEVERITIES = ("info", "warn", "block")
_NUMBER = re.compile(r"\s*([0-9.]+)\s*%?\s*")


def loosened(file: str, old: str | None, new: str | None) -> list[str]:
    """Sentences on what a new version of a suite file lets pass that the old one did not.

    file: its path, for messages. old, new: its texts; None where there is no such file. A version that cannot be read
    is said, as nobody can tell what it lets pass.
    """
    was, now = _tests(file, old), _tests(file, new)
    if was is None or now is None:
        version = "the earlier" if was is None else "today's"
        return [f"{file}: {version} version cannot be read, so nobody can tell"]
    found = []
    for name, test in was.items():
        if name not in now:
            found.append(f"{file}::{name}: the test is gone")
        else:
            found += [f"{file}::{name}: {text}" for text in _test(test, now[name])]
    return [*_suite(file, old, new), *found]


def _read(file: str, text: str | None) -> Any:
    node = load_yaml(text or "{}", file, Problems(file))
    return None if node is None else node.plain()


def _tests(file: str, text: str | None) -> dict[str, Any] | None:
    """The tests of a version by id; None where it cannot be read."""
    data = _read(file, text)
    if not isinstance(data, dict):
        return None
    listed = data.get("tests") or []
    if not isinstance(listed, list):
        return None
    return {str(test["id"]): test for test in listed if isinstance(test, dict) and "id" in test}


def _suite(file: str, old: str | None, new: str | None) -> Iterator[str]:
    was, now = _read(file, old), _read(file, new)
    if was.get("require_baseline") is True and now.get("require_baseline") is not True:
        yield f"{file}: a missing baseline no longer blocks"


def _test(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    errors = [test.get("max_errors", 0.05) for test in (old, new)]
    if _more(*errors):
        yield f"max_errors: {errors[0]} → {errors[1]}"
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
