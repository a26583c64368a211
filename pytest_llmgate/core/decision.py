"""What a decision rule says: outcomes, tallies, intervals, and the rule's own shape."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Protocol


class Outcome(StrEnum):
    """The verdict on a gate, a test or a run."""

    PASS = "pass"  # noqa: S105 - the word of the interface, not a secret
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    FAIL = "fail"

    @property
    def rank(self) -> int:
        """How bad it is: fail > error > inconclusive > pass."""
        return _RANKS[self]


_RANKS = {Outcome.PASS: 0, Outcome.INCONCLUSIVE: 1, Outcome.ERROR: 2, Outcome.FAIL: 3}


class Tally(NamedTuple):
    """Trials folded so far: `n` in all, of which `failed` were bad and `holes` could not be scored."""

    n: int = 0
    failed: int = 0
    holes: int = 0

    def add(self, good: bool | None) -> Tally:
        """The tally after one more trial; `None` is a hole."""
        if good:
            return Tally(self.n + 1, self.failed, self.holes)
        if good is None:
            return Tally(self.n + 1, self.failed, self.holes + 1)
        return Tally(self.n + 1, self.failed + 1, self.holes)

    @property
    def successes(self) -> int:
        return self.n - self.failed - self.holes


class Decision(NamedTuple):
    """A rule's word, and why it stopped: `boundary`, `fixed`, `census`, `ceiling`, …"""

    outcome: Outcome
    stop_reason: str


class Interval(NamedTuple):
    """Bounds of a success rate; `lower` holds at confidence `confidence[0]`, `upper` at `confidence[1]`."""

    lower: float
    upper: float
    method: str
    confidence: tuple[float, float]


class Rule(Protocol):
    """A decision rule as a fold over tallies: pure, so that a recorded run can be decided again."""

    @property
    def any_time(self) -> bool:
        """Whether stopping early, for any reason, keeps the stated error rates."""

    @property
    def ceiling(self) -> int:
        """The most trials that the rule can use."""

    def decide(self, tally: Tally) -> Decision | None:
        """The decision at this tally, or None to go on. Called after every trial, in index order."""

    def need(self, tally: Tally) -> int:
        """How many further trials would decide if all of them were good (at least 1 while undecided)."""

    def interval(self, tally: Tally, *, cut: bool = False) -> Interval:
        """The interval of the success rate at this tally; `cut`: stopped from outside before a decision."""
