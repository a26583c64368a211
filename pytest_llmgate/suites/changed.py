"""What else a reviewer must know of two versions of a suite file, a test module or pyproject.toml."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pytest_llmgate.suites.config import PYPROJECT
from pytest_llmgate.suites.differences import MISSING, Difference, differences, unified
from pytest_llmgate.suites.loosened import THRESHOLDS, looser_gate, looser_options, looser_test
from pytest_llmgate.suites.versions import Version, gates_of, options_of, version_of

_KINDS: Mapping[str, str] = {
    "model": "model", "prompt": "prompt", "function": "code", "circuit": "circuit", "noise": "noise",
    "noise_scale": "noise", "backend": "backend", "fallback": "fallback", "shots": "trials", "trials": "trials",
    "baseline_trials": "trials", "cases": "cases",
}  # fmt: skip
_APART = ("models", "prompts", "defaults", "tests", "description", "profiles")
_PRIVATE = "redaction"  # what it names is what must not be shown
_MOST_NAMES = 10
_ADDRESS = "base_url"
_VARIABLE = re.compile(r"\$\{(\w+)(?::-(.*))?\}.*")


class Change(NamedTuple):
    """A difference. kind: what it is of. test: a test, or a file. gate: of the test, if it is one's."""

    kind: str
    test: str
    gate: str
    text: str


def changed(file: str, old: str | None, new: str | None) -> list[Change]:
    """What differs, without what `loosened` says already; nothing where a version cannot be read.

    file: its path: a suite file, a test module or pyproject.toml. old, new: its texts; None where there is no file.
    Values are given in full: whoever shows them redacts them first, and cuts them then.
    """
    if file == PYPROJECT:
        was, now = options_of(old), options_of(new)
        return [] if was is None or now is None else list(_options(was[""], now[""]))
    before, today = version_of(file, old), version_of(file, new)
    return [] if before is None or today is None else list(_version(file, before, today))


