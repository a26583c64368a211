"""What became easier to keep between two versions of a suite file, a test module or pyproject.toml."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from pytest_llmgate.suites.config import PYPROJECT
from pytest_llmgate.suites.versions import Options, Version, gates_of, options_of, version_of

T = TypeVar("T")

_LOWER = ("min_rate", "bad_rate")
_HIGHER = (
    "max_rate", "max_flag_rate", "bad_flag_rate", "beta", "max_increase", "max_increase_points", "max_tvd", "bad_tvd",
    "p50_ms", "p95_ms", "p99_ms", "max_ms", "max_usd", "threshold", "runaway_factor", "max_risk",
)  # fmt: skip
THRESHOLDS = frozenset((*_LOWER, *_HIGHER, "zero_tolerance", "severity", "quarantine", "rule", "alpha"))
"""Keys of an assertion that say when it is kept, and whether that matters."""

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
    for folder in _no_longer(was[""], now[""]):
        yield f"{file}: suites of {folder} are no longer collected"


def looser_options(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The top options of pyproject.toml that let more pass now."""
    warns = now.get("inconclusive") == "warn" != was.get("inconclusive")
    return [*(["inconclusive"] if warns else ()), *(["suites"] if _no_longer(was, now) else ())]


def _no_longer(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Folders of suites that are no longer looked into."""
    old, new = was.get("suites"), now.get("suites")
    if not (isinstance(old, list) and isinstance(new, list) and new):
        return []
    return [folder for folder in old if folder not in new]


def looser_test(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys of a test that let more pass now, without its assertions, each with its words."""
    errors = [test.get("max_errors", 0.05) for test in (old, new)]
    if _more(*errors):
        yield "max_errors", f"max_errors: {errors[0]} → {errors[1]}"
    for key, usual, loose in (("cover", "each", "sample"), ("target", "cases", "cases")):
        if new.get(key, usual) == loose != old.get(key, usual):
            yield key, f"{key}: {old.get(key, usual)} → {loose}"


def _test(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    yield from (text for _, text in looser_test(old, new))
    was, now = gates_of(old), gates_of(new)
    for name, gate in was.items():
        if name not in now:
            yield f"{name}: the assertion is gone"
        else:
            yield from (f"{name}: {text}" for _, text in looser_gate(gate, now[name]))


def looser_gate(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys of an assertion that let more pass now, each with its words."""
    if old.get("type") != new.get("type"):
        yield "type", f"{old.get('type')} → {new.get('type')}"
        return
    for key in (*_LOWER, *_HIGHER):
        was, now = old.get(key), new.get(key)
        of_unwanted = key == "bad_rate" and ("max_rate" in old or "max_rate" in new)
        looser = _more(now, was) if key in _LOWER and not of_unwanted else _more(was, now)
        if looser or (was is not None and now is None):
            yield key, f"{key}: {was} → {'not given' if now is None else now}"
    if old.get("zero_tolerance") is True and new.get("zero_tolerance") is not True:
        yield "zero_tolerance", "zero_tolerance is gone"
    if _severity(new) < _severity(old):
        yield "severity", f"severity: {old.get('severity', 'block')} → {new.get('severity', 'block')}"
    if new.get("quarantine") and not old.get("quarantine"):
        yield "quarantine", "it is quarantined"


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
