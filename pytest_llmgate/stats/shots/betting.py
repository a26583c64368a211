"""Tests and intervals of a bounded mean by betting: from counts alone, valid at any stop, blind to the order of shots.

A shot has a value in [0, 1]. Against "the mean is m" a gambler who bets b on it being larger multiplies the capital
by 1 + b (value - m) with each shot. For a mean of at most m the capital is a non-negative supermartingale, so that
it ever reaches 1/error with probability at most `error` (Ville 1939). So is the average of the capitals of several
fixed bets. A fixed bet's capital is a product over shots: it depends on the counts only.
Source: Waudby-Smith & Ramdas (2024), Estimating means of bounded random variables by betting, JRSS-B 86, section 4.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pytest_llmgate.stats.shots.rule import Floats, Ints
from pytest_llmgate.stats.special import bisect_rate

_SPREAD = tuple(float(bet) for bet in np.geomspace(0.02, 512.0, 24))


class Bets(NamedTuple):
    """Fixed bets on a mean above m, and their shares of the capital, which sum to 1.

    A bet b is played as min(b, 1/m), the largest that cannot lose more than there is. Each factor
    1 + min(b, 1/m) (value - m) falls as m grows, on both sides of b = 1/m: so the capital falls with m, and the
    means that are ruled out are all those below one bound.
    """

    sizes: Floats
    shares: Floats

    def log_capital(self, values: Floats, counts: Ints | Floats, mean: float) -> float:
        """ln of the capital against a mean of at most `mean`. Args: values in [0, 1], their counts, mean in [0, 1]."""
        happened = counts > 0
        if not happened.any():
            return 0.0
        logs = log_growth(self.sizes, values[happened], mean) @ counts[happened]
        top = float(logs.max())
        return -math.inf if math.isinf(top) else top + math.log(float(self.shares @ np.exp(logs - top)))

    def lower(self, values: Floats, counts: Ints, error: float, *, hint: float) -> float:
        """The largest mean that is ruled out at 1/error, 0 if none.

        Args: as above; error in (0, 1). hint: a mean in [0, 1] whose own test the bound must agree with exactly.
        Never above the sample mean: there no bet has gained (Jensen).
        """
        total = int(counts.sum())
        if total == 0:
            return 0.0
        limit = -math.log(error)
        top = min(1.0, float(values @ counts) / total + 1e-9)
        return bisect_rate(lambda m: self.log_capital(values, counts, m) >= limit, 0.0, top, hint=hint)[0]


def log_growth(sizes: Floats, values: Floats, mean: float) -> Floats:
    """ln of what one shot multiplies the capital by, for every bet (rows) and value (columns)."""
    played = np.minimum(sizes, 1.0 / mean) if mean > 0.0 else sizes
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.maximum(0.0, 1.0 + np.outer(played, values - mean))))


def bets_for(mean: float, expected: float) -> Bets:
    """Half the capital on the bet that grows fastest for coin flips of rate `expected`, half on 24 sizes of bet.

    Args: 0 <= mean < expected <= 1. The first is Wald's likelihood ratio when values are 0 and 1 (Kelly's bet);
    the others serve values that vary less, or means further away. Costs ln 2 against knowing the right one.
    """
    kelly = (expected - mean) / (mean * (1.0 - mean)) if mean > 0.0 else _SPREAD[-1]
    sizes = np.array([min(kelly, 1e9), *_SPREAD])
    return Bets(sizes, np.array([0.5, *(0.5 / len(_SPREAD) for _ in _SPREAD)]))


def spread_bets() -> Bets:
    """The capital spread evenly over 24 sizes of bet, for an interval where no two means are to be told apart."""
    return Bets(np.array(_SPREAD), np.full(len(_SPREAD), 1.0 / len(_SPREAD)))
