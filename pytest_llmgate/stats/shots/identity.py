"""The reference's own distribution, decided shot by shot: fail, pass, or go on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from pytest_llmgate.core.decision import Decision, Outcome
from pytest_llmgate.stats.shots.causes import distance_figures, rank_causes
from pytest_llmgate.stats.shots.distances import rounded
from pytest_llmgate.stats.shots.eprocess import EProcess, evidence
from pytest_llmgate.stats.shots.hypotheses import Alternative, Reference, tvd
from pytest_llmgate.stats.shots.minp import MinP, minp_test
from pytest_llmgate.stats.shots.rule import Seen

SEQUENTIAL_SHARE: Final = 0.8
"""Part of alpha that the e-process may spend where there is an omnibus test; the omnibus has the rest."""

_FAIL = Decision(Outcome.FAIL, "boundary")
_OMNIBUS = Decision(Outcome.FAIL, "omnibus")
_PASS = Decision(Outcome.PASS, "boundary")
_CEILING = Decision(Outcome.INCONCLUSIVE, "ceiling")


@dataclass(frozen=True, eq=False, kw_only=True)
class IdentityRule:
    """Fails on evidence against the reference, passes once every declared alternative is ruled out.

    Args: declared: alternatives that a pass must rule out. unresolved: others, for the causes of a failure only.
    alpha, beta in (0, 1): P(fail | reference) and P(pass | any one declared alternative) at most. totals: the looks,
    increasing. screen_at: shots N of the omnibus test (None: `screen: quick`, no such test); one of the looks, or
    beyond the last one, and then nothing passes. seed: of the omnibus test's draws, from a hash, never one that
    shots are drawn with. Raises ValueError where these make no rule.

    - It fails when the e-process reaches 1 / (0.8 alpha) (1 / alpha without an omnibus test), which by Ville's
      inequality happens to a good circuit with probability at most 0.8 alpha, over all looks together.
    - The omnibus test looks once, at the N that was fixed before the first shot, at level 0.2 alpha. Whether it would
      reject at N has that probability on the stream as a whole, wherever the stream is stopped, so that the two
      together fail a good circuit with probability at most 0.8 alpha + 0.2 alpha. It is asked in `decide` at
      exactly N shots: a stream must be asked at each of its `looks`, in order. What goes on after N was not rejected.
    - It passes, not before N, when for every declared q the likelihood ratio prod (p_i / q_i)^c_i is at least
      1 / beta at the same look. Under q that ratio starts at 1 and is a nonnegative supermartingale, so that it ever
      gets there with probability at most beta (Ville; Wald 1945): P(pass | q) <= beta for each declared q.
    - An outcome that the reference excludes fails at once (probability 0 under it), one that an alternative excludes
      rules that alternative out at once.
    - With neither a declared alternative nor an omnibus test a pass would mean nothing: there is none.
    """

    reference: Reference
    declared: tuple[Alternative, ...]
    unresolved: tuple[Alternative, ...] = ()
    alpha: float
    beta: float
    totals: tuple[int, ...]
    screen_at: int | None
    seed: int

    def __post_init__(self) -> None:
        if not (0.0 < self.alpha < 1.0 and 0.0 < self.beta < 1.0):
            raise ValueError(f"error rates are between 0 and 1, not alpha={self.alpha:g}, beta={self.beta:g}")
        for alternative in self.declared:
            if tvd(self.reference.p, alternative.p) <= 0.0:
                raise ValueError(f"the declared alternative {alternative.name!r} is the reference's own distribution")
        if not self.totals or self.totals[0] < 1:
            raise ValueError("a rule needs at least one look, and at least 1 shot at it")
        if self.screen_at is not None and self.screen_at not in self.totals and self.screen_at <= self.totals[-1]:
            raise ValueError(f"the omnibus test at {self.screen_at} shots is not one of the looks")

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The reference's and the alternatives' outcomes."""
        return self.reference.outcomes

    @property
    def looks(self) -> tuple[int, ...]:
        """Totals of shots at which it must be asked."""
        return self.totals

    @property
    def can_pass(self) -> bool:
        """Whether a good circuit can pass at all."""
        if self.screen_at is None:
            return bool(self.declared)
        return self.screen_at <= self.totals[-1]

    @property
    def sequential_alpha(self) -> float:
        """What the e-process may spend of alpha."""
        return self.alpha if self.screen_at is None else SEQUENTIAL_SHARE * self.alpha

    @property
    def omnibus_alpha(self) -> float:
        """What the omnibus test may spend of alpha, above 0 where there is one."""
        return self.alpha - self.sequential_alpha

    @cached_property
    def process(self) -> EProcess:
        """The evidence against the reference."""
        return evidence(self.reference.p, [alternative.p for alternative in self.declared])

    @cached_property
    def _impossible(self) -> tuple[int, ...]:
        """Places of the outcomes that the reference excludes."""
        return tuple(np.flatnonzero(self.reference.p <= 0.0).tolist())

    def decide(self, seen: Seen) -> Decision | None:
        """The decision at a look, or None to go on. To be asked at every look, in order."""
        if seen.counts[list(self._impossible)].any():
            return _FAIL
        log_ratios = self.process.log_ratios(seen.counts)
        if self.process.log_e(seen.counts, log_ratios) >= -math.log(self.sequential_alpha):
            return _FAIL
        if seen.shots == self.screen_at and self.omnibus(seen).p_value <= self.omnibus_alpha:
            return _OMNIBUS
        if self._ruled_out(seen.shots, float(log_ratios[: len(self.declared)].max(initial=-math.inf))):
            return _PASS
        return _CEILING if seen.shots >= self.totals[-1] else None

    def omnibus(self, seen: Seen) -> MinP:
        """The omnibus test of what was seen; its level is `omnibus_alpha`."""
        return minp_test(seen.counts, self.reference.p, level=self.omnibus_alpha, seed=self.seed)

    def _ruled_out(self, shots: int, nearest: float) -> bool:
        """Whether a stream may pass. nearest: the largest ln (q / p) of a declared alternative."""
        return self.can_pass and shots >= (self.screen_at or 0) and nearest <= math.log(self.beta)

    def figures(self, seen: Seen) -> Mapping[str, Any]:
        """Figures of the verdict.

        `log10_e` (None: the reference excludes what was seen), `tvd`, `tvd_interval`; `causes`: the alternatives that
        can explain it, the likeliest first; `nearest`: the declared one that is hardest to rule out (None: all are
        excluded); at N shots `omnibus` with p-value, draws and seed.
        """
        causes = rank_causes(self.reference, (*self.declared, *self.unresolved), seen.counts)
        declared = {alternative.name for alternative in self.declared}
        found: dict[str, Any] = {
            "log10_e": self._log10_e(seen),
            **distance_figures(seen, self.reference.p, looks=len(self.totals)),
            "causes": causes,
            "nearest": next((cause for cause in causes if cause["name"] in declared), None),
        }
        if seen.shots == self.screen_at:
            test = self.omnibus(seen)
            found["omnibus"] = {"p_value": rounded(test.p_value), "draws": test.draws, "seed": test.seed}
        return found

    def _log10_e(self, seen: Seen) -> float | None:
        if seen.counts[list(self._impossible)].any():
            return None
        log_e = self.process.log_e(seen.counts, self.process.log_ratios(seen.counts))
        return float(rounded(log_e / math.log(10.0)))
