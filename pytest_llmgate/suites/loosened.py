"""What became easier to keep between two versions of a suite file, a test module or pyproject.toml."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from pytest_llmgate.suites.config import PYPROJECT
from pytest_llmgate.suites.meant import ELSE_NONE, HIGHER, RATES, looser_rates, more, usual
from pytest_llmgate.suites.versions import Options, Version, gates_of, options_of, version_of

T = TypeVar("T")

THRESHOLDS = frozenset((*RATES, *HIGHER, "severity", "quarantine", "rule", "alpha"))
"""Keys of an assertion that say when it is kept, and whether that matters."""

_SEVERITIES = ("info", "warn", "block")


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
    if more(*errors):
        yield "max_errors", f"max_errors: {errors[0]} → {errors[1]}"
    for key, kept, loose in (("cover", "each", "sample"), ("target", "cases", "cases")):
        if new.get(key, kept) == loose != old.get(key, kept):
            yield key, f"{key}: {old.get(key, kept)} → {loose}"


def _test(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    yield from (text for _, text in looser_test(old, new))
    was, now = gates_of(old), gates_of(new)
    for name, gate in was.items():
        if name not in now:
            yield f"{name}: the assertion is gone"
        else:
            yield from (f"{name}: {text}" for _, text in looser_gate(gate, now[name]))


def looser_gate(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys of an assertion that let more pass now, each with its words. What is not written means what is usual."""
    if old.get("type") != new.get("type"):
        yield "type", f"{old.get('type')} → {new.get('type')}"
        return
    yield from looser_rates(old, new)
    for key in HIGHER:
        was, now = old.get(key, usual(old, key)), new.get(key, usual(new, key))
        gone = now is None and was is not None
        if gone or more(was, now) or (key in ELSE_NONE and was is None and now is not None):
            yield key, f"{key}: {_written(old, key)} → {_written(new, key)}"
    if _severity(new) < _severity(old):
        yield "severity", f"severity: {old.get('severity', 'block')} → {new.get('severity', 'block')}"
    if new.get("quarantine") and not old.get("quarantine"):
        yield "quarantine", "it is quarantined"
    yield from _unasked(old, new)


def _unasked(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is no longer asked: of the baseline, of each slice, of a figure."""
    if old.get("baseline") is True and new.get("baseline") is not True:
        yield "baseline", "no longer compared with its baseline"
    for key in ("slice", "of"):
        if old.get(key) is not None and new.get(key) != old.get(key):
            yield key, f"{key}: {old[key]} → {_written(new, key)}"


def _written(gate: Mapping[str, Any], key: str) -> str:
    if gate.get(key) is not None:
        return str(gate[key])
    return f"not given ({found})" if (found := usual(gate, key)) is not None else "not given"


def _severity(gate: Mapping[str, Any]) -> int:
    said = str(gate.get("severity", "block"))
    return _SEVERITIES.index(said) if said in _SEVERITIES else 0
