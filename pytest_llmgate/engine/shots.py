"""How the chunks of one arm are folded into the decision of one gate."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np

from pytest_llmgate.core.circuit import Counts
from pytest_llmgate.core.decision import Decision, Outcome, Rule
from pytest_llmgate.core.plan import GatePlan
from pytest_llmgate.engine.gate import GateFold
from pytest_llmgate.stats.shots.distances import closeness
from pytest_llmgate.stats.shots.rule import Ints, Seen, ShotsRule
from pytest_llmgate.stats.shots.standing import standings
from pytest_llmgate.stats.shots.two_sample import TwoSampleRule

SHOWN_OUTCOMES: Final = 16


class ShotFold(Protocol):
    """One gate on one arm: folds chunks, freezes at its decision and goes on counting."""

    plan: GatePlan
    arm: int

    @property
    def decision(self) -> Decision | None:
        """None while it goes on."""

    @property
    def shots(self) -> int:
        """Shots at the decision, or so far."""

    @property
    def shots_all(self) -> int:
        """All shots of the arm that count."""

    def add(self, counts: Counts, ordinal: int, seed: int) -> None:
        """Fold one chunk. ordinal: in its arm, from 0. seed: of its trial."""

    def stop(self, outcome: Outcome, reason: str) -> None:
        """End from outside."""

    def anew(self) -> ShotFold:
        """The same gate before its first chunk."""

    def figures(self) -> Mapping[str, Any]:
        """JSON-ready figures at the decision."""


class OutcomeFold:
    """A rule on the counts of all outcomes.

    extra: what the verdict says beside the rule's figures. reduce: from an outcome to what the rule counts, None for
    itself. expected: probabilities by counted outcome, for the table of outcomes. dealt: whether each chunk is dealt
    into the two halves of `Seen`, where else they are every other chunk.
    """

    def __init__(
        self,
        plan: GatePlan,
        arm: int,
        rule: ShotsRule,
        extra: Mapping[str, Any] = MappingProxyType({}),
        reduce: Callable[[str], str] | None = None,
        expected: Mapping[str, float] | None = None,
        *,
        dealt: bool = False,
    ) -> None:
        self.plan = plan
        self.arm = arm
        self.rule = rule
        self.decision: Decision | None = None
        self._extra = extra
        self._reduce = reduce
        self._expected = expected
        self._dealt = dealt
        self._places = {outcome: place for place, outcome in enumerate(rule.outcomes)}
        self._looks = frozenset(rule.looks)
        self._at = self._seen = Seen.none(len(rule.outcomes))

    @property
    def shots(self) -> int:
        return self._at.shots

    @property
    def shots_all(self) -> int:
        return self._seen.shots

    def add(self, counts: Counts, ordinal: int, seed: int) -> None:
        chunk = np.zeros(len(self._places) + 1, np.int64)
        for outcome, number in counts.items():
            known = outcome if self._reduce is None else self._reduce(outcome)
            chunk[self._places.get(known, -1)] += number
        if self._dealt:
            first = dealt_half(chunk, ordinal, seed)
            seen = self._seen.plus(first, even=True).plus(chunk - first, even=False)
        else:
            seen = self._seen.plus(chunk, even=ordinal % 2 == 0)
        self._seen = seen
        if self.decision is None:
            self._at = seen
            if seen.shots in self._looks:
                self.decision = self.rule.decide(seen)

    def stop(self, outcome: Outcome, reason: str) -> None:
        self.decision = Decision(outcome, reason)

    def anew(self) -> OutcomeFold:
        return OutcomeFold(self.plan, self.arm, self.rule, self._extra, self._reduce, self._expected, dealt=self._dealt)

    def figures(self) -> Mapping[str, Any]:
        if not self._at.shots:
            return {**self._extra}
        found = {**self._extra, **self.rule.figures(self._at)}
        if self._expected is not None:
            found["outcomes"] = outcome_table(self._expected, self._counts(), self._at.shots)
            if not isinstance(self.rule, TwoSampleRule):  # shares of a sample are no reference
                found["figures"] = self._distances(self._expected)
        return found

    def standings(self) -> Mapping[str, Any]:
        """What the shots up to the decision say of each alternative; nothing where none were asked about."""
        return standings(self.rule, self._at) if self._at.shots else {}

    def _distances(self, expected: Mapping[str, float]) -> dict[str, Any]:
        """Fidelity and cross-entropies with their intervals; the TVD stands by itself."""
        known = [expected.get(outcome, 0.0) for outcome in self.rule.outcomes]
        p = np.array([*known, max(0.0, 1.0 - math.fsum(known))])
        size = 2 ** len(self.rule.outcomes[0].replace(" ", "")) if self._reduce is None else None
        return closeness(p, self._at.counts, size=size)

    def _counts(self) -> dict[str, int]:
        """Counts by outcome at the decision; what the rule does not know is under an empty name."""
        named = zip((*self.rule.outcomes, ""), self._at.counts.tolist(), strict=True)
        return {outcome: number for outcome, number in named if number}


def dealt_half(chunk: Ints, ordinal: int, seed: int) -> Ints:
    """Half of a chunk's shots, chosen at random: shots of a job have no order, so any half is a sample of its own.

    An odd shot goes to this half where the ordinal is even. seed: of the trial.
    """
    half = (int(chunk.sum()) + (ordinal % 2 == 0)) // 2
    return np.random.default_rng([seed, 1]).multivariate_hypergeometric(chunk, half)  # [seed, 1]: not what drew them


def outcome_table(expected: Mapping[str, float], counts: Mapping[str, int], shots: int) -> list[dict[str, Any]]:
    """The outcomes that matter most, by their larger share: expected and observed, and the residual between.

    residual: (observed - expected) in standard deviations of a good circuit's count; None where it expects none.
    """
    largest = sorted(
        {*expected, *counts}, key=lambda name: (-max(expected.get(name, 0.0), counts.get(name, 0) / shots), name)
    )
    rows = []
    for name in largest[:SHOWN_OUTCOMES]:
        p, seen = expected.get(name, 0.0), counts.get(name, 0)
        spread = math.sqrt(shots * p * (1.0 - p))
        residual = (seen - shots * p) / spread if spread > 0.0 else None
        rows.append({"outcome": name, "expected": _short(p), "observed": seen, "residual": _short(residual)})
    left = largest[SHOWN_OUTCOMES:]
    if left:
        rest = math.fsum(expected.get(name, 0.0) for name in left)
        seen = sum(counts.get(name, 0) for name in left)
        rows.append(
            {"outcome": None, "expected": _short(rest), "observed": seen, "residual": None, "others": len(left)}
        )
    return rows


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


class SuccessFold:
    """An ordinary rate gate on single shots; good: the wanted bitstrings.

    A chunk says how many of its shots were good and not in which order. Shots are exchangeable, so an order drawn from
    the chunk's own seed keeps the rule's error rates, which are stated for a look after every shot.
    """

    def __init__(
        self,
        plan: GatePlan,
        arm: int,
        rule: Rule,
        good: frozenset[str],
        extra: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.plan = plan
        self.arm = arm
        self._extra = extra
        self.gate = GateFold(plan, rule)
        self._good = good

    @property
    def decision(self) -> Decision | None:
        return self.gate.decision

    @property
    def shots(self) -> int:
        return self.gate.tally.n

    @property
    def shots_all(self) -> int:
        return self.gate.seen.n

    def add(self, counts: Counts, ordinal: int, seed: int) -> None:
        shots = sum(counts.values())
        hits = sum(number for outcome, number in counts.items() if outcome in self._good)
        wanted = shots - hits if self.plan.inverted else hits
        order = random.Random(seed)  # noqa: S311 - an order of exchangeable shots, no secret
        failed = frozenset(order.sample(range(shots), shots - wanted))
        for place in range(shots):
            self.gate.add(place not in failed)

    def stop(self, outcome: Outcome, reason: str) -> None:
        self.gate.stop(outcome, reason)

    def anew(self) -> SuccessFold:
        return SuccessFold(self.plan, self.arm, self.gate.rule, self._good, self._extra)

    def figures(self) -> Mapping[str, Any]:
        return self._extra


class SettledFold:
    """A gate that no shot can change: computed exactly, or lacking what it would be compared with."""

    shots = 0

    def __init__(self, plan: GatePlan, arm: int, decision: Decision, figures: Mapping[str, Any]) -> None:
        self.plan = plan
        self.arm = arm
        self.decision = decision
        self.shots_all = 0
        self._figures = figures

    def add(self, counts: Counts, ordinal: int, seed: int) -> None:
        """Count what others asked for."""
        self.shots_all += sum(counts.values())

    def stop(self, outcome: Outcome, reason: str) -> None:
        """It has been decided before."""

    def anew(self) -> SettledFold:
        return SettledFold(self.plan, self.arm, self.decision, self._figures)

    def figures(self) -> Mapping[str, Any]:
        return self._figures
