"""Baselines as text: sorted JSON with one figure a line; strict on reading, the same bytes for the same figures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_llmgate.core.baseline import AnyBaseline, CircuitBaseline, baseline_file
from pytest_llmgate.core.baseline_key import BaselineKey
from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.store import baseline_circuits, baseline_replies
from pytest_llmgate.store.baseline_checks import Wrong, object_of
from pytest_llmgate.store.json_places import line_of, repeated
from pytest_llmgate.store.lines import to_bytes

SCHEMA = "llmgate.baseline/1"
PROPOSALS = "llmgate.proposals/1"

Entries = Mapping[BaselineKey, AnyBaseline]

_MARKERS = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")
_SCHEMAS = re.compile(r"llmgate\.baseline/[0-9]+")


def encode(entries: Iterable[AnyBaseline], schema: str = SCHEMA) -> bytes:
    """The content of a file with these entries, in whatever order they come."""
    tests: dict[str, dict[str, dict[str, Any]]] = {}
    for entry in entries:
        tests.setdefault(entry.test, {}).setdefault(entry.gate, {})[entry.arm] = _row_of(entry)
    text = json.dumps({"schema": schema, "tests": tests}, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return to_bytes(text) + b"\n"


def _row_of(entry: AnyBaseline) -> dict[str, Any]:
    """An entry as it stands in files, without its key."""
    if isinstance(entry, CircuitBaseline):
        return baseline_circuits.row_of(entry)
    return baseline_replies.row_of(entry)


def decode(data: bytes, place: str, name: str | None = None, schema: str = SCHEMA) -> dict[BaselineKey, AnyBaseline]:
    """The entries of a file, each one checked.

    place: for messages. name: the file relative to the root, so that entries of another suite are refused; None
    takes those of all suites. Raises `baseline-damaged`, `-conflict`, `-newer`, `-duplicate` or `-elsewhere`.
    """
    text, tree = _parsed(data, place)
    _check_head(tree, text, place, schema)
    try:
        found = {
            BaselineKey(test, gate, arm): _entry(BaselineKey(test, gate, arm), row, "tests", test, gate, arm)
            for test, gates in object_of(tree["tests"], "tests").items()
            for gate, arms in object_of(gates, "tests", test).items()
            for arm, row in object_of(arms, "tests", test, gate).items()
        }
    except Wrong as fault:
        raise broken("baseline-damaged", fault.message, place, line_of(text, fault.keys)) from None
    for test in tree["tests"] if name is not None else ():
        if baseline_file(test.partition("::")[0]) != name:
            hint = "keep the baselines of a suite in the file beside it; if it moved, prune here and accept there"
            raise broken(
                "baseline-elsewhere", f"{test!r} belongs to another file", place, line_of(text, ["tests", test]), hint
            )
    return found


def _parsed(data: bytes, place: str) -> tuple[str, Any]:
    """The text and its value; keys that stand twice, and merges that nobody finished, are refused."""
    twice: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            twice.append("")
        return made

    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise broken("baseline-damaged", "it is not UTF-8 text", place, data.count(b"\n", 0, fault.start) + 1) from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith(_MARKERS):
            hint = "take one side's version, then run the suite with --llm-baseline=propose and accept"
            raise broken("baseline-conflict", "an unsolved merge conflict", place, number, hint)
    try:
        tree = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as fault:
        raise broken("baseline-damaged", f"it is not JSON: {fault}", place, getattr(fault, "lineno", None)) from None
    if twice:
        key, line_number = repeated(text) or ("a key", 1)
        raise broken("baseline-duplicate", f"{key!r} stands here twice", place, line_number, "keep one of the two")
    return text, tree


def _check_head(tree: Any, text: str, place: str, schema: str) -> None:
    found = tree.get("schema") if isinstance(tree, dict) else None
    line = line_of(text, ["schema"])
    if found == PROPOSALS != schema:
        hint = "proposals become baselines by: llmgate baseline accept --reason TEXT"
        raise broken("baseline-damaged", "these are the proposals of a run, which nobody approved", place, line, hint)
    if found != schema:
        newer = isinstance(found, str) and _SCHEMAS.fullmatch(found) is not None
        message = f"its schema is {found!r}, and this version reads {schema!r}"
        hint = "install the version of pytest-llmgate that wrote it" if newer else ""
        raise broken("baseline-newer" if newer else "baseline-damaged", message, place, line, hint)
    if tree.keys() != {"schema", "tests"}:
        raise broken("baseline-damaged", "the file has the keys schema and tests, and no others", place, line)


def _entry(key: BaselineKey, row: Any, *keys: str) -> AnyBaseline:
    """The entry that a row is; raises Wrong, whose keys begin with `keys`."""
    row = object_of(row, *keys)
    kind = row.get("kind")
    if kind in baseline_circuits.KINDS:
        return baseline_circuits.entry_from_row(key, row, *keys)
    if kind in baseline_replies.KINDS:
        return baseline_replies.entry_from_row(key, row, *keys)
    known = ", ".join((*baseline_circuits.KINDS, *baseline_replies.KINDS))
    raise Wrong(f"'kind' is one of {known}, not {kind!r}", *keys, "kind")


def broken(code: str, message: str, place: str, line: int | None = None, hint: str = "") -> LlmgateError:
    """The problem of a file of baselines."""
    hint = hint or "restore the file from git, or take the entry out and accept it anew"
    return problem(code, message, Where(place, line), hint)
