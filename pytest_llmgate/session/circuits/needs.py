"""Exact distributions that tests need, gathered first and computed together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pytest_llmgate.quantum.distribution import Distribution
from pytest_llmgate.quantum.lab import Job, Lab


@dataclass(slots=True)
class Needs:
    """Jobs whose distributions will be asked for; every test adds its own, one run of the simulator serves them all."""

    jobs: list[Job] = field(default_factory=list)
    found: list[Distribution | None] = field(default_factory=list)

    def ask(self, job: Job) -> int:
        """Note a job; the number is what its distribution is fetched by."""
        self.jobs.append(job)
        return len(self.jobs) - 1

    def fetch(self, number: int) -> Distribution | None:
        """The distribution of a job, None where it is too wide to be had exactly."""
        return self.found[number]


def compute_all(needs: Sequence[Needs], lab: Lab) -> None:
    """Fill in the needs of several tests together: many circuits in one run are several times faster than alone."""
    every = lab.exact([job for need in needs for job in need.jobs])
    begin = 0
    for need in needs:
        need.found = every[begin : begin + len(need.jobs)]
        begin += len(need.jobs)
