"""The rate behind a rate of flags, where flags are wrong at rates that were themselves only estimated."""

from __future__ import annotations

from typing import NamedTuple

from pytest_llmgate.core.plan import Flagging
from pytest_llmgate.stats.intervals import clopper_pearson_lower, clopper_pearson_upper


class Corrected(NamedTuple):
    """A rate of bad answers, 0 to 1, with its interval; the estimate is None where flags say nothing."""

    estimate: float | None
    low: float
    high: float


def corrected_rate(flagged: int, n: int, known: Flagging, confidence: float = 0.95) -> Corrected:
    """The rate of bad answers behind a rate of flagged ones (Rogan and Gladen, 1978).

    flagged of n answers were flagged, 0 ≤ flagged ≤ n, n ≥ 1. The interval holds for the flagged rate, the
    false-positive rate and the recall together (Bonferroni), so that the calibration's own uncertainty is in it. It
    takes n as fixed beforehand: of a gate that stopped early it is an approximation.
    """
    tail = (1.0 - confidence) / 6.0
    seen, false, recall = (
        (clopper_pearson_lower(hits, of, tail), clopper_pearson_upper(hits, of, tail))
        for hits, of in ((flagged, n), (known.false_flags, known.good), (known.caught, known.bad))
    )
    middle = _behind(flagged / n, known.false_flags / known.good, known.caught / known.bad)
    low, high = _behind(seen[0], false[1], recall[1]), _behind(seen[1], false[0], recall[0])
    return Corrected(middle, 0.0 if low is None else low, 1.0 if high is None else high)


def _behind(flagged: float, false: float, recall: float) -> float | None:
    """None where good and bad answers are flagged alike."""
    if recall - false <= 1e-9:
        return None
    return min(max((flagged - false) / (recall - false), 0.0), 1.0)
