"""Verdicts: the decision of a gate, a test and a run, with the evidence for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_llmgate.core.codec import plain
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.record import usage_row
from pytest_llmgate.core.reply import Usage


def worst(outcomes: Iterable[Outcome], default: Outcome = Outcome.PASS) -> Outcome:
    """The worst of several outcomes: fail > error > inconclusive > pass."""
    return max(outcomes, key=lambda outcome: outcome.rank, default=default)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVerdict:
    """The decision of one gate; field names are those of `result.json` (see the interface reference)."""

    name: str
    type: str
    severity: str
    verdict: Outcome
    n: int
    successes: int
    holes: int
    n_all: int
    successes_all: int
    estimate: float | None
    interval: tuple[float, float] | None
    interval_method: str | None
    confidence: tuple[float, float] | None
    threshold: float
    bad: float
    bad_assumed: bool
    alpha: float
    alpha_used: float
    family: int
    beta: float
    stop_reason: str
    reason: str
    blocking: bool = True
    quarantine: Mapping[str, str] | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestVerdict:
    """The decision of one test.

    order: place in the collection, for merging. problems: sentences on errors, for people.
    failing: rows that show failing trials (case, repeat, index, gate, reason, reply digest), a few of each gate.
    """

    __test__ = False

    id: str
    suite: str
    kind: str
    verdict: Outcome
    target: str
    trials: int
    cases: int
    cases_total: int
    holes: int
    distinct_replies: int | None
    usage: Usage
    gates: tuple[GateVerdict, ...]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    failing: tuple[Mapping[str, Any], ...] = ()
    order: int = 0
    file: str = ""
    line: int | None = None

    def to_row(self) -> dict[str, Any]:
        """The test as it stands in `result.json`."""
        row: dict[str, Any] = plain({name: getattr(self, name) for name in _ROW})
        row["usage"] = usage_row(self.usage)
        row["gates"] = [plain(gate) for gate in self.gates]
        return row


_ROW = (
    "id", "suite", "kind", "verdict", "target", "trials", "cases", "cases_total", "holes", "distinct_replies",
    "problems", "warnings", "failing", "file", "line",
)  # fmt: skip
