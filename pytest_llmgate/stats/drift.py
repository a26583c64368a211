"""Drift: whether a rate that was good has become bad, over many runs, with a guaranteed mean run length."""

from __future__ import annotations

import math
from dataclasses import dataclass

MEAN_RUN_LENGTH = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftState:
    """Where a detector stands.

    log_m: ln of its statistic. rise: of the log likelihood ratio since its last low. runs: fed so far. since: the run,
    counted from 0, at which the present rise began, the likeliest begin of a change. drifting: whether the alarm is on.
    """

    log_m: float = -math.inf
    rise: float = 0.0
    runs: int = 0
    since: int = 0
    drifting: bool = False


@dataclass(frozen=True, slots=True)
class DriftDetector:
    """Shiryaev and Roberts' e-detector: M = (1 + M) e^llr after each run, an alarm at M >= mean_run_length.

    While each run's e^llr has mean at most 1, given the runs before it, M minus the number of runs is a
    supermartingale. So the mean number of runs to an alarm is at least `mean_run_length`, whatever the sizes of the
    runs, and however each of them chose to stop: the likelihood ratio of bad against good at a stopping time has mean
    at most 1 too, for every rate at or above the good one. An estimate at that time would be biased; so estimates are
    not used. M is cut off at the threshold, which only lowers it, so that the alarm ends (below M = 1) soon after the
    rate has become good again. Raises ValueError for a mean run length below 1.
    Source: Shin, Ramdas & Rinaldo (2022), E-detectors, arXiv 2203.03532, section 2; Roberts (1966).
    """

    mean_run_length: float = MEAN_RUN_LENGTH

    def __post_init__(self) -> None:
        if not 1.0 <= self.mean_run_length < math.inf:
            raise ValueError(f"a mean run length is a number from 1 on, not {self.mean_run_length:g}")

    def after(self, state: DriftState, llr: float) -> DriftState:
        """The state after one more run. llr: ln of P_bad / P_good of its counted trials, finite."""
        alarm = math.log(self.mean_run_length)
        log_m = min(_log_one_plus(state.log_m) + llr, alarm)
        rises = state.rise > 0.0
        return DriftState(
            log_m=log_m,
            rise=max(state.rise, 0.0) + llr,
            runs=state.runs + 1,
            since=state.since if rises or state.drifting else state.runs,
            drifting=log_m >= alarm or (state.drifting and log_m >= 0.0),
        )


def _log_one_plus(log_m: float) -> float:
    """ln(1 + e^x) without overflow."""
    return max(log_m, 0.0) + math.log1p(math.exp(-abs(log_m)))
