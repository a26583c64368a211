"""From folded shots to verdicts with sentences that say what they rule out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from pytest_llmgate.core.circuit import arm_labels
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.verdict import GateVerdict, TestVerdict, worst
from pytest_llmgate.engine.circuit_stream import ArmsGate, CircuitStream
from pytest_llmgate.engine.circuit_words import nothing_compared, sentence
from pytest_llmgate.engine.gate import UNAPPROVED
from pytest_llmgate.engine.shots import OutcomeFold, ShotFold, SuccessFold
from pytest_llmgate.engine.verdicts import gate_verdict, unjudged, unjudged_gate
from pytest_llmgate.stats.shots.identity import IdentityRule

_SHOWN_CAUSES = 8


def decide_circuit(stream: CircuitStream, facts: Mapping[str, Any], order: int = 0) -> TestVerdict:
    """The verdict of a finished circuit test. facts: of the circuit as a whole, for the report."""
    plan, evidence = stream.plan, stream.evidence
    gates = tuple(_gate(gate, stream) for gate in stream.gates)
    return replace(
        unjudged(plan, tuple(evidence.problems), order),
        verdict=worst(gate.verdict for gate in gates if gate.blocking),
        trials=stream.folded,
        cases=len({stream.arms[place].case for place in evidence.arms}),
        usage=evidence.usage,
        gates=gates,
        warnings=tuple(nothing_compared(gate.name) for gate in gates if gate.stop_reason == UNAPPROVED),
        circuit={**facts, **stream.row()},
    )


def _gate(gate: ArmsGate, stream: CircuitStream) -> GateVerdict:
    """One assertion: the figures of the arm that gave it its verdict, and a line for every arm where there are more."""
    shown = _arm(gate.worst, stream)
    if isinstance(gate.worst, OutcomeFold):
        shown = replace(shown, circuit={**shown.circuit, **gate.worst.standings()})
    return shown if len(gate.folds) == 1 else _of_arms(gate, shown, stream)


def _of_arms(gate: ArmsGate, shown: GateVerdict, stream: CircuitStream) -> GateVerdict:
    labels = arm_labels(stream.arms)
    each = [_arm(fold, stream) for fold in gate.folds]
    rows = [{"arm": labels[fold.arm], **_brief(verdict)} for fold, verdict in zip(gate.folds, each, strict=True)]
    failing = [stream.arms[fold.arm].scale for fold in gate.folds if _failed(fold)]
    more: dict[str, Any] = {"first_failing_noise_scale": min(failing, default=None)} if _levels(stream) > 1 else {}
    if "unresolved" in shown.circuit:
        case = stream.arms[gate.worst.arm].case
        same = [fold for fold in gate.folds if stream.arms[fold.arm].case == case]
        more["unresolved"] = _untested(shown.circuit["unresolved"], same)
    passed = " pass;" if shown.verdict is Outcome.PASS else ","
    reason = f"{len(each)} streams{passed} {labels[gate.worst.arm]}: {shown.reason}"
    return replace(shown, reason=reason, circuit={**shown.circuit, **more, "arms": rows})


def _untested(unresolved: Sequence[Mapping[str, Any]], folds: Sequence[ShotFold]) -> list[Mapping[str, Any]]:
    """What one arm cannot resolve, without that which another one of its case rules out: in another basis, say."""
    tested: set[str] = set()
    for fold in folds:
        if isinstance(fold, OutcomeFold) and isinstance(fold.rule, IdentityRule):
            tested.update(name for other in fold.rule.declared for name in other.faults or (other.name,))
    return [row for row in unresolved if row["name"] not in tested]


def _levels(stream: CircuitStream) -> int:
    return len({arm.scale for arm in stream.arms})


def _failed(fold: ShotFold) -> bool:
    return fold.decision is not None and fold.decision.outcome is Outcome.FAIL


def _brief(verdict: GateVerdict) -> dict[str, Any]:
    """One arm in a line."""
    names = ("verdict", "n", "estimate", "interval", "stop_reason", "reason")
    return {name: getattr(verdict, name) for name in names}


def _arm(fold: ShotFold, stream: CircuitStream) -> GateVerdict:
    decision = fold.decision
    assert decision is not None  # a finished stream has decided all gates
    if isinstance(fold, SuccessFold):
        rated = gate_verdict(fold.gate, stream)
        return replace(rated, circuit={"shots": fold.shots, **_NO_DISTANCE, **fold.figures()})
    figures = fold.figures()
    interval = figures.get("tvd_interval", figures.get("interval"))
    blocking = fold.plan.blocks and (decision.stop_reason != UNAPPROVED or fold.plan.require_baseline)
    return replace(
        unjudged_gate(fold.plan, sentence(fold, figures, stream)),
        verdict=decision.outcome,
        n=fold.shots,
        n_all=fold.shots_all,
        estimate=figures.get("tvd", figures.get("estimate")),
        interval=None if interval is None else (interval[0], interval[1]),
        interval_method=figures.get("tvd_interval_method", figures.get("interval_method")),
        confidence=tuple(figures["confidence"]) if figures.get("confidence") else None,
        threshold=figures.get("max_tvd", figures.get("threshold")),
        bad=figures.get("bad_tvd", figures.get("bad")),
        stop_reason=decision.stop_reason,
        blocking=blocking,
        figures=figures.get("figures", {}),
        circuit={"shots": fold.shots, **_NO_DISTANCE, **_shown(figures)},
    )


def _shown(figures: Mapping[str, Any]) -> dict[str, Any]:
    """What a verdict keeps of a rule's figures: the likeliest causes, not all of them."""
    kept = {name: value for name, value in figures.items() if name not in _OWN_PLACE}
    if "causes" in kept:
        kept["causes"] = kept["causes"][:_SHOWN_CAUSES]
    return kept


_NO_DISTANCE: Mapping[str, None] = MappingProxyType(dict.fromkeys(("tvd", "tvd_interval", "max_tvd", "bad_tvd")))
"""Every gate on a circuit has these; null where it asks for no distance, or for none in particular."""
_OWN_PLACE = frozenset(
    {"figures", "shots", "estimate", "interval", "interval_method", "confidence", "threshold", "bad", "side"}
)
