"""Rows of circuit tests as the engine gives them: every kind of gate on shots, for the report tests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from report_samples import gate_verdict, test_row

from pytest_llmgate.core.reply import NO_USAGE, Usage
from pytest_llmgate.core.verdict import GateVerdict

DRAWING = "        ┌───┐     ┌─┐   \nq_0: ───┤ H ├──■──┤M├───\n        └───┘┌─┴─┐└╥┘┌─┐\nq_1: ────────┤ X ├─╫─┤M├\n"

SHAPE = {
    "qubits": 2, "widths": [2], "gates": {"cx": 1, "h": 1, "measure": 2}, "depth": 3, "two_qubit": 1,
    "measurements": 2, "dynamic": False,
}  # fmt: skip

DESCRIBED = {
    "method": "exact", "why": "probabilities by density_matrix, shots drawn from them", "qubits": 2, "depth": 6,
    "two_qubit_gates": 1, "layout": [112, 126], "noise": "brisbane (2025-02-26)", "noise_digest": "sha256:8f",
    "noise_notes": [], "transpile": {"optimization_level": 1}, "transpile_digest": "sha256:36", "memory_bytes": 256,
}  # fmt: skip

CAUSES = [
    {"name": "cx q0,q1 missing", "kind": "gate-missing", "tvd": 0.49, "log10_ratio": 27.4},
    {"name": "h q0: angle + 0.1", "kind": "angle", "tvd": 0.05, "log10_ratio": 0.9},
    {"name": "bit order reversed", "kind": "reversed", "tvd": 0.5, "log10_ratio": -8.0},
]


def outcome(name: str | None, expected: float, observed: int, residual: float | None, **more: Any) -> dict[str, Any]:
    return {"outcome": name, "expected": expected, "observed": observed, "residual": residual, **more}


def shots_gate(**changes: Any) -> GateVerdict:
    """A gate on the reference's own distribution that passes; its figures on shots are under `circuit`."""
    circuit = {
        "shots": 768, "against": "the reference bell.qasm", "headroom": 2.4, "screen_shots": 768, "unresolved": [],
        "tvd": 0.0207, "tvd_interval": [0.0, 0.0574], "causes": [], "nearest": None,
        "outcomes": [outcome("00", 0.5, 380, -0.3), outcome("11", 0.5, 388, 0.3)], **changes.pop("circuit", {}),
    }  # fmt: skip
    values: dict[str, Any] = {
        "name": "distribution", "type": "distribution", "n": 768, "successes": None, "n_all": 768,
        "successes_all": None, "estimate": circuit["tvd"], "interval": circuit["tvd_interval"],
        "interval_method": None, "confidence": None, "threshold": None, "bad": None,
        "reason": "768 shots: as the reference bell.qasm: each of 4 declared changes is ruled out (5 % risk)",
        "circuit": circuit,
    }  # fmt: skip
    return gate_verdict(**{**values, **changes})


def failing_gate(**changes: Any) -> GateVerdict:
    """The same where the circuit has lost its cx."""
    circuit = {
        "shots": 64, "tvd": 0.48, "tvd_interval": [0.31, 0.62], "causes": CAUSES, "headroom": 1.0,
        "outcomes": [
            outcome("00", 0.5, 31, -0.3), outcome("11", 0.49, 0, -7.9), outcome("01", 0.0, 33, None),
            outcome(None, 0.01, 0, None, others=3),
        ], **changes.pop("circuit", {}),
    }  # fmt: skip
    reason = "64 shots: not as the reference bell.qasm (1 % risk): TVD 0.48 (0.31 to 0.62); most like: cx q0,q1 missing"
    return shots_gate(**{"verdict": "fail", "n": 64, "reason": reason, "circuit": circuit, **changes})


def tolerance_gate(**changes: Any) -> GateVerdict:
    circuit = {"tvd": 0.031, "tvd_interval": [0.012, 0.051], "max_tvd": 0.05, "bad_tvd": 0.1, "causes": []}
    return shots_gate(**{"name": "near", "threshold": 0.05, "bad": 0.1, "circuit": circuit, **changes})


def expectation_gate(**changes: Any) -> GateVerdict:
    values = {"name": "zz", "type": "expectation", "estimate": -1.25, "interval": (-1.5, -0.75), "threshold": -1.0,
              "bad": -0.5}  # fmt: skip
    gate = {**values, "circuit": {"tvd": None, "tvd_interval": None, "outcomes": [], "headroom": None}, **changes}
    return shots_gate(**gate)


def equivalent_gate(**changes: Any) -> GateVerdict:
    figures = {
        "shots": 0,
        "against": None,
        "tvd": None,
        "tvd_interval": None,
        "outcomes": [],
        "fidelity": 0.25,
        "how": "statevector",
    }
    values = {"name": "same", "type": "equivalent", "n": 0, "stop_reason": "exact", "circuit": figures,
              "reason": "the states are different: fidelity 0.25 (statevector)"}  # fmt: skip
    return shots_gate(**{**values, **changes})


def rate_gate(**changes: Any) -> GateVerdict:
    """An ordinary rate gate over bitstrings."""
    values = {"name": "bell-states", "type": "success-probability", "circuit": {"shots": 58, "headroom": None}}
    return gate_verdict(**{**values, **changes})


def arm(name: str, verdict: str, n: int = 128, estimate: float | None = 0.03) -> dict[str, Any]:
    interval = None if estimate is None else [0.0, round(2 * estimate, 4)]
    return {"arm": name, "verdict": verdict, "n": n, "estimate": estimate, "interval": interval,
            "stop_reason": "boundary", "reason": "said"}  # fmt: skip


def circuit_row(*gates: GateVerdict, jobs: int = 0, **changes: Any) -> dict[str, Any]:
    """A circuit test. jobs: of a device."""
    circuit = {
        "digest": "sha256:7e", "shape": SHAPE, "drawing": DRAWING, "source": "bell.qasm", "backend": "aer",
        "device": None, "described": DESCRIBED, "arms": ["c"], "shots_ceiling": 20_000, "shots": 1216,
        "methods": ["exact"], "fallback": False, **changes.pop("circuit", {}),
    }  # fmt: skip
    usage = NO_USAGE if not jobs else Usage(jobs, None, None, Decimal("0.5"))
    values: dict[str, Any] = {
        "id": "suites/q.suite.yaml::bell", "kind": "circuit", "trials": 14, "cases": 1, "cases_total": 1,
        "distinct_replies": None, "usage": usage, "gates": gates or (shots_gate(),), "circuit": circuit,
    }  # fmt: skip
    return test_row(**{**values, **changes})
