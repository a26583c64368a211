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
    """The decision of one gate; field names are those of `result.json` (see the interface reference).

    successes, threshold, bad: None where no rate is asked for. circuit: of gates on shots, what stands beside these
    (`shots`, `tvd`, …). compared: of gates that are compared with a baseline, which one, and how today stands to it.
    """

    name: str
    type: str
    severity: str
    verdict: Outcome
    n: int
    successes: int | None
    holes: int
    n_all: int
    successes_all: int | None
    estimate: float | None
    interval: tuple[float, float] | None
    interval_method: str | None
    confidence: tuple[float, float] | None
    threshold: float | None
    bad: float | None
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
    circuit: Mapping[str, Any] = field(default_factory=dict)
    compared: Mapping[str, Any] | None = None

    def to_row(self) -> dict[str, Any]:
        """The gate as it stands in `result.json`."""
        row: dict[str, Any] = plain(self)
        of_shots, compared = row.pop("circuit"), row.pop("compared")
        return {**row, **of_shots, **({} if compared is None else {"compared": compared})}


@dataclass(frozen=True, slots=True, kw_only=True)
class TestVerdict:
    """The decision of one test.

    order: place in the collection, for merging. problems: sentences on errors, for people.
    failing: rows that show failing trials (case, repeat, index, gate, reason, reply digest), a few of each gate.
    slices: counts of the gates by key and value of the cases' `slice`, over all counted trials.
    redactions: passages of the replies that were replaced, by kind. models: how many trials each model
    answered, as providers name them. judges: the models that judged the replies, and
    their usage, where there are any. circuit: of a circuit, its shape, digest, shots, noise and how it was simulated.
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
    slices: Mapping[str, Any] = field(default_factory=dict)
    redactions: Mapping[str, int] = field(default_factory=dict)
    models: Mapping[str, int] = field(default_factory=dict)
    judges: Mapping[str, Any] | None = None
    circuit: Mapping[str, Any] | None = None
    order: int = 0
    file: str = ""
    line: int | None = None

    def to_row(self) -> dict[str, Any]:
        """The test as it stands in `result.json`."""
        row: dict[str, Any] = plain({name: getattr(self, name) for name in _ROW})
        row["usage"] = usage_row(self.usage)
        row["gates"] = [gate.to_row() for gate in self.gates]
        if self.slices:
            row["slices"] = plain(self.slices)
        if self.models:
            row["models"] = plain(self.models)
        if self.judges is not None:
            row["judges"] = plain(self.judges)
        if self.circuit is not None:
            row["circuit"] = plain(self.circuit)
        return row


_ROW = (
    "id", "suite", "kind", "verdict", "target", "trials", "cases", "cases_total", "holes", "distinct_replies",
    "redactions", "problems", "warnings", "failing", "file", "line",
)  # fmt: skip
