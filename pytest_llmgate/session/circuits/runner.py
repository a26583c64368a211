"""`circuit_run`: circuits run by a test body itself, under its marker's backend and noise."""

from __future__ import annotations

from typing import Any

from pytest_llmgate.core.circuit import SWITCHED, CircuitBackend, CircuitFailed, ShotResult
from pytest_llmgate.core.errors import problem
from pytest_llmgate.core.plan import TestPlan
from pytest_llmgate.core.trial import derived_seed
from pytest_llmgate.quantum.load import check_measured

_SHOTS = 1024


class CircuitRun:
    """Runs circuits for one test; every call has a seed of its own, from the test and the call's ordinal.

    results: what the calls drew.
    """

    def __init__(self, plan: TestPlan, backend: CircuitBackend) -> None:
        self._plan = plan
        self._backend = backend
        self._calls = 0
        self.results: list[ShotResult] = []

    def __call__(self, circuit: Any, shots: int = _SHOTS) -> dict[str, int]:
        """Counts of a measured circuit by bitstring. Raises LlmgateError."""
        plan, ordinal = self._plan, self._calls
        self._calls += 1
        check_measured(circuit, plan.where)
        if shots < 1:
            raise problem("bad-value", f"circuit_run takes at least 1 shot, not {shots}", plan.where)
        seed = derived_seed(plan.seed, plan.id, "circuit_run", ordinal)
        try:
            result = self._drawn(circuit, shots, seed, f"{plan.id}/run/{ordinal}")
        except CircuitFailed as failed:
            hint = "see the message; nothing was counted"
            raise problem("circuit-run", f"{failed.kind}: {failed.message}", plan.where, hint) from None
        self.results.append(result)
        return dict(result.counts)

    def _drawn(self, circuit: Any, shots: int, seed: int, key: str) -> ShotResult:
        """Shots of the backend; of its stand-in, where it cannot be had and has not given any yet."""
        try:
            return self._backend.sample(circuit, shots, seed, key=key)
        except CircuitFailed as failed:
            if failed.kind != SWITCHED or self.results:  # the body holds shots already, and may add others to them
                raise
        return self._backend.sample(circuit, shots, seed, key=key)
