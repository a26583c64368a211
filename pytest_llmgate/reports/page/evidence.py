"""What the page shows of a test beside its verdict: figures that recorded trials give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

HOLE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """The path of a sequential gate from trial to trial.

    steps: of each trial up to the decision, 1 for good, 0 for bad, HOLE for one that was never scored. up, down: what a
    good trial adds to the evidence for a good build, and what a failure takes from it (logs of likelihood ratios, > 0).
    passes: the evidence at which the gate passes; fails: how far below 0 it fails. ceiling: the most trials. cut: the
    most failures that pass there, or None.
    """

    steps: bytes
    up: float
    down: float
    passes: float
    fails: float
    ceiling: int
    cut: int | None


class Sample(NamedTuple):
    """A trial that no gate objects to."""

    case: str
    repeat: int
    trial: int
    reply: str | None


class CaseCount(NamedTuple):
    """How often a case failed. trials: those that were scored."""

    case: str
    failed: int
    trials: int


class SliceCount(NamedTuple):
    """How often a gate held on the cases of one slice."""

    name: str
    gate: str
    good: int
    scored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TestEvidence:
    """Of one test. model: alias, provider and name of the model asked, None where that is not known.

    walks: by gate, where there is a path to be drawn. passing: a few of `passed` trials. worst: cases that failed, the
    worst first.
    """

    __test__ = False

    model: str | None = None
    walks: Mapping[str, Walk] = field(default_factory=lambda: MappingProxyType({}))
    passing: tuple[Sample, ...] = ()
    passed: int = 0
    worst: tuple[CaseCount, ...] = ()
    slices: tuple[SliceCount, ...] = ()


NOTHING = TestEvidence()


class Evidence(Protocol):
    """Looks up what recorded trials show; worked out only for tests that the page has room for."""

    @property
    def missing(self) -> str:
        """Why there is none, as a clause; empty where there is."""

    def of(self, test_id: str) -> TestEvidence:
        """The evidence of one test."""

    def model(self, test_id: str) -> str | None:
        """The model that a test asked, None where that is not known."""


class NoEvidence:
    """A result without its trials. missing: why they are not there."""

    def __init__(self, missing: str = "") -> None:
        self.missing = missing

    def of(self, test_id: str) -> TestEvidence:
        return NOTHING

    def model(self, test_id: str) -> str | None:
        return None


Transcripts = Callable[[str], Mapping[str, Any] | None]
"""A redacted reply, with what was written beside it, by its digest."""
