"""What an identity gate will do and what it will cost, before a shot is spent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from pytest_llmgate.core.circuit import Screen as ScreenMode
from pytest_llmgate.stats.shots.catch import Catch, catches
from pytest_llmgate.stats.shots.causes import NEVER_REVEALED
from pytest_llmgate.stats.shots.hypotheses import Alternative, Reference, tvd
from pytest_llmgate.stats.shots.identity import SEQUENTIAL_SHARE, IdentityRule
from pytest_llmgate.stats.shots.rehearsal import Rehearsal, rehearse
from pytest_llmgate.stats.shots.schedule import look_totals
from pytest_llmgate.stats.shots.screen import LARGEST, Screen, screen_shots
from pytest_llmgate.stats.shots.walks import mean_stop, walk

DECLARED_TVD: Final = 0.02
"""Alternatives at least this far from the reference must be ruled out by a pass."""

SCREEN_TVD: Final = 0.1
SCREEN_POWER: Final = 0.8
LIKELY: Final = 0.9
"""A pass, or the catch of a fault, that is less likely than this is worth a note."""


class Prospect(NamedTuple):
    """What is to be expected of one declared alternative.

    tvd: its distance. shots_to_rule_out: a good circuit's mean shots until this one is ruled out. shots_to_catch: the
    mean shots until a circuit with this fault fails. power: the probability that it fails by the ceiling.
    """

    name: str
    tvd: float
    shots_to_rule_out: float
    shots_to_catch: float
    power: float


class Unresolved(NamedTuple):
    """An alternative that is too near to be declared. never: this measurement cannot reveal it at all."""

    name: str
    tvd: float
    never: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class IdentityPlan:
    """Result of `plan_identity`. What is to be expected is computed when it is asked for: a run needs the rule alone.

    screen: None with `screen: quick`. can_pass: False where the screen's N is above the ceiling, or where nothing at
    all would be tested: the caller refuses.
    """

    rule: IdentityRule
    unresolved: tuple[Unresolved, ...]
    screen: Screen | None

    @property
    def can_pass(self) -> bool:
        """Whether a good circuit can pass at all."""
        return self.rule.can_pass

    @cached_property
    def declared(self) -> tuple[Prospect, ...]:
        """What is to be expected of every declared alternative."""
        return _prospects(self.rule)

    @cached_property
    def rehearsal(self) -> Rehearsal | None:
        """How good circuits fare in a rehearsal; None where none can pass."""
        return rehearse(self.rule) if self.can_pass else None

    @property
    def pass_expectation(self) -> float | None:
        """A good circuit's mean shots."""
        return self.rehearsal.shots if self.rehearsal else None

    @property
    def pass_probability(self) -> float | None:
        """The part of good circuits that pass by the ceiling; the others are inconclusive."""
        return self.rehearsal.passes if self.rehearsal else None

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that the user should read before spending."""
        ceiling = self.rule.looks[-1]
        return (
            *_screen_notes(self.screen, self.rule),
            *_pass_notes(self.rehearsal, self.declared, ceiling),
            *_fault_notes(self.declared, ceiling),
            *_unresolved_notes(self.unresolved),
        )


def plan_identity(
    reference: Reference,
    alternatives: Sequence[Alternative],
    *,
    alpha: float,
    beta: float,
    ceiling: int,
    screen: ScreenMode,
    seed: int,
) -> IdentityPlan:
    """The rule for "the reference's own distribution", and what to expect of it.

    Args: reference and alternatives as from `align`. alpha: this gate's own share (alpha_used), beta: both in (0, 1).
    ceiling: the most shots. screen: `full` adds the omnibus test at N, `quick` does not. seed: from a hash, for the
    omnibus test's draws. Raises ValueError where these make no rule. Shots and powers of single alternatives are those
    of a normal approximation of the log-likelihood walks (`walks.Walk.arrived`), within about a fifth in simulations.
    """
    distances = [tvd(reference.p, alternative.p) for alternative in alternatives]
    pairs = list(zip(alternatives, distances, strict=True))
    declared = [alternative for alternative, distance in pairs if distance >= DECLARED_TVD]
    rest = [(alternative, distance) for alternative, distance in pairs if distance < DECLARED_TVD]
    screened = _screened(reference, alpha, ceiling) if screen == "full" else None
    screen_at = _screen_at(screened, ceiling)
    rule = IdentityRule(
        reference=reference,
        declared=tuple(declared),
        unresolved=tuple(alternative for alternative, _ in rest),
        alpha=alpha,
        beta=beta,
        totals=look_totals(ceiling, *(() if screen_at is None else (screen_at,))),
        screen_at=screen_at,
        seed=seed,
    )
    unresolved = tuple(Unresolved(other.name, distance, distance < NEVER_REVEALED) for other, distance in rest)
    return IdentityPlan(rule=rule, unresolved=unresolved, screen=screened)


def _screened(reference: Reference, alpha: float, ceiling: int) -> Screen:
    level = (1.0 - SEQUENTIAL_SHARE) * alpha
    return screen_shots(reference.p, level=level, tvd=SCREEN_TVD, power=SCREEN_POWER, most=ceiling)


def _screen_at(screened: Screen | None, ceiling: int) -> int | None:
    """N of the rule; a screen that needs more than was even tried is beyond every ceiling."""
    if screened is None:
        return None
    return ceiling + 1 if screened.shots is None else screened.shots


def _prospects(rule: IdentityRule) -> tuple[Prospect, ...]:
    return tuple(_prospect(rule, other, catch) for other, catch in catches(rule))


def _prospect(rule: IdentityRule, alternative: Alternative, catch: Catch) -> Prospect:
    p, q = rule.reference.p, alternative.p
    away = walk(p, p, q)
    out = [away.arrived(look, -math.log(rule.beta)) for look in rule.looks]
    caught = mean_stop(rule.looks, [catch.arrived(look) for look in rule.looks])
    return Prospect(alternative.name, tvd(p, q), mean_stop(rule.looks, out), caught, catch.power(rule.looks[-1]))


def _screen_notes(screened: Screen | None, rule: IdentityRule) -> list[str]:
    if screened is None:
        notes = ["undeclared changes not tested (screen: quick)"]
        if not rule.declared:
            notes.append("no declared alternative is far enough to be tested either: it cannot pass; use screen: full")
        return notes
    what = f"an undeclared change of TVD {screened.tvd:g}"
    if screened.within:
        return [f"{what} is caught in {100 * screened.power:.0f} % at N = {screened.shots} shots: no pass before"]
    needed = f"more than {LARGEST:,}" if screened.shots is None else f"{screened.shots:,}"
    here = rule.looks[-1]
    weakest = "none below 0.5" if screened.tvd_at_most is None else f"only one of {screened.tvd_at_most:.2f} or more"
    return [
        f"{what} needs {needed} shots, the ceiling is {here:,}: it cannot pass",
        f"{here:,} shots catch {what} in {100 * (screened.power_at_most or 0.0):.0f} %, and surely enough {weakest}",
    ]


def _pass_notes(rehearsal: Rehearsal | None, declared: Sequence[Prospect], ceiling: int) -> list[str]:
    if rehearsal is None or rehearsal.passes >= LIKELY or not declared:
        return []
    slowest = max(declared, key=lambda item: item.shots_to_rule_out)
    percent = f"{100 * (1 - rehearsal.passes):.0f} %"
    return [f"a good circuit is inconclusive at {ceiling:,} shots in {percent}, mostly because of: {slowest.name}"]


def _fault_notes(declared: Sequence[Prospect], ceiling: int) -> list[str]:
    weak = [f"{item.name} ({100 * item.power:.0f} %)" for item in declared if item.power < LIKELY]
    return [f"within {ceiling:,} shots these faults may stay undecided: {', '.join(weak)}"] if weak else []


def _unresolved_notes(unresolved: Sequence[Unresolved]) -> list[str]:
    near = [f"{item.name} (TVD {item.tvd:.2g})" for item in unresolved if not item.never]
    never = [item.name for item in unresolved if item.never]
    notes = []
    if near:
        notes.append(f"too near to be told apart, and not tested: {', '.join(near)}")
    if never:
        notes.append(f"never revealed by this measurement: {', '.join(never)}")
    return notes
