"""The rules that need no design: zero tolerance, and the census of all there is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from pytest_llmgate.core.decision import Decision, Interval, Outcome, Tally
from pytest_llmgate.stats import binomial
from pytest_llmgate.stats.brackets import exact_interval, robbins_interval
from pytest_llmgate.stats.intervals import zero_fail_n
from pytest_llmgate.stats.path import OC


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroTolerance:
    """The first violation fails; `needed` clean trials pass: ceil(ln beta / ln(1 - bad_failure)).

    Args: bad_failure the failure rate that must be caught, in (0, 1); beta, alpha_used in (0, 1);
    limit the most trials (None: as many as needed); fixed: all of `limit`, one look at the end. A hole may
    have been a violation, so that with one nothing passes: inconclusive `holes` where it would have passed.
    Source: exact binomial; see intervals.zero_fail_n.
    """

    bad_failure: float = 0.01
    beta: float = 0.05
    alpha_used: float = 0.05
    limit: int | None = None
    fixed: bool = False
    needed: int = field(init=False)
    ceiling: int = field(init=False)

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"a ceiling is at least 1 trial, not {self.limit}")
        needed = zero_fail_n(self.bad_failure, self.beta)
        limit = needed if self.limit is None else self.limit
        object.__setattr__(self, "needed", needed)
        object.__setattr__(self, "ceiling", limit if self.fixed else min(limit, needed))

    @property
    def any_time(self) -> bool:
        """Whether it may be stopped early: a good build (no violation ever) is never blocked."""
        return not self.fixed

    def decide(self, tally: Tally) -> Decision | None:
        """The decision at this tally, or None to go on."""
        n, failed, holes = tally
        if self.fixed and n < self.ceiling:
            return None
        if failed:
            return Decision(Outcome.FAIL, "violation")
        if n < self.ceiling:
            return None
        if n < self.needed:
            return Decision(Outcome.INCONCLUSIVE, "fixed" if self.fixed else "ceiling")
        if holes:
            return Decision(Outcome.INCONCLUSIVE, "holes")
        return Decision(Outcome.PASS, "fixed" if self.fixed else "boundary")

    def need(self, tally: Tally) -> int:
        """The clean trials that are left to a decision."""
        return max(0, self.ceiling - tally.n)

    def interval(self, tally: Tally, *, cut: bool = False) -> Interval:
        """Exact bounds of the success rate: pass implies lower >= 1 - bad_failure, fail implies upper < 1."""
        n, failed, holes = tally
        open_ended = robbins_interval(tally, self.alpha_used, self.beta)
        if cut or self.decide(tally) is None:
            return open_ended
        if self.fixed:
            return exact_interval(tally, self.alpha_used, self.beta)
        upper = (1.0 - self.alpha_used) ** (1.0 / n) if failed else 1.0
        if holes:
            return open_ended._replace(upper=upper, method="stagewise+robbins" if failed else "robbins")
        clean = n - 1 if failed else n
        lower = self.beta ** (1.0 / clean) if clean else 0.0
        if clean >= self.needed:  # what was ruled out stays so, whatever the rounding
            lower = max(lower, 1.0 - self.bad_failure)
        return Interval(lower, upper, "stagewise", open_ended.confidence)

    def oc(self, p: float) -> OC:
        """Exact operating characteristics without holes, at success rate p in [0, 1]."""
        clean = p**self.ceiling
        enough = self.ceiling >= self.needed
        left = tuple(1.0 if self.fixed else p**n for n in range(self.ceiling))
        return OC(clean if enough else 0.0, 1.0 - clean, 0.0 if enough else clean, math.fsum(left), left)


@dataclass(frozen=True, slots=True)
class Census:
    """All there is: identical replies to identical requests, so that `cases` trials are the whole truth.

    Args: threshold the success rate that passes, in [0, 1]; cases >= 1. Exact comparison, no error rates.
    """

    threshold: float
    cases: int

    def __post_init__(self) -> None:
        if self.cases < 1 or not 0.0 <= self.threshold <= 1.0:
            raise ValueError(
                f"a census needs at least 1 case and a threshold in [0, 1], not {self.cases}, {self.threshold:g}"
            )

    @property
    def ceiling(self) -> int:
        """The number of cases."""
        return self.cases

    @property
    def any_time(self) -> bool:
        """False: it decides when every case was seen."""
        return False

    def decide(self, tally: Tally) -> Decision | None:
        """The decision once every case was seen, None before."""
        n, failed, holes = tally
        if n < self.cases:
            return None
        # k / n is compared as k against threshold * n: 1 - 0.7 is a rounding above 0.3
        wanted = self.threshold * n - 1e-9 * n
        if n - failed - holes >= wanted:
            return Decision(Outcome.PASS, "census")
        return Decision(Outcome.FAIL if n - failed < wanted else Outcome.INCONCLUSIVE, "census")

    def need(self, tally: Tally) -> int:
        """The cases that are left."""
        return max(0, self.cases - tally.n)

    def interval(self, tally: Tally, *, cut: bool = False) -> Interval:
        """[k/K, k/K]; holes and, in a cut run, cases not seen widen it."""
        n, failed, holes = tally
        whole = max(n, self.cases)
        return Interval((n - failed - holes) / whole, (whole - failed) / whole, "census", (1.0, 1.0))

    def oc(self, p: float) -> OC:
        """As if each case were good with probability p: not a sampling statement about these cases."""
        n = self.cases
        allowed = n - math.ceil(self.threshold * n - 1e-9 * n)
        p_pass = binomial.cdf(allowed, n, 1.0 - p)
        return OC(p_pass, 1.0 - p_pass, 0.0, float(n), (1.0,) * n)
