"""Counts that somebody else drew: the same questions, answered once, at the shots that there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pytest_llmgate.core.baseline import CircuitIdentity, compare
from pytest_llmgate.core.circuit import Arm, Counts
from pytest_llmgate.core.decision import Outcome
from pytest_llmgate.core.errors import Where, problem
from pytest_llmgate.core.plan import SUCCESS_PROBABILITY, GatePlan, TestPlan
from pytest_llmgate.engine.gate import UNAPPROVED
from pytest_llmgate.quantum.outcomes import check_bitstrings, read_distribution
from pytest_llmgate.session.circuits.question import Brief, Question
from pytest_llmgate.store.baselines import Baselines

_HINT = 'return counts by bitstring, such as {"00": 512, "11": 488}, or a QuantumCircuit'
_NO_CIRCUIT = "counts"
"""Stands for the digest of a circuit that nobody knows."""


def checked_counts(counts: Mapping[Any, Any], where: Where | None) -> dict[str, int]:
    """Counts as plain data; raises LlmgateError for what is none."""
    found: dict[str, int] = {}
    for outcome, number in counts.items():
        if not isinstance(outcome, str) or set(outcome) - set("01 ") or not outcome.strip():
            raise problem("counts-shape", f"{outcome!r} is no bitstring", where, _HINT)
        if isinstance(number, bool) or not hasattr(number, "__index__") or number.__index__() < 0:
            raise problem("counts-shape", f"the count of {outcome!r} is {number!r}", where, _HINT)
        if number.__index__():
            found[outcome] = number.__index__()
    if not found:
        raise problem("counts-shape", "there are no shots", where, _HINT)
    if len({_widths(outcome) for outcome in found}) > 1:
        raise problem("counts-shape", "these bitstrings are of several lengths", where, _HINT)
    return found


def _widths(outcome: str) -> tuple[int, ...]:
    return tuple(len(part) for part in outcome.split(" "))


def of_counts(plan: TestPlan, total: int) -> TestPlan:
    """The plan of a test whose shots are given: as many as there are, and one look."""
    assert plan.circuit is not None
    gates = tuple(replace(gate, rule="fixed", trials=total) for gate in plan.gates)
    return replace(plan, circuit=replace(plan.circuit, shots=total), gates=gates, trials=total)


def counts_brief(plan: TestPlan, counts: Counts, baselines: Baselines) -> Brief:
    """What the gates of a test ask of given counts. Raises LlmgateError for gates that need a circuit."""
    widths = _widths(next(iter(counts)))
    case = plan.cases[0].id
    questions = tuple(_question(plan, gate, widths, baselines) for gate in plan.gates)
    facts = {"source": "counts", "backend": "given", "widths": list(widths)}
    return Brief(
        test=plan.id,
        arms=(Arm(id=case, case=case),),
        questions=questions,
        facts=facts,
        given=sum(counts.values()),
    )


def _question(plan: TestPlan, gate: GatePlan, widths: tuple[int, ...], baselines: Baselines) -> Question:
    common: dict[str, Any] = {
        "gate": gate.name, "arm": 0, "widths": widths, "group": gate.params.get("group_by")
    }  # fmt: skip
    if gate.type == SUCCESS_PROBABILITY:
        check_bitstrings(gate.params["bitstrings"], widths, gate.where)
        return Question(kind="success", **common)
    if gate.type == "expectation":
        return Question(kind="expectation", **common)
    if gate.params.get("baseline"):
        return _baseline(plan, gate, baselines, common)
    if "expected" in gate.params:
        expected = read_distribution(gate.params["expected"], widths, gate.where)
        kind: Any = "tolerance" if gate.params.get("max_tvd") is not None else "identity"
        return Question(kind=kind, reference=expected, extra={"against": "expected"}, **common)
    hint = "return the circuit itself, or compare counts with expected: or baseline: true"
    raise problem("counts-and-circuit", f"{gate.name}: counts have no circuit to compare", gate.where, hint)


def _baseline(plan: TestPlan, gate: GatePlan, baselines: Baselines, common: Mapping[str, Any]) -> Question:
    known = baselines.get(plan.id, gate.name)
    if known is None:
        said = "no approved baseline yet: nothing was compared"
        return Question(
            kind="settled", verdict=Outcome.INCONCLUSIVE.value, reason=UNAPPROVED, extra={"said": said}, **common
        )
    state = compare(known, counts_identity(common["widths"]))
    if state.standing != "same":
        outcome = Outcome.FAIL if state.standing == "other-widths" else Outcome.INCONCLUSIVE
        reason = "widths" if outcome is Outcome.FAIL else "stale"
        extra = {"said": "; ".join(state.sentences)}
        return Question(kind="settled", verdict=outcome.value, reason=reason, extra=extra, **common)
    extra = {"against": f"the baseline's {known.total:,} shots"}
    return Question(kind="two-sample", recorded=dict(known.outcomes), extra=extra, **common)


def counts_identity(widths: tuple[int, ...]) -> CircuitIdentity:
    """What given counts belong to, as far as anybody knows."""
    shape = {"gates": {}, "depth": 0, "two_qubit": 0}
    return CircuitIdentity(widths=widths, circuit_digest=_NO_CIRCUIT, shape=shape)
