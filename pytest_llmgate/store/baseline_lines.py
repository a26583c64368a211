"""Baselines as text: sorted JSON with one figure a line; strict on reading, the same bytes for the same figures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_llmgate.core.baseline import PARTS, BaselineKey, CircuitBaseline, baseline_file
from pytest_llmgate.core.errors import LlmgateError, Where, problem
from pytest_llmgate.store.json_places import line_of, repeated
from pytest_llmgate.store.lines import to_bytes

SCHEMA = "llmgate.baseline/1"
PROPOSALS = "llmgate.proposals/1"

Entries = Mapping[BaselineKey, CircuitBaseline]

_MARKERS = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")
_SCHEMAS = re.compile(r"llmgate\.baseline/[0-9]+")
_MOST = 1 << 53
_KINDS = ("probabilities", "counts")
_TEXTS = ("circuit", "backend")
_DIGESTS = ("noise", "transpile")
_ROW = frozenset({"kind", "widths", "outcomes", "total", "shape", "reason", "author", *_TEXTS, *_DIGESTS})
_SHAPE = frozenset({"gates", "depth", "two_qubit"})


class _Wrong(Exception):  # noqa: N818 - never leaves this module
    """What is wrong, and the keys that lead there."""

    def __init__(self, message: str, *keys: str) -> None:
        super().__init__(message)
        self.message = message
        self.keys = keys


def encode(entries: Iterable[CircuitBaseline], schema: str = SCHEMA) -> bytes:
    """The content of a file with these entries, in whatever order they come."""
    tests: dict[str, dict[str, dict[str, Any]]] = {}
    for entry in entries:
        tests.setdefault(entry.test, {}).setdefault(entry.gate, {})[entry.arm] = row_of(entry)
    text = json.dumps({"schema": schema, "tests": tests}, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return to_bytes(text) + b"\n"


def row_of(entry: CircuitBaseline) -> dict[str, Any]:
    """An entry as it stands in files, without its key."""
    return {
        "kind": entry.kind,
        "widths": list(entry.widths),
        "outcomes": {outcome: number for outcome, number in entry.outcomes.items() if number},
        "total": entry.total,
        "circuit": entry.circuit_digest,
        "shape": {"gates": dict(entry.shape["gates"]), **{key: entry.shape[key] for key in ("depth", "two_qubit")}},
        "noise": entry.noise_digest,
        "transpile": entry.transpile_digest,
        "backend": entry.backend,
        "reason": entry.reason,
        "author": entry.author,
    }


def decode(
    data: bytes, place: str, name: str | None = None, schema: str = SCHEMA
) -> dict[BaselineKey, CircuitBaseline]:
    """The entries of a file, each one checked.

    place: for messages. name: the file relative to the root, so that entries of another suite are refused; None
    takes those of all suites. Raises `baseline-damaged`, `-conflict`, `-newer`, `-duplicate` or `-elsewhere`.
    """
    text, tree = _parsed(data, place)
    _check_head(tree, text, place, schema)
    try:
        found = {
            BaselineKey(test, gate, arm): entry_from_row(BaselineKey(test, gate, arm), row, "tests", test, gate, arm)
            for test, gates in _object(tree["tests"], "tests").items()
            for gate, arms in _object(gates, "tests", test).items()
            for arm, row in _object(arms, "tests", test, gate).items()
        }
    except _Wrong as fault:
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


def entry_from_row(key: BaselineKey, row: Any, *keys: str) -> CircuitBaseline:
    """The entry that a row is; raises _Wrong, whose keys begin with `keys`."""
    row = _object(row, *keys)
    if row.keys() != _ROW:
        differs = ", ".join(sorted(row.keys() ^ _ROW))
        raise _Wrong(f"an entry lacks or has too much: {differs}", *keys)
    if row["kind"] not in _KINDS:
        raise _Wrong(f"'kind' is one of {', '.join(_KINDS)}, not {row['kind']!r}", *keys, "kind")
    _check_texts(row, keys)
    widths = row["widths"]
    if not isinstance(widths, list) or not widths or not all(type(width) is int and width > 0 for width in widths):
        raise _Wrong("'widths' is a list of whole numbers above 0", *keys, "widths")
    _check_shape(_object(row["shape"], *keys, "shape"), keys)
    _check_outcomes(row, widths, keys)
    return CircuitBaseline(
        test=key.test,
        gate=key.gate,
        arm=key.arm,
        kind=row["kind"],
        widths=tuple(widths),
        outcomes=row["outcomes"],
        total=row["total"],
        circuit_digest=row["circuit"],
        shape=row["shape"],
        noise_digest=row["noise"],
        transpile_digest=row["transpile"],
        backend=row["backend"],
        reason=row["reason"],
        author=row["author"],
    )


def _check_texts(row: Mapping[str, Any], keys: Sequence[str]) -> None:
    for name in _TEXTS:
        if not isinstance(row[name], str) or not row[name]:
            raise _Wrong(f"{name!r} is a text", *keys, name)
    for name in (*_DIGESTS, "author"):
        if row[name] is not None and not (isinstance(row[name], str) and row[name]):
            raise _Wrong(f"{name!r} is a text or null", *keys, name)
    if not isinstance(row["reason"], str):
        raise _Wrong("'reason' is a text", *keys, "reason")


def _check_shape(shape: Mapping[str, Any], keys: Sequence[str]) -> None:
    if shape.keys() != _SHAPE:
        raise _Wrong(f"'shape' has the keys {', '.join(sorted(_SHAPE))}", *keys, "shape")
    for name in ("depth", "two_qubit"):
        _count(shape[name], *keys, "shape", name)
    for gate, number in _object(shape["gates"], *keys, "shape", "gates").items():
        _count(number, *keys, "shape", "gates", gate)


def _check_outcomes(row: Mapping[str, Any], widths: Sequence[int], keys: Sequence[str]) -> None:
    """Bitstrings of the right form, counts of at least 1, and a sum that is the total."""
    outcomes, total = _object(row["outcomes"], *keys, "outcomes"), row["total"]
    form = re.compile(" ".join(f"[01]{{{width}}}" for width in widths))
    for outcome, number in outcomes.items():
        if not form.fullmatch(outcome):
            shown = " + ".join(map(str, widths))
            raise _Wrong(f"{outcome!r} is no bitstring of {shown} bits", *keys, "outcomes", outcome)
        if _count(number, *keys, "outcomes", outcome) == 0:
            raise _Wrong(f"{outcome!r} never came: leave it out", *keys, "outcomes", outcome)
    _count(total, *keys, "total")
    if sum(outcomes.values()) != total or total == 0:
        raise _Wrong(f"the outcomes sum to {sum(outcomes.values())}, and 'total' is {total}", *keys, "total")
    if row["kind"] == "probabilities" and total != PARTS:
        raise _Wrong(f"probabilities sum to {PARTS} parts, not to {total}", *keys, "total")


def _object(value: Any, *keys: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong(f"{keys[-1]!r} is an object", *keys)
    return value


def _count(value: Any, *keys: str) -> int:
    if type(value) is not int or not 0 <= value < _MOST:
        shown = str(value)[:24] if type(value) is float else json.dumps(value)[:24]
        raise _Wrong(f"{keys[-1]!r} is a whole number from 0 to below 2^53, not {shown}", *keys)
    return value


def broken(code: str, message: str, place: str, line: int | None = None, hint: str = "") -> LlmgateError:
    """The problem of a file of baselines."""
    hint = hint or "restore the file from git, or take the entry out and accept it anew"
    return problem(code, message, Where(place, line), hint)
