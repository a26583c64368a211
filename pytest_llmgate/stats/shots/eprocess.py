"""Evidence against a reference distribution that may be looked at as often as one likes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from pytest_llmgate.stats.shots.rule import Floats, Ints

SPREADS: Final = (20.0, 100.0, 500.0, 3000.0)
"""Concentrations of the Dirichlet mixtures: from changes of the whole shape to those of a few per cent."""

SHARES: Final = (0.02, 0.05, 0.12, 0.3)
"""Parts of the contamination terms: so much of the mass spread evenly over the reference's support."""

IMPOSSIBLE: Final = -1e9
"""ln of a likelihood ratio of 0, kept finite so that no shots times it is 0: one shot rules the alternative out."""

DECLARED_SHARE: Final = 0.5
"""Part of the weight that the declared alternatives have together."""

_STIRLING = (1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12)
_SHIFT = 8


@dataclass(frozen=True, eq=False)
class EProcess:
    """A weighted mean of likelihood ratios against a reference p; `evidence` builds it.

    E_n is the sum over components m of w_m L_m(n), with sum w_m = 1 and L_m the likelihood ratio against p of
    (a) a declared alternative q: prod (q_i / p_i)^c_i,
    (b) a contamination: the same with q = (1 - share) p + share * (even over the support of p),
    (c) a Dirichlet mixture around p with concentration k:
        G(k) / G(k + n) * prod G(k p_i + c_i) / G(k p_i) / prod p_i^c_i, the mean of (a) over q ~ Dirichlet(k p).
    Under p each L_m starts at 1 and is a nonnegative supermartingale: the next shot multiplies (a) and (b) by
    q_i / p_i, whose mean is the sum of q_i over the support of p, at most 1; (c) is a mean of such. So is their
    weighted mean, and Ville's inequality gives P(E_n >= 1 / alpha for any n) <= alpha, for any looks and stopping.
    A shot where p is 0 is left out here: it is no matter of evidence, and whoever uses this fails it at once.

    Sources: Ville (1939); Lindon & Malek (2022), arXiv 2011.03567, for (c); Ramdas et al. (2023), arXiv 2210.01948.

    ratios: (R, K + 1), ln (q_i / p_i) of the declared alternatives and then of the contaminations. log_weights: of
    those R and then of the Dirichlet mixtures. declared: how many of the rows are alternatives.
    """

    p: Floats
    ratios: Floats
    log_weights: Floats
    declared: int

    def log_ratios(self, counts: Ints) -> Floats:
        """ln of the likelihood ratios (a) and (b), declared alternatives first. counts: length K + 1."""
        product: Floats = self.ratios @ counts
        return product

    def log_e(self, counts: Ints, log_ratios: Floats) -> float:
        """ln E_n. log_ratios: as from `log_ratios` of the same counts."""
        terms = np.concatenate([log_ratios, self._mixtures(counts)]) + self.log_weights
        top = float(terms.max())
        return top + math.log(float(np.exp(terms - top).sum()))

    def _mixtures(self, counts: Ints) -> Floats:
        seen = (counts > 0) & (self.p > 0.0)
        c, p = counts[seen].astype(np.float64), self.p[seen]
        spread = np.array(SPREADS)[:, np.newaxis]
        cells = log_gamma(spread * p + c) - log_gamma(spread * p)
        whole = log_gamma(spread[:, 0]) - log_gamma(spread[:, 0] + c.sum())
        mixed: Floats = whole + cells.sum(axis=1) - float(c @ np.log(p))
        return mixed


def evidence(p: Floats, alternatives: Sequence[Floats]) -> EProcess:
    """The e-process against p: half of its weight on the alternatives, the rest evenly on all other terms.

    Args: p and alternatives of one length, no alternative equal to p (see `EProcess` for outcomes where p is 0).
    Without alternatives all weight is on the other terms.

    Alternative j has a share in proportion to 1 / H_j^2, H the Hellinger distance from p. It is found after about
    ln(1 / (alpha w_j)) / D_j shots, D its relative entropy; the sum of these over j is least for w_j in proportion to
    1 / D_j, and H^2 stands for D because it is finite. So the near ones, which take long, pay least for company.
    """
    points = [*alternatives, *(_contaminated(p, share) for share in SHARES)]
    ratios = np.stack([log_ratio(q, p) for q in points])
    declared = DECLARED_SHARE if alternatives else 0.0
    others = len(SHARES) + len(SPREADS)
    shares = np.array([1.0 / _hellinger_squared(p, q) for q in alternatives])
    weights = np.concatenate([declared * shares / (shares.sum() or 1.0), np.full(others, (1.0 - declared) / others)])
    return EProcess(p, ratios, np.log(weights), len(alternatives))


def _hellinger_squared(p: Floats, q: Floats) -> float:
    return float(((np.sqrt(p) - np.sqrt(q)) ** 2).sum()) / 2.0


def log_ratio(q: Floats, p: Floats) -> Floats:
    """ln (q / p) by outcome: 0 where p is 0 (left out), IMPOSSIBLE where only q is."""
    ratio = np.zeros(len(p))
    both = (p > 0.0) & (q > 0.0)
    ratio[both] = np.log(q[both] / p[both])
    ratio[(p > 0.0) & (q <= 0.0)] = IMPOSSIBLE
    return ratio


def log_gamma(x: Floats) -> Floats:
    """ln G(x) for x > 0, to about 1e-13: shifted by 8, then Stirling's series.

    In numpy, because scipy takes a second to import. Source: DLMF 5.11.1 and 5.5.1.
    """
    product = x.copy()
    for step in range(1, _SHIFT):
        product = product * (x + step)
    z = x + _SHIFT
    series = np.polyval(_STIRLING, 1.0 / (z * z)) / z
    gamma: Floats = (z - 0.5) * np.log(z) - z + 0.5 * math.log(2.0 * math.pi) + series - np.log(product)
    return gamma


def _contaminated(p: Floats, share: float) -> Floats:
    possible = p > 0.0
    return np.where(possible, (1.0 - share) * p + share / possible.sum(), 0.0)
