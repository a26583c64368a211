"""`result.json`: the verdicts of all tests with their totals, computed once for all reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.record import usage_from_row, usage_row
from pytest_llmgate.core.reply import total_usage
from pytest_llmgate.core.verdict import worst

SCHEMA = "llmgate.result/1"


def build_result(
    run: Mapping[str, Any], tests: Sequence[Mapping[str, Any]], execution: Mapping[str, Any]
) -> dict[str, Any]:
    """The content of `result.json`.

    run: its id, seed, digests and mode. tests: rows of `TestVerdict.to_row()`, in order. execution: what may
    differ between equal runs. A run without tests is inconclusive.
    """
    return {
        "schema": SCHEMA,
        "verdict": run_verdict(tests).value,
        "run": dict(run),
        "totals": totals(tests),
        "tests": [dict(test) for test in tests],
        "execution": dict(execution),
    }


def misfit(result: Mapping[str, Any]) -> str:
    """What keeps a `result.json` from being read here, or nothing: another version wrote it, or it was edited."""
    if result.get("schema") != SCHEMA:
        return f"its schema is {result.get('schema')!r}, and this version reads {SCHEMA!r}"
    if result.get("verdict") not in set(Outcome):
        return f"there is no verdict {result.get('verdict')!r}"
    tests = result.get("tests")
    if not isinstance(tests, list) or not all(isinstance(test, Mapping) for test in tests):
        return "it has no list of tests"
    lacking = {"run", "totals", "execution"} - {key for key, value in result.items() if isinstance(value, Mapping)}
    return f"it lacks {', '.join(sorted(lacking))}" if lacking else ""


def run_verdict(tests: Sequence[Mapping[str, Any]]) -> Outcome:
    """The worst verdict of the tests; never a pass where nothing was judged."""
    return worst((Outcome(test["verdict"]) for test in tests), default=Outcome.INCONCLUSIVE)


def totals(tests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sums over the tests; what no test measured is null."""
    usage = total_usage(usage_from_row(test["usage"]) for test in tests)
    redacted: Counter[str] = Counter()
    for test in tests:
        redacted.update(test.get("redactions") or {})
    return {
        "tests": len(tests),
        "trials": sum(test["trials"] for test in tests),
        **usage_row(usage),
        "redactions": dict(sorted(redacted.items())),
    }
