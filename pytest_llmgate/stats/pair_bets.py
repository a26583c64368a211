"""Bets on the mean difference of paired replies, their growth, and what follows for the number of pairs.

A pair's difference D is 1, 0 or -1. Against "the mean of D is at most m" a gambler who bets l multiplies the capital by
1 + l (D - m) with each pair. Under that hypothesis the capital is a non-negative supermartingale, and so is the average
of the capitals of several fixed bets: it ever reaches 1/error with probability at most `error` (Ville 1939), whatever
the nuisance (how often replies differ at all). A fixed bet's capital depends on the counts only.
Source: Waudby-Smith & Ramdas (2024), Estimating means of bounded random variables by betting, JRSS-B 86, section 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from pytest_llmgate.stats.special import bisect_rate

USUAL_DISCORDANCE = 0.2
"""Where nobody knows how often two replies to one case differ."""
_CENTRE = 0.8
"""The share of the capital on the best bet for a known discordance; the rest is spread in case it is not that."""
_SPREAD = (1 / 16, 2 / 16, 4 / 16, 4 / 16, 3 / 16, 1 / 16, 1 / 16)
"""How the rest is spread over discordances from the rarest to 1, evenly by their logarithm: most are .02 to .15."""
_RAREST = 0.0025
"""The discordance below which none is believed: a bet on less would be lost with the first pair that differs."""
_DEVIATIONS = 1.5  # from the mean number of pairs to the ceiling
_RUIN = -1e9  # for ln 0: a bet that is lost stays lost, and 0 pairs of the kind leave it alone


class Step(NamedTuple):
    """What a pair adds to the ln capital of one bet that has `share` of it: for D = 1, 0 and -1."""

    share: float
    up: float
    same: float
    down: float


@dataclass(frozen=True, slots=True)
class Bets:
    """Fixed bets on a mean of D above m, and their shares of the capital, which sum to 1.

    A bet l is played as min(l, 1 / (1 + m)), the largest that cannot lose more than there is. Each factor falls as m
    grows, so that the means which are ruled out are all those below one bound.
    """

    sizes: tuple[float, ...]
    shares: tuple[float, ...]

    def steps(self, mean: float) -> tuple[Step, ...]:
        """Every bet's step against a mean of at most `mean`, in (-1, 1)."""
        most = 1.0 / (1.0 + mean)
        played = [min(size, most) for size in self.sizes]
        return tuple(
            Step(math.log(share), *(_log(1.0 + bet * (d - mean)) for d in (1.0, 0.0, -1.0)))
            for bet, share in zip(played, self.shares, strict=True)
        )

    def lower(self, up: int, same: int, down: int, error: float, *, hint: float) -> float:
        """The largest mean of D that is ruled out at 1/error, -1 if none.

        Args: pairs with D = 1, 0 and -1; error in (0, 1); hint: a mean whose own test the bound must agree with
        exactly. Never above the sample mean: there no bet has gained (Jensen).
        """
        n = up + same + down
        top = (up - down) / n + 1e-9 if n else -1.0
        if top <= -1.0 + 2e-9:
            return -1.0
        limit = -math.log(error)

        def ruled_out(mean: float) -> bool:
            return log_capital(self.steps(mean), up, same, down) >= limit

        return bisect_rate(ruled_out, -1.0 + 1e-9, min(top, 1.0 - 1e-9), hint=hint)[0]


def _log(factor: float) -> float:
    return math.log(factor) if factor > 1e-12 else _RUIN


def log_capital(steps: tuple[Step, ...], up: int, same: int, down: int) -> float:
    """ln of the capital of all bets together. Args: the bets' steps; pairs with D = 1, 0 and -1."""
    logs = [share + up * u + same * s + down * d for share, u, s, d in steps]
    top = max(logs)
    total = 0.0
    for value in logs:
        total += math.exp(value - top)
    return top + math.log(total)


