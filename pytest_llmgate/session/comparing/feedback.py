"""What people said of replies: rejections and escalations, joined by case."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_llmgate.core.errors import LlmgateError, Problem, Where
from pytest_llmgate.suites.json_text import parse_json

NAMES = ("rejected", "escalated")
SIDES = ("baseline", "candidate")
_WORDS = {"true": True, "1": True, "false": False, "0": False}
"""In CSV, which has no booleans."""
_HINT = 'write such as {"case": "refund-1", "arm": "candidate", "rejected": true}'

Feedback = Mapping[str, Mapping[str, Mapping[str, bool]]]
"""Whether it was said, by name, side and case."""


class Said(NamedTuple):
    """What people said. repeated: answers that only said once more what an earlier row had said of the same case."""

    rows: Feedback
    repeated: int


NOTHING_SAID = Said({}, 0)


def read_feedback(path: Path, cases: frozenset[str]) -> Said:
    """Feedback from JSONL or CSV: `case`, `rejected`, `escalated`, and `arm`, which is `baseline` unless it is given.

    cases: those that are known; a row on another is wrong, as it would be lost. Raises LlmgateError with every row
    that makes no sense, or contradicts an earlier one.
    """
    wrong: list[Problem] = []
    taken = _Taken(str(path), cases)
    words = _WORDS if path.suffix == ".csv" else {}
    for number, row in _rows(path, wrong):
        fault, hint = taken.take(row, number, words)
        if fault:
            wrong.append(Problem("feedback-shape", fault, Where(str(path), number), hint))
    if wrong:
        raise LlmgateError(*wrong)
    return Said(taken.found, taken.repeated)


def _rows(path: Path, wrong: list[Problem]) -> Iterator[tuple[int, Any]]:
    """Rows with the number of their line, or of their last one in CSV."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        wrong.append(Problem("file-unreadable", f"it cannot be read: {fault}", Where(str(path))))
        return
    yield from _csv_rows(text, path, wrong) if path.suffix == ".csv" else _json_rows(text, path, wrong)


def _csv_rows(text: str, path: Path, wrong: list[Problem]) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as fault:
        where = Where(str(path), reader.line_num)
        wrong.append(Problem("csv-syntax", f"this is not CSV: {fault}", where, "check the quotes"))


def _json_rows(text: str, path: Path, wrong: list[Problem]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        try:
            found = parse_json(line, Where(str(path), number)).plain() if line.strip() else None
        except LlmgateError as fault:
            wrong += fault.problems
            continue
        if line.strip():
            yield number, found


class _Taken:
    """Feedback while it is read; `take` says what is wrong with a row, and what to do about it."""

    def __init__(self, file: str, cases: frozenset[str]) -> None:
        self.found: dict[str, dict[str, dict[str, bool]]] = {}
        self.repeated = 0
        self._file = file
        self._cases = cases
        self._lines: dict[tuple[str, str, str], int] = {}

    def take(self, row: Any, number: int, words: Mapping[str, bool]) -> tuple[str, str]:
        """words: texts that stand for booleans."""
        if not isinstance(row, dict):
            return "this is no object", _HINT
        case, side = row.get("case"), row.get("arm") or "baseline"
        if str(case) not in self._cases:
            return f"there is no case {case!r}", "name a case of --cases, or of the suite, by its id"
        if side not in SIDES:
            return f"'arm' is {' or '.join(SIDES)}, not {side!r}", _HINT
        said = {name: row[name] for name in NAMES if row.get(name) not in (None, "")}
        for name, value in said.items():
            known = value if isinstance(value, bool) else words.get(str(value).strip().lower())
            if known is None:
                others = ", or 1 or 0" if words else ", without quotes"
                return f"{name!r} is {value!r}", f"write true or false{others}"
            fault = self._keep((name, side, str(case)), known, number)
            if fault:
                return fault, "keep one of the two"
        return ("", "") if said else (f"it says none of {', '.join(NAMES)}", _HINT)

    def _keep(self, key: tuple[str, str, str], value: bool, number: int) -> str:
        name, side, case = key
        cases = self.found.setdefault(name, {}).setdefault(side, {})
        if case in cases:
            self.repeated += cases[case] is value
            first = f"{self._file}:{self._lines[key]}"
            against = f"{name!r} of case {case!r} ({side}) is {_word(cases[case])} at {first}, and {_word(value)} here"
            return "" if cases[case] is value else against
        cases[case], self._lines[key] = value, number
        return ""


def _word(value: bool) -> str:
    return "true" if value else "false"