def _options(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    yield from _definitions(PYPROJECT, was, now)
    for found in differences(_mapping(was.get("defaults")), _mapping(now.get("defaults"))):
        yield _of_test(found, PYPROJECT, "defaults.")
    old, new = _mapping(was.get("profiles")), _mapping(now.get("profiles"))
    looser = {(name, key) for name in old for key in looser_options(_mapping(old[name]), _mapping(new.get(name)))}
    for found in differences(old, new):
        if found.path[:2] not in looser:
            yield Change("option", PYPROJECT, "", f"profiles.{_words(found)}")
    yield from (Change("option", PYPROJECT, "", _words(found)) for found in _top(was, now, looser_options(was, now)))


def _version(file: str, was: Version, now: Version) -> Iterator[Change]:
    yield from _definitions(file, was.head, now.head)
    dropped = was.head.get("require_baseline") is True and now.head.get("require_baseline") is not True
    skipped = ("require_baseline",) if dropped else ()
    yield from (Change("suite", file, "", _words(found)) for found in _top(was.head, now.head, skipped))
    added = {name: test for name, test in now.tests.items() if name not in was.tests}
    if added:
        yield Change("test", file, "", f"{len(added)} added: {_listed(added)}")
    kept = ((name, test, now.tests[name]) for name, test in was.tests.items() if name in now.tests)
    yield from _together(change for name, old, new in kept for change in _test(f"{file}::{name}", old, new))


def _top(was: Mapping[str, Any], now: Mapping[str, Any], skipped: Iterable[str]) -> Iterator[Difference]:
    """What differs of the keys that hold for a whole file, and are not compared apart."""
    apart = {*_APART, *skipped}
    one, other = ({key: value for key, value in top.items() if key not in apart} for top in (was, now))
    return differences(one, other)


def _listed(tests: Mapping[str, Mapping[str, Any]]) -> str:
    names = [f"{name} ({', '.join(gates_of(test)) or 'no gates'})" for name, test in tests.items()]
    more = [f"{len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
    return ", ".join([*names[:_MOST_NAMES], *more])


def _definitions(file: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    """Models and prompts by their names."""
    kinds: tuple[tuple[str, Callable[[str, Any, Any], Iterator[str]]], ...] = (("model", _model), ("prompt", _prompt))
    for kind, words in kinds:
        old, new = _mapping(was.get(f"{kind}s")), _mapping(now.get(f"{kind}s"))
        for name in (*old, *(name for name in new if name not in old)):
            for text in words(name, old.get(name, MISSING), new.get(name, MISSING)):
                yield Change(kind, file, "", text)


def _model(name: str, old: Any, new: Any) -> Iterator[str]:
    if new is MISSING:
        yield f"{name} is gone"
    elif old is MISSING:
        given = _mapping(new)
        said = [str(given[key]) for key in ("provider", "model", "target") if key in given]
        place = [f"at {_host(given[_ADDRESS])}"] if _ADDRESS in given else []
        yield f"{name} is new: {' '.join([*said, *place])}"
    else:
        yield from (f"{name}: {_words(found)}" for found in differences(_mapping(old), _mapping(new)))


def _prompt(name: str, old: Any, new: Any) -> Iterator[str]:
    if new is MISSING:
        yield f"{name} is gone"
    elif isinstance(old, str) and isinstance(new, str):
        yield from (f"{name}: {old} → {new}" for _ in range(old != new))
    elif old != new:
        yield f"{name}:\n{unified(_said(old), _said(new))}"


def _said(prompt: Any) -> str:
    """An inline prompt as a text; of a prompt in a file, its path."""
    given = _mapping(prompt)
    if isinstance(given.get("messages"), list):
        messages = map(_mapping, given["messages"])
        return "\n".join(f"{message.get('role')}: {message.get('content')}" for message in messages)
    return str(given["text"]) if "text" in given else prompt if isinstance(prompt, str) else ""


def _test(place: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    skipped = {"assert", "id", *(key for key, _ in looser_test(old, new))}
    if isinstance(new.get("prompt"), dict):
        skipped.add("prompt")
        yield from (Change("prompt", place, "", text) for text in _prompt("prompt", old.get("prompt"), new["prompt"]))
    one, other = ({key: value for key, value in test.items() if key not in skipped} for test in (old, new))
    for found in differences(one, other):
        yield _of_test(found, place)
    was, now = gates_of(old), gates_of(new)
    for name, gate in now.items():
        if name not in was:
            yield Change("gate", place, name, f"added{_rule(gate)}")
        elif was[name].get("type") == gate.get("type"):
            yield from _gate(place, name, was[name], gate)


def _of_test(found: Difference, place: str, prefix: str = "") -> Change:
    """A key of a test, or of `defaults`; of cases that stand in the suite it is said how many there are."""
    kind = _KINDS.get(found.path[0], "test")
    if kind == "cases" and isinstance(found.was, list) and isinstance(found.now, list):
        gone = sum(case not in found.now for case in found.was)
        come = sum(case not in found.was for case in found.now)
        sizes = f"{len(found.was)} → {len(found.now)}" if len(found.was) != len(found.now) else f"{len(found.now)}"
        return Change(kind, place, "", f"{prefix}cases: {sizes}, of which {come} are new and {gone} are gone")
    return Change(kind, place, "", prefix + _words(found))


def _rule(gate: Mapping[str, Any]) -> str:
    said = [f"{key}: {gate[key]}" for key in gate if key in THRESHOLDS]
    return f": {', '.join(said)}" if said else ""


def _gate(place: str, name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    skipped = {key for key, _ in looser_gate(old, new)}
    for found in differences(old, new):
        if found.path[0] not in skipped:
            kind = "threshold" if found.path[0] in THRESHOLDS else _KINDS.get(found.path[0], "gate")
            yield Change(kind, place, name, _words(found))


def _words(found: Difference) -> str:
    """The difference, with what must not be shown left out: what is redacted, and what addresses have beside a host."""
    if found.path[0] == _PRIVATE:
        return f"{'.'.join(found.path[:2])} changed"
    if found.path[-1] != _ADDRESS:
        return found.words
    was, now = (_host(value) for value in (found.was, found.now))
    return Difference(found.path, was, now).words if was != now else f"{_ADDRESS}: another address at {now}"


def _host(url: Any) -> Any:
    """Where an address leads: its host and port, or the variable that has it."""
    if not isinstance(url, str):
        return url
    variable = _VARIABLE.fullmatch(url)
    if variable:
        return f"${{{variable[1]}}}" + (f" or {_host(variable[2])}" if variable[2] else "")
    try:
        parts = urlsplit(url)
        return f"{parts.hostname or 'no host'}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        return "no host"


def _together(changes: Iterable[Change]) -> Iterator[Change]:
    """One change for all tests of a file in which the same one was made, as by a line of `defaults`."""
    tests: dict[Change, list[str]] = {}
    for change in changes:
        tests.setdefault(change._replace(test=""), []).append(change.test)
    for change, found in tests.items():
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        yield change._replace(test=f"{found[0]}{more}")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
