"""The simulator lab as a backend: what is drawn on this machine, seeded and free."""

from __future__ import annotations

from typing import Any

from pytest_llmgate.core.circuit import NoisePlan, ShotResult
from pytest_llmgate.quantum.lab import Job, Lab


class SimulatedBackend:
    """Implements CircuitBackend. noise, scale: what the circuits run under. method: of the simulator."""

    live = False

    def __init__(self, lab: Lab, noise: NoisePlan | None, scale: float, method: str) -> None:
        self._lab = lab
        self._noise = noise
        self._scale = scale
        self._method = method

    def sample(self, circuit: Any, shots: int, seed: int, *, key: str) -> ShotResult:
        """Shots of one circuit; the same seed draws the same ones. Raises LlmgateError for what is too wide."""
        return self._lab.sample(Job(circuit, self._noise, self._scale, self._method), shots, seed)

    def close(self) -> None:
        """Nothing is held."""