def pair_chances(difference: float, discordance: float) -> tuple[float, float]:
    """P(D = 1) and P(D = -1) where D has the mean `difference`, in (-1, 1), which is added to one side.

    Args: discordance in [0, 1]: how often a pair differs without a difference; less where both do not fit in 1.
    """
    half = min(discordance, 1.0 - abs(difference)) / 2.0
    return half + max(0.0, difference), half + max(0.0, -difference)


def bets_for(mean: float, expected: float, discordance: float | None) -> Bets:
    """The bets against a mean of D of at most `mean` where `expected`, above it, is hoped for.

    Args: means in (-1, 1); discordance in [0, 1], or None. Where it is known, most of the capital is on the bet that
    grows fastest at it. The rest, or all, is spread over the best bets for pairs that differ hardly ever to always.
    """
    ratio = _RAREST ** (-1.0 / (len(_SPREAD) - 1))
    spread = [best_bet(mean, expected, _RAREST * ratio**k) for k in range(len(_SPREAD))]
    if discordance is None:
        return Bets(tuple(spread), _SPREAD)
    best = best_bet(mean, expected, discordance)
    return Bets((best, *spread), (_CENTRE, *((1.0 - _CENTRE) * share for share in _SPREAD)))


def best_bet(mean: float, expected: float, discordance: float) -> float:
    """The bet l with the fastest mean growth of ln(1 + l (D - mean)), where D has the mean `expected`.

    Args: as above. Source: Kelly (1956); the derivative in l falls, and its zero is bracketed.
    """
    up, down = pair_chances(expected, max(discordance, _RAREST))
    chances = ((1.0, up), (0.0, 1.0 - up - down), (-1.0, down))
    most = 1.0 / (1.0 + mean)

    def grows(part: float) -> bool:
        return math.fsum(p * (d - mean) / (1.0 + part * most * (d - mean)) for d, p in chances) > 0.0

    return bisect_rate(grows, 0.0, 1.0 - 1e-9)[0] * most


def growth(mean: float, expected: float, discordance: float) -> tuple[float, float]:
    """Mean and standard deviation of what one pair adds to the best bet's ln capital. Args: as above."""
    bet = best_bet(mean, expected, discordance)
    up, down = pair_chances(expected, max(discordance, _RAREST))
    added = [(p, math.log1p(bet * (d - mean))) for d, p in ((1.0, up), (0.0, 1.0 - up - down), (-1.0, down))]
    average = math.fsum(p * log for p, log in added)
    return average, math.sqrt(math.fsum(p * (log - average) ** 2 for p, log in added))


def wald_pairs(margin: float, discordance: float, alpha: float, beta: float) -> float:
    """The least mean number of pairs, at no difference, of any test with these errors and a known discordance.

    Args: margin in (0, 1), discordance in [0, 1], errors in (0, 1). Source: Wald & Wolfowitz (1948), against the bad
    truth that is hardest to tell apart: the smallest relative entropy to a mean of D of -margin is the fastest growth
    of a bet against it.
    """
    told = alpha * math.log(alpha / (1.0 - beta)) + (1.0 - alpha) * math.log((1.0 - alpha) / beta)
    return told / growth(-margin, 0.0, discordance)[0]


def natural_pairs(margin: float, discordance: float | None, alpha: float, beta: float) -> int:
    """A ceiling that leaves few runs undecided, of a build that is the same and of one that is worse by the margin.

    Args: as above; alpha the gate's own share; discordance None: unknown, 0.2 is taken. From the n at which
    n growth - 1.5 sd sqrt(n) is ln(1 / error) and what the bets that are not the best have taken. Measured: at most
    0.005 of the same builds are left undecided, and 0.04 of the worse ones.
    """
    known = USUAL_DISCORDANCE if discordance is None else discordance
    price = -math.log(_CENTRE if discordance is not None else max(_SPREAD))
    needed = []
    for mean, expected, error in ((-margin, 0.0, beta), (0.0, margin, alpha)):
        speed, sd = growth(mean, expected, known)
        slack = _DEVIATIONS * sd
        root = (slack + math.sqrt(slack * slack + 4.0 * speed * (price - math.log(error)))) / (2.0 * speed)
        needed.append(root * root)
    return math.ceil(max(needed))
