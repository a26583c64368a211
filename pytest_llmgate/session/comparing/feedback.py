"""What people said of replies: rejections and escalations, joined by case."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_llmgate.core.errors import LlmgateError, Problem, Where

NAMES = ("rejected", "escalated")
SIDES = ("baseline", "candidate")
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

Feedback = Mapping[str, Mapping[str, Mapping[str, bool]]]
"""Whether it was said, by name, side and case."""


def read_feedback(path: Path, cases: frozenset[str]) -> Feedback:
    """Feedback from JSONL or CSV: `case`, `rejected`, `escalated`, and `arm`, which is `baseline` unless it is given.

    cases: those that are compared; a row on another is wrong, as it would be lost. Raises LlmgateError with every row
    that makes no sense.
    """
    found: dict[str, dict[str, dict[str, bool]]] = {}
    wrong: list[Problem] = []
    for number, row in _rows(path, wrong):
        fault = _take(row, cases, found)
        if fault:
            hint = 'write such as {"case": "refund-1", "arm": "candidate", "rejected": true}'
            wrong.append(Problem("feedback-shape", fault, Where(str(path), number), hint))
    if wrong:
        raise LlmgateError(*wrong)
    return found


def _rows(path: Path, wrong: list[Problem]) -> Iterator[tuple[int, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        wrong.append(Problem("file-unreadable", f"it cannot be read: {fault}", Where(str(path))))
        return
    if path.suffix == ".csv":
        yield from enumerate(csv.DictReader(io.StringIO(text)), 2)
        return
    for number, line in enumerate(text.splitlines(), 1):
        try:
            if line.strip():
                yield number, json.loads(line)
        except (ValueError, RecursionError) as fault:
            wrong.append(Problem("json-syntax", f"this is not JSON: {fault}", Where(str(path), number)))


def _take(row: Any, cases: frozenset[str], found: dict[str, dict[str, dict[str, bool]]]) -> str:
    """Take a row in; what is wrong with it, or nothing."""
    if not isinstance(row, dict) or str(row.get("case", "")) not in cases:
        return f"there is no case {row.get('case')!r}" if isinstance(row, dict) else "this is no object"
    side = row.get("arm") or "baseline"
    if side not in SIDES:
        return f"'arm' is {' or '.join(SIDES)}, not {side!r}"
    said = {name: row[name] for name in NAMES if row.get(name) not in (None, "")}
    if not said:
        return f"it says none of {', '.join(NAMES)}"
    for name, value in said.items():
        known = value if isinstance(value, bool) else _WORDS.get(str(value).strip().lower())
        if known is None:
            return f"{name!r} is true or false, not {value!r}"
        found.setdefault(name, {}).setdefault(side, {})[str(row["case"])] = known
    return ""
