"""Noise models that a suite writes down itself: the same few figures for every qubit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from pytest_llmgate.core.errors import LlmgateError, Problem, Where, nearest
from pytest_llmgate.quantum.calibration import Calibration, PairNoise, QubitNoise

PARAMETERS: Final = (
    "depolarizing_1q", "depolarizing_2q", "readout", "p01", "p10", "t1_us", "t2_us", "gate_ns_1q", "gate_ns_2q",
)  # fmt: skip
_PROBABILITIES = PARAMETERS[:5]


def parametric(params: Mapping[str, float], n: int, where: Where | None = None) -> Calibration:
    """n qubits, every pair coupled by a cx, with the errors that `params` names; what it leaves out is perfect.

    depolarizing_1q, depolarizing_2q: probability p of rho -> (1 - p) rho + p I/d after each sx, x and cx. readout:
    P(a bit is read wrong), or p01 = P(1 is read | 0) and p10. t1_us, t2_us: relaxation during gates of gate_ns_1q and
    gate_ns_2q nanoseconds. Raises LlmgateError with every parameter that is unknown or impossible.
    """
    found = [*_unknown(params, where), *_out_of_range(params, where)]
    found = found or _contradictions(params, where)
    if found:
        raise LlmgateError(*found)
    read = params.get("readout", 0.0)
    t1 = params.get("t1_us", math.inf) * 1e3
    qubit = QubitNoise(
        t1_ns=t1,
        t2_ns=params["t2_us"] * 1e3 if "t2_us" in params else 2.0 * t1,
        p01=params.get("p01", read),
        p10=params.get("p10", read),
        depolarizing=params.get("depolarizing_1q", 0.0),
        gate_ns=params.get("gate_ns_1q", 0.0),
    )
    pair = PairNoise(params.get("depolarizing_2q", 0.0), params.get("gate_ns_2q", 0.0))
    return Calibration(pair_gate="cx", qubits=(qubit,) * n, any_pair=pair)


def _unknown(params: Mapping[str, float], where: Where | None) -> list[Problem]:
    wrong = sorted(set(map(str, params)) - set(PARAMETERS))
    return [
        Problem("unknown-key", f"unknown key {key!r} under noise", where, nearest(key, PARAMETERS)) for key in wrong
    ]


def _out_of_range(params: Mapping[str, float], where: Where | None) -> list[Problem]:
    problems = []
    for key in sorted(set(params) & set(PARAMETERS)):
        value = params[key]
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not is_number:
            problems.append(Problem("noise-parameter", f"{key} is {value!r}, not a finite number", where))
        elif key in _PROBABILITIES and not 0.0 <= value <= 1.0:
            problems.append(Problem("noise-parameter", f"{key} is {value:g}, not a probability", where))
        elif key.startswith("t") and value <= 0.0:
            problems.append(Problem("noise-parameter", f"{key} is {value:g}: a time above 0, in microseconds", where))
        elif key.startswith("gate") and value < 0.0:
            problems.append(Problem("noise-parameter", f"{key} is {value:g}: a duration of at least 0 ns", where))
    return problems


def _contradictions(params: Mapping[str, float], where: Where | None) -> list[Problem]:
    problems = []
    if not params:
        problems.append(
            Problem("noise-parameter", "the noise model is empty", where, "write `noise: none` for no noise")
        )
    if "readout" in params and ("p01" in params or "p10" in params):
        hint = "readout is for both directions at once"
        problems.append(Problem("noise-parameter", "readout stands beside p01 or p10", where, hint))
    timed = "gate_ns_1q" in params or "gate_ns_2q" in params
    relaxing = "t1_us" in params or "t2_us" in params
    if relaxing != timed:
        message = "t1_us and t2_us act during gates: they need gate_ns_1q or gate_ns_2q"
        if timed:
            message = "gate_ns_1q and gate_ns_2q mean nothing without t1_us or t2_us"
        problems.append(Problem("noise-parameter", message, where))
    t1, t2 = params.get("t1_us", math.inf), params.get("t2_us", 0.0)
    if t2 > 2.0 * t1:
        message = f"t2_us is {t2:g}, above twice t1_us ({t1:g}): no qubit keeps its phase longer than that"
        problems.append(Problem("noise-parameter", message, where))
    return problems
