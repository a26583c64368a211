"""Figures of how far counts are from a reference, each with its interval and the name of its method.

Everywhere `p` holds K + 1 probabilities and counts K + 1 counts: the known outcomes, and at the end all others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from pytest_llmgate.stats.intervals import clopper_pearson
from pytest_llmgate.stats.shots.betting import spread_bets
from pytest_llmgate.stats.shots.hypotheses import tvd
from pytest_llmgate.stats.shots.rule import Floats, Ints, Seen
from pytest_llmgate.stats.shots.tvd_bounds import lower_bound, plug_in, single_bound, split, typical_bound

DIGITS = 6
_FEW = 5.0  # expected shots of an outcome below which its square root is no longer near normal


class Figure(NamedTuple):
    """One figure of a verdict: two-sided interval at `confidence`; None where it does not exist."""

    value: float | None
    interval: tuple[float, float] | None
    method: str
    confidence: float

    def plain(self) -> dict[str, Any]:
        """JSON-ready and rounded."""
        return dict(rounded(self._asdict()))


def rounded(value: Any) -> Any:
    """Numbers to 6 significant digits, inside lists, tuples, arrays and mappings as well: the same bytes everywhere.

    The last bits of a sum depend on the processor; they are noise, and differ between machines. What is not finite
    becomes None, as JSON has no word for it; whole numbers and text stay as they are.
    """
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.{DIGITS}g}") + 0.0 if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, np.ndarray) or (isinstance(value, Sequence) and not isinstance(value, str)):
        return [rounded(item) for item in value]
    return value


def tvd_interval(seen: Seen, p: Floats, *, confidence: float, looks: int = 1) -> tuple[float, float]:
    """The TVD's two-sided interval: each bound is wrong with probability at most (1 - confidence)/2.

    Args: seen; p; confidence in (0, 1); looks, how many totals of shots the counts could choose among to stop at (they
    share the error evenly: union bound). Valid for any number of outcomes. Lower: that of single outcomes where p
    allows two at most, or where all shots are in the first half; else the split-sample bound. Upper: the better, for a
    perfect circuit, of two bounds that need no asymptotics (`tvd_bounds`). Widened where the plug-in TVD would lie
    outside, which its upward bias with many outcomes can cause. Without shots: (0, 1).
    """
    if seen.shots == 0:
        return 0.0, 1.0
    error = 0.5 * (1.0 - confidence) / looks
    observed = plug_in(seen, p)
    part = split(seen, p)
    singly = not part.shots or int((p > 0.0).sum()) <= 2  # of p and of how shots were drawn, never of counts
    lower = single_bound(seen, p, error) if singly else lower_bound(part, error)
    return min(lower, observed), max(typical_bound(p, seen.shots, error).at(observed), observed)


def hellinger_fidelity(p: Floats, counts: Ints, *, confidence: float = 0.95) -> Figure:
    """(sum of sqrt(p q))^2, 1 for equal distributions; q the observed shares.

    Args: p; counts with at least one shot; confidence in (0, 1). Method `delta`: normal, with the bias and
    variance of the second order, as the first vanishes at q = p (Lehmann & Casella, Theory of Point Estimation, 1.8).
    Where shots are few for the outcomes, method `tvd`: the square root lies in [1 - TVD, sqrt(1 - TVD^2)] (Le Cam),
    with `tvd_interval` of all counts, which is wide but proven.
    """
    shots = int(counts.sum())
    affinity = min(1.0, float(np.sqrt(p * counts / shots).sum()))
    if float(p[shots * p < _FEW].sum()) > 1.0 - confidence:
        least = 1.0 - typical_bound(p, shots, 0.5 * (1.0 - confidence)).at(tvd(counts / shots, p))
        return Figure(affinity**2, (min(least, affinity) ** 2, 1.0), "tvd", confidence)
    spare = 0.125 * max(0, int((shots * p >= _FEW).sum()) - 1) / shots
    seen_mass = min(1.0, float(p[counts > 0].sum()))
    variance = max(0.0, seen_mass - affinity**2) / (4.0 * shots) + 0.25 * spare / shots
    reach = _quantile(confidence) * math.sqrt(variance)
    low, high = max(0.0, affinity + spare - reach), min(1.0, affinity + spare + reach)
    return Figure(affinity**2, (min(low, affinity) ** 2, max(high, affinity) ** 2), "delta", confidence)


def cross_entropy(p: Floats, counts: Ints, *, confidence: float = 0.95) -> Figure:
    """The mean of -log2 p over the shots, in bits; at the least, the entropy of what was measured.

    Args: as above. Method `normal`. Infinite, so without value, where something was seen that p calls impossible.
    """
    happened = counts > 0
    if (p[happened] <= 0.0).any():
        return Figure(None, None, "normal", confidence)
    bits, shots = -np.log2(p[happened]), int(counts.sum())
    mean = float(bits @ counts[happened]) / shots
    variance = float((bits - mean) ** 2 @ counts[happened]) / max(1, shots - 1)
    reach = _quantile(confidence) * math.sqrt(variance / shots)
    return Figure(mean, (max(0.0, mean - reach), mean + reach), "normal", confidence)


def linear_cross_entropy(p: Floats, counts: Ints, *, size: int | None = None, confidence: float = 0.95) -> Figure:
    """(mean of p over the shots - 1/D) / (sum of p^2 - 1/D): 1 for the reference, 0 for uniform noise.

    Args: as above; size D of the space of outcomes, such as 2^bits (None: the known ones). Without value where p is
    uniform, which tells nothing from noise. Interval of the mean: `binomial` (Clopper-Pearson) where p has two
    values, else `betting`; neither is asymptotic. Source: linear cross-entropy benchmarking, Arute et al. (2019),
    Nature 574, normalised by the reference's own.
    """
    uniform = 1.0 / (len(p) - 1 if size is None else size)
    scale = float((p * p).sum()) - uniform
    if scale <= 1e-12:
        return Figure(None, None, "betting", confidence)
    mean, (low, high), method = mean_interval(p, counts, confidence=confidence)
    value, low, high = ((share - uniform) / scale for share in (mean, low, high))
    return Figure(value, (low, high), method, confidence)


def closeness(p: Floats, counts: Ints, *, size: int | None = None, confidence: float = 0.95) -> dict[str, Any]:
    """Fidelity and cross-entropies of a verdict, JSON-ready; None before the first shot.

    Args: p; counts; size of the space of outcomes (None: the known ones); confidence of every interval.
    """
    names = ("hellinger_fidelity", "cross_entropy_bits", "linear_cross_entropy")
    if not counts.any():
        return dict.fromkeys(names)
    figures = (
        hellinger_fidelity(p, counts, confidence=confidence),
        cross_entropy(p, counts, confidence=confidence),
        linear_cross_entropy(p, counts, size=size, confidence=confidence),
    )
    return {name: figure.plain() for name, figure in zip(names, figures, strict=True)}


def mean_interval(values: Floats, counts: Ints, *, confidence: float) -> tuple[float, tuple[float, float], str]:
    """The mean of bounded values over the shots, its two-sided interval, and the method.

    Args: values by outcome, all that can happen; counts, at least one shot. Two different values: Clopper-Pearson.
    Else by betting, valid at any stop, for every distribution on [least, largest value].
    """
    low, high = float(values.min()), float(values.max())
    shots = int(counts.sum())
    mean = float(values @ counts) / shots
    if high - low <= 0.0:
        return mean, (low, high), "exact"
    unit = (values - low) / (high - low)
    if bool(((unit == 0.0) | (unit == 1.0)).all()):
        bottom, top = clopper_pearson(int(counts[unit == 1.0].sum()), shots, confidence)
        method = "binomial"
    else:
        error, bets = 0.5 * (1.0 - confidence), spread_bets()
        bottom = bets.lower(unit, counts, error, hint=0.0)
        top = 1.0 - bets.lower(1.0 - unit, counts, error, hint=0.0)
        method = "betting"
    span = (low + (high - low) * bottom, low + (high - low) * top)
    return mean, (min(span[0], mean), max(span[1], mean)), method


def _quantile(confidence: float) -> float:
    return NormalDist().inv_cdf(0.5 + 0.5 * confidence)
