"""What is compared: the tests of a suite under one model and under the other, on its cases or on recorded traffic."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.compared import Compared
from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.files import SuiteFiles
from pytest_llmgate.core.plan import GatePlan, SuitePlan, TestPlan
from pytest_llmgate.core.reply import Reply
from pytest_llmgate.session.planner import Planner
from pytest_llmgate.suites.cases import read_cases
from pytest_llmgate.suites.node import from_plain
from pytest_llmgate.suites.problems import Problems

TRAFFIC = "traffic"
"""In place of an alias: the replies that stand beside the cases of `--cases`, which nobody asks for again."""
MOST = 1000
"""Trials of each model on a test, where nobody says how many at most."""
_REPLY_KEYS = frozenset({"reply", "input_tokens", "output_tokens", "cost_usd", "latency_ms", "model"})


@dataclass(frozen=True, slots=True)
class Traffic:
    """Recorded production traffic. replies: by case id, of the cases that have one."""

    cases: tuple[Case, ...]
    replies: Mapping[str, Reply]


def read_traffic(path: Path, root: Path) -> Traffic:
    """Cases with recorded replies from JSONL: the keys of a case, and beside them `reply` with what it took.

    Raises LlmgateError with every row that makes no sense.
    """
    shown, problems = str(path), Problems(str(path))
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(SuiteFiles(root, path.parent).read_text(path.name, Where(shown)).splitlines(), 1):
        if line.strip():
            with problems.catch():
                rows.append(_row(line, Where(shown, number)))
    problems.raise_any()
    plain = [{key: value for key, value in row.items() if key not in _REPLY_KEYS} for row in rows]
    cases = read_cases(from_plain(plain, Where(shown)), SuiteFiles(root, path.parent), problems)
    problems.raise_any()
    replies = {
        case.id: _reply(row, Where(shown, number))
        for number, (case, row) in enumerate(zip(cases, rows, strict=True), 1)
        if "reply" in row
    }
    return Traffic(cases, replies)


def _row(line: str, where: Where) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as fault:
        raise problem("json-syntax", f"this is not JSON: {fault}", where, "write one JSON object a line") from None
    if not isinstance(row, dict):
        raise problem("case-shape", "a case is an object", where, 'write such as {"vars": {"q": "…"}, "reply": "…"}')
    return row


def _reply(row: Mapping[str, Any], where: Where) -> Reply:
    fields = {key: row[key] for key in _REPLY_KEYS - {"reply"} if row.get(key) is not None}
    try:
        if "cost_usd" in fields:
            fields["cost_usd"] = Decimal(str(fields["cost_usd"]))
        whole = all(type(fields[key]) is int and fields[key] >= 0 for key in fields if key.endswith("tokens"))
        if not whole or not isinstance(row["reply"], str):
            raise TypeError("a reply is a text, and tokens are whole numbers")
        return Reply(row["reply"], **fields)
    except (TypeError, ValueError, ArithmeticError) as fault:
        hint = 'write such as {"vars": {…}, "reply": "…", "input_tokens": 10, "output_tokens": 20}'
        raise problem("case-shape", f"this recorded reply makes no sense: {fault}", where, hint) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One side of a comparison. planner: with the alias in place of every test's own model."""

    alias: str
    planner: Planner
    plans: tuple[TestPlan, ...]


def aliases_of(suite: SuitePlan) -> list[str]:
    """Aliases of the models that the prompts of a suite are sent to."""
    return sorted({test.model.alias for test in suite.tests if test.model is not None and test.kind == "prompt"})


def compared_plans(suite: SuitePlan, traffic: Traffic | None, trials: int | None) -> tuple[TestPlan, ...]:
    """The prompt tests of a suite, to be drawn for a given number of trials whatever their gates say.

    Their gates on rates are kept as measures; those that compare with a baseline of their own are left out, as what is
    compared here stands beside them.
    """
    found = []
    for test in suite.tests:
        gates = _measures(test.gates)
        if test.kind != "prompt" or not gates:
            continue
        cases = test.cases if traffic is None else traffic.cases
        most = trials or max(MOST, len(cases))
        found.append(replace(test, gates=gates, cases=cases, cover="sample", trials=most))
    if not found:
        hint = "give it a test with prompt:, and an assertion with a rate"
        raise problem("nothing-to-compare", f"{suite.file} asks no model anything that could be compared", None, hint)
    return tuple(found)


def _measures(gates: Sequence[GatePlan]) -> tuple[GatePlan, ...]:
    """The gates as measures without a rule; those of cohorts are one again."""
    found: dict[str, GatePlan] = {}
    for gate in gates:
        if gate.rated and gate.compared is None:
            name = gate.name.removesuffix(f"[{gate.cohort}]")
            against = Compared(kind="quality", standing="new")
            found.setdefault(name, replace(gate, name=name, compared=against, cohort=None))
    return tuple(found.values())


def left_out(suite: SuitePlan, plans: Sequence[TestPlan]) -> list[str]:
    """Ids of the tests that are not compared."""
    kept = {plan.id for plan in plans}
    return [test.id for test in suite.tests if test.id not in kept]
