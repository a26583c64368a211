"""Recorded production traffic: what was asked, and what was answered then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.core.reply_from import as_reply
from pytest_llmgate.suites.cases import read_cases
from pytest_llmgate.suites.json_text import parse_json
from pytest_llmgate.suites.node import Node
from pytest_llmgate.suites.problems import Problems

TRAFFIC = "traffic"
"""In place of an alias: the replies that stand beside the cases of `--cases`, which nobody asks for again."""
_FIGURES = ("input_tokens", "output_tokens", "cost_usd", "latency_ms", "model")
_REPLY_KEYS = frozenset({"reply", *_FIGURES})


@dataclass(frozen=True)
class Traffic:
    """Recorded production traffic. replies: by case id, of the cases that have one."""

    cases: tuple[Case, ...]
    replies: Mapping[str, Reply]

    @cached_property
    def answered(self) -> tuple[Case, ...]:
        """The cases that have a reply: with the others nothing can be compared."""
        return tuple(case for case in self.cases if case.id in self.replies)


def read_traffic(path: Path, root: Path) -> Traffic:
    """Cases with recorded replies from JSONL: the keys of a case, and beside them `reply` with what it took.

    Raises LlmgateError with every row that makes no sense.
    """
    problems, files = Problems(str(path)), SuiteFiles(root, path.parent)
    text = files.read_text(path.name, Where(str(path)))
    rows = list(_rows(text, str(path), problems))
    replies = []
    for row in rows:
        with problems.catch():
            replies.append(_reply(row))
    problems.raise_any()
    asked = tuple(_without_reply(row) for row in rows)
    cases = read_cases(Node(asked, Where(str(path))), files, problems)
    problems.raise_any()
    return Traffic(cases, {case.id: reply for case, reply in zip(cases, replies, strict=True) if reply is not None})


def _rows(text: str, file: str, problems: Problems) -> Iterator[Node]:
    for number, line in enumerate(text.split("\n"), 1):
        where = Where(file, number)
        with problems.catch():
            row = parse_json(line, where) if line.strip() else None
            if row is not None and not isinstance(row.value, dict):
                hint = 'write such as {"vars": {"q": "…"}, "reply": "…"}'
                raise problem("case-shape", "a case is an object", where, hint)
            if row is not None:
                yield row


def _without_reply(row: Node) -> Node:
    return Node({key: item for key, item in row.items() if key not in _REPLY_KEYS}, row.where)


def _reply(row: Node) -> Reply | None:
    """The reply of a row, None where it has none; what it took is looked at all the same."""
    given = {key: row.value[key].plain() for key in _FIGURES if key in row.value}
    text = row.value["reply"].plain() if "reply" in row.value else None
    try:
        found = as_reply(Reply("" if text is None else text, **given))
    except (TypeError, ValueError) as fault:
        said = str(fault).replace("Reply.text", "reply").removeprefix("Reply.")
        hint = 'write such as {"vars": {…}, "reply": "…", "input_tokens": 10, "output_tokens": 20}'
        raise problem("case-shape", f"this recorded reply makes no sense: {said}", row.where, hint) from None
    return None if text is None else found
