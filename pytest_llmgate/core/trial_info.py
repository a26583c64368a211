"""What a function or a test body may know of the trial that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy

    from pytest_llmgate.core.trial import Trial


class TrialInfo:
    """The `trial` argument: `seed`, `index` (place in the test's order), `repeat` (ordinal within its case)."""

    __slots__ = ("_rng", "index", "repeat", "seed")

    def __init__(self, trial: Trial) -> None:
        self.index, _, self.repeat, self.seed = trial
        self._rng: numpy.random.Generator | None = None

    @property
    def rng(self) -> numpy.random.Generator:
        """A numpy Generator seeded with the trial's seed; the same one each time it is asked for."""
        if self._rng is None:
            from numpy.random import default_rng  # only here: numpy costs more than all of a run's start

            self._rng = default_rng(self.seed)
        return self._rng

    def __repr__(self) -> str:
        return f"trial(index={self.index}, repeat={self.repeat}, seed={self.seed})"
