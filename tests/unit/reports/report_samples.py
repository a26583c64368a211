"""Rows as the engine gives them, for the report tests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.reply import Usage
from pytest_llmgate.core.verdict import GateVerdict, TestVerdict
from pytest_llmgate.reports.summary import build_result

HOSTILE = (
    "Dear customer,\n::error file=app.py::owned\n  ::warning::too\nx ##[error]deep ##vso[task.x]\n"
    "\x1b[31mred\x1b]0;title\x07\x9b31m\r\x00\x7f \u202egnp.exe\u2066 \u200b\u2028\ud800\U000e0041"
    "<script>alert(1)</script><img src=x onerror=alert(2)>\"'--></style></pre></bdi>{{ 7*7 }}{% raw %}"
)


def gate_verdict(**changes: Any) -> GateVerdict:
    values: dict[str, Any] = {
        "name": "is-json", "type": "is-json", "severity": "block", "verdict": "pass", "n": 58, "successes": 58,
        "holes": 0, "n_all": 120, "successes_all": 119, "estimate": 1.0, "interval": (0.9497, 1.0),
        "interval_method": "stagewise", "confidence": (0.95, 0.95), "threshold": 0.95, "bad": 0.90,
        "bad_assumed": False, "alpha": 0.05, "alpha_used": 0.05, "family": 1, "beta": 0.05,
        "stop_reason": "boundary", "reason": "58 of 58: at or below 90 % is ruled out (5 % risk)",
    }  # fmt: skip
    values.update(changes)
    values["verdict"] = Outcome(values["verdict"])
    return GateVerdict(**values)


def test_row(**changes: Any) -> dict[str, Any]:
    wrong = changes.get("verdict") not in (None, *Outcome)
    values: dict[str, Any] = {
        "id": "suites/support.suite.yaml::refund-answers", "suite": "support-bot", "kind": "prompt",
        "verdict": "pass", "target": "cases", "trials": 120, "cases": 40, "cases_total": 40, "holes": 0,
        "distinct_replies": 117, "usage": Usage(120, 5120, 2210, Decimal("0.0012")), "gates": (gate_verdict(),),
        "file": "suites/support.suite.yaml", "line": 12,
    }  # fmt: skip
    values.update(changes)
    values["verdict"] = Outcome.PASS if wrong else Outcome(values["verdict"])
    row = TestVerdict(**values).to_row()
    return {**row, "verdict": changes["verdict"]} if wrong else row


test_row.__test__ = False  # type: ignore[attr-defined]  # a row of a test, not a test


def failing(number: int, text: str | None = None, gate: str = "is-json", **changes: Any) -> dict[str, Any]:
    row = {
        "gate": gate,
        "case": f"c{number}",
        "repeat": 0,
        "index": number,
        "reason": "not JSON",
        "reply": f"d{number}",
    }
    return {**row, **({} if text is None else {"text": text}), **changes}


def run_result(*tests: dict[str, Any], **run: Any) -> dict[str, Any]:
    facts = {"id": "run-1", "seed": 7, "plan_digest": "sha256:ab", "record": "replay", "interrupted": False, **run}
    return build_result(facts, tests, {"wall_s": 1.9, "overrun_trials": 3, "workers": 1})
