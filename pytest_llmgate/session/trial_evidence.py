"""What recorded trials show beside their verdicts, for the report: sequential paths, worst cases, slices, samples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.plan import TestPlan, plan_from_row
from pytest_llmgate.core.ports import Designs
from pytest_llmgate.reports.page.evidence import (
    HOLE,
    CaseCount,
    Evidence,
    NoEvidence,
    Sample,
    SliceCount,
    TestEvidence,
    Walk,
)
from pytest_llmgate.session.assembly import rule_plan
from pytest_llmgate.stats.goal import steps
from pytest_llmgate.stats.rules import SequentialRate
from pytest_llmgate.store.rundir import RunDir

PASSING = 3  # samples of a test
_WORST = 8

Row = Mapping[str, Any]


class RecordedEvidence:
    """The evidence of a run, read from `plan.json` and `trials.jsonl` once; figures are worked out as they are asked.

    Only what a figure needs is kept of a trial: a byte for each gate, and counts of cases and slices.
    """

    missing = ""

    def __init__(self, run: RunDir, result: Row, designs: Designs) -> None:
        self._designs = designs
        self._tests = {test["id"]: test for test in result["tests"]}
        self._plans = {row["id"]: row for row in run.read_plan()}
        self._seen = {name: _Seen(test, self._plans.get(name, {})) for name, test in self._tests.items()}
        with (run.path / "trials.jsonl").open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                seen = self._seen.get(row["test"])
                if seen is not None and not row.get("overrun") and not row.get("outcome"):
                    seen.add(row)

    def model(self, test_id: str) -> str | None:
        """`answerer: openai gpt-4o-mini`, None for a test that names no model."""
        model = self._plans.get(test_id, {}).get("model")
        return f"{model['alias']}: {model['provider']} {model['model']}" if model else None

    def of(self, test_id: str) -> TestEvidence:
        """The evidence of one test."""
        test, seen = self._tests[test_id], self._seen[test_id]
        return TestEvidence(
            model=self.model(test_id),
            walks=dict(self._walks(test, seen)) if seen.steps and test["gates"] and test_id in self._plans else {},
            passing=tuple(seen.passing),
            passed=seen.passed,
            worst=tuple(seen.worst()),
            slices=tuple(seen.slices()),
        )

    def _walks(self, test: Row, seen: _Seen) -> Iterator[tuple[str, Walk]]:
        plan = plan_from_row(self._plans[test["id"]])
        for gate in test["gates"]:
            walk = _walk(plan, gate, bytes(seen.steps.get(gate["name"], b"")), self._designs)
            if walk is not None:
                yield gate["name"], walk


def evidence_of(run: RunDir, result: Row, designs: Designs) -> Evidence:
    """The evidence of a run; trials that are missing or damaged leave the report without it, and it says so."""
    try:
        return RecordedEvidence(run, result, designs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, LlmgateError) as fault:
        return NoEvidence(f"the recorded trials could not be read ({type(fault).__name__}: {fault})")


def _walk(plan: TestPlan, gate: Row, recorded: bytes, designs: Designs) -> Walk | None:
    """The path of a sequential gate; None for other rules, and where the recorded trials do not give its figures."""
    own = next((known for known in plan.gates if known.name == gate["name"]), None)
    if own is None or not own.rated or own.repeats > 1 or not gate["n"]:
        return None
    path, holes = recorded[: gate["n"]], gate["holes"]
    if len(path) != gate["n"] or (path.count(1), path.count(HOLE)) != (gate["successes"], holes):
        return None  # a census, or trials that are not those of this verdict
    rule = rule_plan(own, plan, designs).rule
    if not isinstance(rule, SequentialRate):
        return None
    down, up = steps(rule.goal)
    fails, passes = rule.bracketed if holes else (rule.design.upper, rule.design.lower)
    cut = None if holes else rule.design.cut
    return Walk(steps=path, up=up, down=down, passes=passes, fails=fails, ceiling=rule.ceiling, cut=cut)


class _Seen:
    """Counts over the trials of one test."""

    __slots__ = ("_cases", "_slice_of", "_slices", "_trials", "passed", "passing", "steps")

    def __init__(self, test: Row, plan: Row) -> None:
        self._trials: int = test["trials"]
        self._slice_of: dict[str, Mapping[str, str]] = {
            case["id"]: case["slice"] for case in plan.get("cases", ()) if case.get("slice")
        }
        self.steps: dict[str, bytearray] = {}
        self.passing: list[Sample] = []
        self.passed = 0
        self._cases: dict[str, list[int]] = {}
        self._slices: dict[tuple[str, str], list[int]] = {}

    def add(self, row: Row) -> None:
        """Count one trial."""
        if row["index"] >= self._trials:
            return
        verdicts: Mapping[str, bool | None] = row["verdicts"]
        for name, good in verdicts.items():
            self.steps.setdefault(name, bytearray()).append(HOLE if good is None else good)
        known = verdicts.values()
        if True in known or False in known:
            count = self._cases.setdefault(row["case"], [0, 0])
            count[0] += False in known
            count[1] += 1
        if known and all(good is True for good in known) and row["error"] is None:
            self.passed += 1
            if len(self.passing) < PASSING:
                self.passing.append(Sample(row["case"], row["repeat"], row["index"], row["reply"]))
        if self._slice_of:
            self._slice(row["case"], verdicts)

    def _slice(self, case: str, verdicts: Mapping[str, bool | None]) -> None:
        for key, value in self._slice_of.get(case, {}).items():
            for name, good in verdicts.items():
                if good is not None:
                    count = self._slices.setdefault((f"{key}: {value}", name), [0, 0])
                    count[0] += good
                    count[1] += 1

    def worst(self) -> Sequence[CaseCount]:
        """Cases that failed, those that fail most often first."""
        found = [CaseCount(case, failed, trials) for case, (failed, trials) in self._cases.items() if failed]
        return sorted(found, key=lambda row: (-row.failed / row.trials, -row.failed, row.case))[:_WORST]

    def slices(self) -> Sequence[SliceCount]:
        """Every slice by gate, the worst first."""
        found = [SliceCount(name, gate, good, scored) for (name, gate), (good, scored) in self._slices.items()]
        return sorted(found, key=lambda row: (row.good / row.scored, row.name, row.gate))
