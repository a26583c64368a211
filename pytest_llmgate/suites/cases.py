"""Cases from JSONL, CSV, YAML and inline lists. The order of the file is kept."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from pytest_llmgate.core.case import Case, Context
from pytest_llmgate.core.codec import text_digest
from pytest_llmgate.core.errors import LlmgateError, Where, nearest, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.suites.json_text import parse_json
from pytest_llmgate.suites.keys import CASE_KEYS, check
from pytest_llmgate.suites.node import Node
from pytest_llmgate.suites.problems import Problems
from pytest_llmgate.suites.yaml_lines import load_yaml

Rows = Iterator[Node]

# As core.codec.canonical, for data that is plain already: there may be a hundred thousand rows.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def read_cases(source: Node | None, files: SuiteFiles, problems: Problems) -> tuple[Case, ...]:
    """All cases that a `cases:` key names; without the key, one case without vars.

    source: a path or a list of rows. Notes every malformed row, an empty list and duplicate ids.
    """
    if source is None:
        return (_case({}, {}, None, {}),)
    before, cases = len(problems), []
    for row in _rows(source, files, problems):
        case = _read_row(row, problems)
        if case is not None:
            cases.append((case, row.where))
    _note_duplicates(cases, problems)
    if not cases and len(problems) == before:
        problems.add("cases-empty", "there are no cases", source.where, "write at least one row, or leave 'cases' out")
    return _with_twins(case for case, _ in cases)


def _rows(source: Node, files: SuiteFiles, problems: Problems) -> Rows:
    if isinstance(source.value, tuple):
        return iter(source.value)
    with problems.catch():
        name = str(source.value)
        reader = _READERS.get(PurePath(name).suffix.lower())
        if reader is None:
            hint = f"use one of {', '.join(_READERS)}"
            raise problem("cases-format", f"{name!r} is not of a format that cases come in", source.where, hint)
        shown = files.shown(files.resolve(name, source.where))
        return reader(files.read_text(name, source.where), shown, problems)
    return iter(())


def _jsonl(text: str, file: str, problems: Problems) -> Rows:
    for number, line in enumerate(text.split("\n"), 1):
        row = None
        with problems.catch():
            row = parse_json(line, Where(file, number)) if line.strip() else None
        if row is not None:
            yield row


def _yaml(text: str, file: str, problems: Problems) -> Rows:
    root = load_yaml(text, file, problems)
    if root is not None and not isinstance(root.value, tuple):
        problems.add("cases-format", "a file of cases holds a list", root.where, "begin every case with '- '")
    elif root is not None:
        yield from root.value


def _csv(text: str, file: str, problems: Problems) -> Rows:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if not _header_is_sound(header, Where(file, 1), problems):
            return
        line = reader.line_num
        for cells in reader:
            where, line = Where(file, line + 1), reader.line_num
            if len(cells) == len(header):
                yield _csv_row(dict(zip(header, cells, strict=True)), where)
            elif cells:
                message = f"this row has {len(cells)} cells, the header {len(header)}"
                problems.add("csv-row", message, where, 'quote cells that contain commas: "a, b"')
    except csv.Error as fault:
        problems.add("csv-syntax", f"this is not CSV: {fault}", Where(file, reader.line_num), "check the quotes")


def _header_is_sound(header: list[str], where: Where, problems: Problems) -> bool:
    twice = [name for name, count in Counter(header).items() if count > 1]
    if not all(name.strip() for name in header):
        problems.add("csv-header", "a column has no name", where, "name every column in the first line")
    elif twice:
        problems.add("csv-header", f"two columns are called {twice[0]!r}", where, "rename one")
    else:
        return bool(header)
    return False


def _csv_row(cells: dict[str, str], where: Where) -> Node:
    """Reserved columns may hold JSON objects and lists, and are left out where empty; all others are text."""
    row: dict[str, Node] = {}
    for name, cell in cells.items():
        if name not in CASE_KEYS or name == "id":
            row |= {name: Node(cell, where)} if cell or name != "id" else {}
        elif cell:
            row[name] = _json_or_text(cell, where)
    return Node(row, where)


def _json_or_text(cell: str, where: Where) -> Node:
    if cell.lstrip()[:1] in ("{", "["):
        try:
            return parse_json(cell, where)
        except LlmgateError:
            return Node(cell, where)
    return Node(cell, where)


_READERS = {".jsonl": _jsonl, ".csv": _csv, ".yaml": _yaml, ".yml": _yaml}


def _read_row(row: Node, problems: Problems) -> Case | None:
    """The case of one row: `{id?, vars, context?, expected?, slice?}`, or flat, all other keys being vars."""
    if not isinstance(row.value, dict):
        problems.add("case-shape", "a case is a mapping", row.where, "write {vars: {question: …}} or {question: …}")
        return None
    own = {name: item for name, item in row.items() if name in CASE_KEYS}
    others = {name: item for name, item in row.items() if name not in CASE_KEYS}
    misfits = [name for name, item in own.items() if not check(name, item, CASE_KEYS[name], problems)]
    if "vars" in own and others:
        stray = next(iter(others))
        hint = f"{nearest(stray, CASE_KEYS)}, or put it under 'vars'"
        problems.add("unknown-key", f"unknown key {stray!r} beside 'vars'", others[stray].place, hint)
        return None
    if misfits:
        return None
    inputs = own.get("vars", Node(others, row.where)).plain()
    return _case(own, inputs, _context(own.get("context"), problems), _slice(own.get("slice"), problems))


def _case(own: Mapping[str, Node], inputs: Any, context: Context, labels: Mapping[str, str]) -> Case:
    expected = own["expected"].plain() if "expected" in own else None
    content = {"vars": inputs, "context": context, "expected": expected, "slice": labels}
    name = str(own["id"].value) if "id" in own else text_digest(_canonical(content))[:16]
    return Case(id=name, **content)


def _context(node: Node | None, problems: Problems) -> Context:
    """Sources as a text, or as a tuple of texts and `{id, text}` objects."""
    if node is None or not isinstance(node.value, tuple):
        return None if node is None else node.value
    for source in node.value:
        if isinstance(source.value, dict):
            fields = {name: item.value for name, item in source.items()}
            sound = set(fields) == {"id", "text"} and all(isinstance(field, str) for field in fields.values())
        else:
            sound = isinstance(source.value, str)
        if not sound:
            problems.add("case-shape", "'context' takes a text, texts, or {id, text} objects", source.where)
    return tuple(node.plain())


def _slice(node: Node | None, problems: Problems) -> dict[str, str]:
    """Labels of a case as text; numbers and bools are written out as in JSON."""
    labels: dict[str, str] = {}
    for name, item in node.items() if node is not None else ():
        if item.value is None or isinstance(item.value, (dict, tuple)):
            problems.add("case-shape", f"the slice {name!r} takes text", item.where)
        else:
            labels[name] = item.value if isinstance(item.value, str) else _canonical(item.value)
    return labels


def _note_duplicates(cases: list[tuple[Case, Where]], problems: Problems) -> None:
    first: dict[str, Where] = {}
    for case, where in cases:
        if case.id in first:
            hint = "give each an id of its own; of two equal rows, delete one"
            problems.add("case-duplicate", f"the case {case.id!r} stands at {first[case.id]} already", where, hint)
        first.setdefault(case.id, where)


def _with_twins(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Number the cases that ask the same, so that each keeps a recorded reply of its own."""
    seen: Counter[str] = Counter()
    numbered = []
    for case in cases:
        question = _canonical([case.vars, case.context])
        numbered.append(replace(case, twin=seen[question]) if seen[question] else case)
        seen[question] += 1
    return tuple(numbered)
