"""What every rule on outcome counts obeys: a fold over chunks of shots, looked at by a fixed schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pytest_llmgate.core.decision import Decision

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Seen(NamedTuple):
    """Shots of one stream so far.

    shots: their number. counts: by outcome, in the rule's order of outcomes; one more entry at the end counts all
    outcomes that the rule does not know. first: the same for every other chunk (0, 2, 4, …) alone, for rules that
    choose a question on one half and ask it of the other.
    """

    shots: int
    counts: Ints
    first: Ints

    @classmethod
    def none(cls, outcomes: int) -> Seen:
        """Before the first shot. outcomes: known ones."""
        return cls(0, np.zeros(outcomes + 1, np.int64), np.zeros(outcomes + 1, np.int64))

    def plus(self, chunk: Ints, *, even: bool) -> Seen:
        """After one more chunk. chunk: counts by outcome. even: whether its ordinal is even."""
        first = self.first + chunk if even else self.first
        return Seen(self.shots + int(chunk.sum()), self.counts + chunk, first)


class ShotsRule(Protocol):
    """A decision rule on outcome counts; pure, so that a recorded run can be decided again."""

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Known outcomes; arrays of `Seen` are in this order, with one entry more for all others."""

    @property
    def looks(self) -> tuple[int, ...]:
        """Total shots, increasing, at which the rule wants to be asked; the last one is its ceiling."""

    def decide(self, seen: Seen) -> Decision | None:
        """The decision at a look, or None to go on. At the last look it is never None."""

    def figures(self, seen: Seen) -> Mapping[str, Any]:
        """JSON-ready figures of the verdict, rounded so that they are the same everywhere: `tvd`, `tvd_interval`, …"""
