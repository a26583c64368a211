"""A circuit as the engine samples it: every trial is one chunk of shots of one arm."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from pytest_llmgate.core.circuit import CircuitBackend, CircuitFailed, Counts, ShotResult
from pytest_llmgate.core.errors import LlmgateError
from pytest_llmgate.core.observation import Observation, TrialError
from pytest_llmgate.core.reply import NO_USAGE, Usage
from pytest_llmgate.core.trial import Trial
from pytest_llmgate.engine.circuit_stream import CircuitStream
from pytest_llmgate.quantum.fallback import WithFallback


class CircuitSubject:
    """Draws chunks. circuits, backends: one an arm. stream: of the test. key: what names this test's jobs."""

    def __init__(
        self,
        circuits: Sequence[Any],
        backends: Sequence[CircuitBackend],
        stream: CircuitStream,
        key: str,
        redact_text: Callable[[str], str],
    ) -> None:
        self._circuits = circuits
        self._backends = backends
        self._stream = stream
        self._key = key
        self._redact_text = redact_text

    def sample_now(self, trial: Trial) -> Observation:
        """One chunk, or why there is none."""
        backend = self._backends[trial.case]
        key = f"{self._key}/{trial.case}/{trial.repeat}"
        if self._stream.evidence.on_fallback and isinstance(backend, WithFallback):
            backend.give_up("an earlier start of this run fell back")
        began = time.monotonic()
        try:
            result = backend.sample(self._circuits[trial.case], self._stream.shots(trial), trial.seed, key=key)
        except CircuitFailed as failed:
            error = TrialError(failed.kind, self._redact_text(failed.message), failed.fatal)
            return Observation(None, error, detail=failed.job)
        except LlmgateError as fault:
            return Observation(None, TrialError("refused", self._redact_text(str(fault)), fatal=True))
        took = (time.monotonic() - began) * 1000.0 if backend.live else None
        return Observation(None, usage=_usage(result), latency_ms=took, detail=result)


def _usage(result: ShotResult) -> Usage:
    """A job of a device is a call; what is simulated here costs nothing and calls nobody."""
    if not result.calls:
        return NO_USAGE
    return Usage(calls=result.calls, cost_usd=None if result.cost_usd is None else Decimal(result.cost_usd))


class GivenCounts:
    """Counts that a test body returned, dealt out as a backend: each chunk without replacement, in a seeded order.

    drawn: by what `circuit_run` drew them, if it did; the first chunk tells of its jobs, and is billed for them.
    """

    live = False

    def __init__(self, counts: Counts, drawn: Sequence[ShotResult] = ()) -> None:
        self._left = dict(sorted(counts.items()))
        self._fallback = any(result.fallback for result in drawn)
        self._jobs = [result for result in drawn if result.job is not None]

    def sample(self, circuit: Any, shots: int, seed: int, *, key: str) -> ShotResult:
        """The next `shots` of the given counts."""
        every = [outcome for outcome, number in self._left.items() for _ in range(number)]
        drawn: dict[str, int] = {}
        for place in random.Random(seed).sample(range(len(every)), shots):  # noqa: S311 - deals shots, keeps no secret
            drawn[every[place]] = drawn.get(every[place], 0) + 1
        self._left = {outcome: number - drawn.get(outcome, 0) for outcome, number in self._left.items()}
        jobs, self._jobs = self._jobs, []
        costs = [Decimal(result.cost_usd) for result in jobs if result.cost_usd is not None]
        return ShotResult(
            drawn,
            "given",
            cost_usd=f"{sum(costs):f}" if costs and len(costs) == len(jobs) else None,
            job={"jobs": [result.job for result in jobs]} if jobs else None,
            fallback=self._fallback,
            calls=sum(result.calls for result in jobs),
        )

    def close(self) -> None:
        """Nothing is held."""
