"""The port between the hardware adapter and the store: a hard budget of jobs."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, NamedTuple, Protocol

from pytest_llmgate.core.circuit import HardwareBudget


class ShotCost(NamedTuple):
    """What a job takes. seconds: that the device bills; None where a reservation takes all that is left of them."""

    shots: int
    seconds: Decimal | None = Decimal(0)
    usd: Decimal = Decimal(0)


class Reservation(NamedTuple):
    """The answer to a wish to submit.

    state: `granted`; `busy`: it fits once jobs under way give back what they do not need; `exhausted`; `known`: the
    same tag is set aside already, so that its job may have been submitted. cost: what is set aside.
    lacking: which limit refuses, in words.
    """

    state: Literal["granted", "busy", "exhausted", "known"]
    cost: ShotCost
    lacking: str = ""


class ShotLedger(Protocol):
    """The hard budget of hardware jobs, shared by parallel runs."""

    def reserve(self, scope: str, tag: str, cost: ShotCost, budget: HardwareBudget) -> Reservation:
        """Set the worst case of a job aside. scope: what the budget is for. tag: names the job, for good."""

    def settle(self, scope: str, tag: str, spent: ShotCost) -> None:
        """Turn a reservation into what was spent. One that is never settled counts as spent."""

    def halt(self, device: str, why: str) -> None:
        """Submit nothing more to a device in this run, by any of its processes."""

    def halted(self, device: str) -> str:
        """Why nothing more is submitted to a device in this run; empty where something may be."""
