"""What the history keeps of runs, and what it says of a test over many of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Drawn = Literal["live", "mixed", "recorded", "offline"]
Kind = Literal["rate", "difference", "ratio", "distance", "value", ""]
"""What the estimate of a gate is: a rate; by how much bad replies, or runaways, are commoner than in the baseline; how
many times what the baseline takes; a total variation distance; a plain number. Empty where nobody wrote that down."""
"""Where the replies of a run came from: models or devices; partly a cassette; a cassette alone; nobody was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFigures:
    """A gate in one run. rated: a rate decides it. Rates as in `result.json`; None where nothing was measured.

    kind: what the estimate is. good: the share of good replies among `good_of`, whatever the gate compares; without a
    baseline it is that of all trials. quantile: of latencies, and what it was in milliseconds.
    """

    name: str
    type: str
    verdict: str
    blocking: bool
    rated: bool
    n: int
    successes: int | None
    holes: int
    estimate: float | None
    threshold: float | None
    bad: float | None
    stop_reason: str
    kind: Kind = ""
    good: float | None = None
    good_of: int = 0
    quantile: float | None = None
    quantile_ms: float | None = None

    @property
    def unwanted(self) -> bool:
        """Whether its rates are those of an unwanted event."""
        return self.rated and self.bad is not None and self.threshold is not None and self.bad > self.threshold

    @property
    def success_rates(self) -> tuple[float, float] | None:
        """The good and the bad success rate, of `max_rate` gates turned round; None where no rate decides."""
        if not self.rated or self.threshold is None or self.bad is None:
            return None
        good, bad = self.threshold, self.bad
        return (round(1.0 - good, 12), round(1.0 - bad, 12)) if self.unwanted else (good, bad)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestFigures:
    """A test in one run. seed: its root seed. tokens: in and out together, None where nobody counted both."""

    __test__ = False

    id: str
    verdict: str
    seed: int
    trials: int
    tokens: int | None
    cost_usd: str | None
    gates: tuple[GateFigures, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """A run. path: its directory, as the index knows it. gone: whether that is there no more."""

    id: str
    path: str
    started: str
    record: str
    drawn: Drawn
    commit: str | None
    dirty: bool | None
    attempt: int
    interrupted: bool
    tests: tuple[TestFigures, ...]
    gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftFound:
    """What the detector says of a gate. counted: runs that fed it. since, alarm: ids of the run at which the change
    likeliest began and of the one that raised the alarm; None without one. evidence: M, at most the threshold."""

    counted: int
    evidence: float
    drifting: bool
    since: str | None
    alarm: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateHistory:
    """A gate over the runs of its test. seen: its figures, one a run, oldest first; None for a run without such a gate.
    drift: None where there is no rate that could be good and have failures."""

    name: str
    seen: tuple[GateFigures | None, ...]
    drift: DriftFound | None

    @property
    def newest(self) -> GateFigures:
        """Its figures in the last run that had it."""
        return next(gate for gate in reversed(self.seen) if gate is not None)

    @property
    def estimates(self) -> tuple[float | None, ...]:
        """One a run."""
        return tuple(None if gate is None else gate.estimate for gate in self.seen)

    @property
    def good(self) -> tuple[float | None, ...]:
        """The share of good replies, one a run."""
        return tuple(None if gate is None else gate.good for gate in self.seen)

    @property
    def quantiles_ms(self) -> tuple[float | None, ...]:
        """The quantile of its latencies in milliseconds, one a run."""
        return tuple(None if gate is None else gate.quantile_ms for gate in self.seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestHistory:
    """A test over its runs, oldest first. inconclusive: how many of the last `recent` live runs were.
    often: whether that is often; hint: what to do about it then."""

    __test__ = False

    id: str
    runs: tuple[tuple[RunFigures, TestFigures], ...]
    gates: tuple[GateHistory, ...]
    recent: int
    inconclusive: int
    often: bool
    hint: str
