"""Circuit tests in a few words: arms, rules on two outcomes, and shots dealt from probabilities."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pytest_llmgate.core.case import Case
from pytest_llmgate.core.circuit import Arm, CircuitPlan
from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.core.plan import GatePlan, TestPlan
from pytest_llmgate.core.record import TrialRecord
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.engine.circuit_stream import ArmsGate, CircuitStream
from pytest_llmgate.engine.shots import OutcomeFold, SettledFold
from pytest_llmgate.stats.shots.hypotheses import align
from pytest_llmgate.stats.shots.identity_plan import plan_identity
from pytest_llmgate.stats.shots.rule import Seen, ShotsRule

COIN = {"0": 0.5, "1": 0.5}
LOADED = {"0": 0.4, "1": 0.6}


def coin_rule(**fields: Any) -> ShotsRule:
    """Whether a coin is fair, against one that is loaded."""
    reference, others = align(COIN, [("loaded", "gate-missing", LOADED)])
    given: dict[str, Any] = {"alpha": 0.01, "beta": 0.05, "ceiling": 2000, "screen": "quick", "seed": 3, **fields}
    return plan_identity(reference, others, **given).rule


class OneLook:
    """Decides at one total of shots, and notes what it was shown."""

    def __init__(self, at: int, outcome: Outcome = Outcome.PASS) -> None:
        self.outcomes = ("0", "1")
        self.looks = (at,)
        self.shown: list[Seen] = []
        self._outcome = outcome

    def decide(self, seen: Seen) -> Decision:
        self.shown.append(seen)
        return Decision(self._outcome, "fixed")

    def figures(self, seen: Seen) -> Mapping[str, Any]:
        return {"tvd": float(np.abs(seen.counts[:2] / max(1, seen.shots) - 0.5).sum() / 2)}


def gate(name: str = "distribution", **fields: Any) -> GatePlan:
    return GatePlan(name=name, type="distribution", alpha=0.01, **fields)


def plan(*gates: GatePlan, **fields: Any) -> TestPlan:
    given: dict[str, Any] = {
        "id": "q.suite.yaml::coin", "suite": "q", "file": "q.suite.yaml", "kind": "circuit", "base": ".",
        "cases": (Case(id="c"),), "circuit": CircuitPlan(source="coin.qasm"), "gates": gates or (gate(),), **fields,
    }  # fmt: skip
    return TestPlan(**given)


def arm(name: str = "c", totals: Sequence[int] = (64, 128, 192), **fields: Any) -> Arm:
    return Arm(id=name, case="c", totals=tuple(totals), **fields)


def one_gate(*rules: ShotsRule, arms: Sequence[Arm] | None = None, **fields: Any) -> CircuitStream:
    """A stream of one gate that is asked of one arm for each rule."""
    mine = arms or [arm(f"arm {place}", rule.looks) for place, rule in enumerate(rules)]
    made = plan(gate(), **fields)
    folds = [OutcomeFold(made.gates[0], place, rule) for place, rule in enumerate(rules)]
    return CircuitStream(made, mine, [ArmsGate(made.gates[0], folds)])


def settled(outcome: Outcome, reason: str = "exact") -> SettledFold:
    return SettledFold(gate(), 0, Decision(outcome, reason), {"said": "computed"})


def chunk(window: CircuitStream, trial: Trial, p: Mapping[str, float], **outcome: Any) -> TrialRecord:
    """A drawn chunk: shots dealt with the trial's own seed."""
    shots = window.shots(trial)
    drawn = random.Random(trial.seed).choices(list(p), weights=list(p.values()), k=shots)
    counts = {name: drawn.count(name) for name in p if drawn.count(name)}
    row = {"shots": shots, "counts": counts, "method": "exact", **outcome}
    return TrialRecord(window.plan.id, window.arms[trial.case].id, trial, {}, outcome=row)


def failed(window: CircuitStream, trial: Trial, error: str) -> TrialRecord:
    return TrialRecord(window.plan.id, window.arms[trial.case].id, trial, {}, error=error)


def run_through(window: CircuitStream, p: Mapping[str, float] = COIN, **outcome: Any) -> int:
    """Sample one chunk after another to the end; how many were drawn."""
    drawn = 0
    while (trial := window.next()) is not None:
        window.put(chunk(window, trial, p, **outcome))
        drawn += 1
    assert window.done
    return drawn
