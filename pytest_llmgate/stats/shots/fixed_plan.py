"""What an identity gate with a fixed number of shots would catch, before a shot is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pytest_llmgate.stats.shots.causes import NEVER_REVEALED
from pytest_llmgate.stats.shots.hypotheses import Alternative, Reference, tvd
from pytest_llmgate.stats.shots.identity_plan import DECLARED_TVD, LIKELY, SCREEN_TVD, Unresolved, unresolved_notes
from pytest_llmgate.stats.shots.minp import FixedIdentityRule
from pytest_llmgate.stats.shots.screen import power_against, undeclared_power


class FixedProspect(NamedTuple):
    """An alternative, its distance, and the probability that a circuit with this fault fails."""

    name: str
    tvd: float
    power: float


@dataclass(frozen=True, eq=False, kw_only=True)
class FixedIdentityPlan:
    """Result of `plan_fixed_identity`. undeclared: power against a change of TVD 0.1 that nobody declared."""

    rule: FixedIdentityRule
    declared: tuple[FixedProspect, ...]
    unresolved: tuple[Unresolved, ...]
    undeclared: float
    notes: tuple[str, ...]


def plan_fixed_identity(
    reference: Reference,
    alternatives: Sequence[Alternative],
    *,
    alpha: float,
    shots: int,
    seed: int,
    draws: int | None = None,
) -> FixedIdentityPlan:
    """The fixed rule and its simulated power against each alternative with a TVD of 0.02 or more.

    Args: reference and alternatives as from `align`. alpha: this gate's own share, in (0, 1). shots: all are used.
    seed: from a hash, for the test's draws. draws: B (None: 20 / alpha). Raises ValueError where B cannot reject.
    """
    rule = FixedIdentityRule(
        reference=reference, shots=shots, alpha=alpha, seed=seed, alternatives=tuple(alternatives), draws=draws
    )
    pairs = [(alternative, tvd(reference.p, alternative.p)) for alternative in alternatives]
    declared = tuple(
        FixedProspect(other.name, distance, power_against(reference.p, other.p, shots, level=alpha))
        for other, distance in pairs
        if distance >= DECLARED_TVD
    )
    rest = tuple(
        Unresolved(other.name, distance, distance < NEVER_REVEALED)
        for other, distance in pairs
        if distance < DECLARED_TVD
    )
    undeclared = undeclared_power(reference.p, shots, level=alpha, tvd=SCREEN_TVD)
    notes = [f"an undeclared change of TVD {SCREEN_TVD:g} is caught in {100 * undeclared:.0f} % at {shots:,} shots"]
    weak = [f"{item.name} ({100 * item.power:.0f} %)" for item in declared if item.power < LIKELY]
    if weak:
        notes.append(f"{shots:,} shots may let these faults pass: {', '.join(weak)}")
    return FixedIdentityPlan(
        rule=rule,
        declared=declared,
        unresolved=rest,
        undeclared=undeclared,
        notes=(*notes, *unresolved_notes(rest)),
    )
